"""Natural order: s1, s2, ... s10, as people number sections (the few lines of natsort that are needed)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any


def natural(path: str | Path) -> tuple[Any, ...]:
    """A sort key for paths, folder by folder: numbers in names compare by value, other text letter by letter."""
    text = str(path)
    # digits are at odd positions, so numbers only meet numbers; the text distinguishes `s01` from `s1`
    parts = [re.split(r"(\d+)", part) for part in Path(text).parts]
    return [[int(piece) if at % 2 else piece for at, piece in enumerate(part)] for part in parts], text

"""Natural order: s1, s2, ... s10, as people number their sections and file managers list them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any


def natural(path: str | Path) -> tuple[Any, ...]:
    """A key to sort paths by: numbers in names count by their value, the rest letter by letter, folder by folder."""
    text = str(path)
    # odd places are the runs of digits, so that numbers are compared with numbers alone; `s01` and `s1` differ last
    parts = [re.split(r"(\d+)", part) for part in Path(text).parts]
    return [[int(piece) if at % 2 else piece for at, piece in enumerate(part)] for part in parts], text

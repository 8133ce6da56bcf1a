"""Texts in a run's folder: written in one step, and named where they are damaged."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from pellucid.errors import InputError, PellucidError
from pellucid.files import replacing


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write readable JSON in one step."""
    write_text(path, json.dumps(values, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text in one step."""
    with replacing(path, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def undamaged(path: Path) -> Iterator[None]:
    """Within the block a file is read; what is wrong with it is told in one line, with its name."""
    try:
        yield
    except PellucidError as problem:
        if str(path) in str(problem):
            raise
        raise InputError(f"{path}: damaged ({problem}); copy the run's folder again") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as problem:
        reason = "; ".join(str(problem).splitlines())
        raise InputError(f"{path}: missing or damaged ({reason}); copy the run's folder again") from None

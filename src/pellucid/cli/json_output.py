"""What commands print with `--json`: one document on standard output, whatever is said on standard error."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from os import PathLike, fspath
from typing import Any


def show_json(document: Mapping[str, Any]) -> None:
    """Print a document with plain values alone."""
    print(json.dumps(plain(document), indent=2, allow_nan=False))  # noqa: T201


def plain(value: Any) -> Any:
    """Return a value as JSON has it: numbers that are not finite become null, paths text, numbers of NumPy numbers."""
    match value:
        case None | bool() | str() | int():
            return value
        case float():
            return float(value) if math.isfinite(value) else None
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case PathLike():
            return fspath(value)
        case tuple() if hasattr(value, "_asdict"):
            return plain(value._asdict())
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in value]
        case _ if hasattr(value, "item"):  # a number of NumPy or torch
            return plain(value.item())
        case _:
            raise TypeError(f"{value!r} cannot be told as JSON")

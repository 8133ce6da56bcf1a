"""What the formats of light microscopes share: optional libraries, and files with several images."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from pellucid.errors import InputError


def library(name: str, path: str) -> Any:
    """Import the library that reads a file.

    Raises:
        InputError: It is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise InputError(
            f"{path}: reading {Path(path).suffix} needs an extra package: pip install 'pellucid[microscopes]'"
        ) from error


def chosen(path: str, inner: str | None, titles: list[str]) -> int:
    """The number of the image that is meant: that after the colon, or the only one.

    Raises:
        InputError: There is none of this number, or there are several and none is named.
    """
    if not titles:
        raise InputError(f"{path}: has no image in it; export it again")
    listing = "; ".join(titles[:4]) + ("; ..." if len(titles) > 4 else "")
    if inner is None and len(titles) > 1:
        raise InputError(f"{path}: has {len(titles)} images ({listing}): name one, as in {path}:0")
    number = int(inner or 0)
    if number >= len(titles):
        raise InputError(f"{path}: has no image {number}; it has {len(titles)} ({listing}), counted from 0")
    return number

"""The order of the images of a source: natural, by name, by time, or that of a list in a text file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pellucid.data.source import Source
from pellucid.errors import InputError
from pellucid.io.image import Image
from pellucid.io.natural_order import natural
from pellucid.io.registry import split

_KEYS: dict[str, Callable[[Path], Any]] = {
    "natural": natural,
    "name": lambda file: (file.name, str(file)),
    "time": lambda file: (file.stat().st_mtime_ns, natural(file)),
}


def in_order(source: Source, order: str) -> Source:
    """The same source with its images in another order; those of one file stay together.

    Args:
        source: of files.
        order: "natural" (s2 before s10), "name" (letter by letter: s10 before s2), "time" (of the last change), or a
            text file with the name of one image a line.

    Raises:
        InputError: the text file cannot be read, or does not list every image once.
    """
    key = _KEYS.get(order)
    ranked = key or _ranks(source.images, Path(order)).__getitem__
    return replace(source, images=sorted(source.images, key=lambda image: ranked(_file(image))))


def _file(image: Image) -> Path:
    return split(image.path)[0]


def _ranks(images: Sequence[Image], order: Path) -> dict[Path, int]:
    """The place of each file in the list."""
    listed = _listed(order)
    if twice := [name for name, count in Counter(listed).items() if count > 1]:
        raise InputError(f"{order}: lists {twice[0]} {listed.count(twice[0])} times: list every image once")
    files = list(dict.fromkeys(map(_file, images)))
    names = {name: number for number, name in enumerate(listed)}
    if alone := [file.name for file in files if file.name not in names]:
        raise InputError(f"{order}: does not list {alone[0]}{_more(alone)}: add it, or move the image elsewhere")
    if unknown := sorted(names.keys() - {file.name for file in files}, key=names.__getitem__):
        raise InputError(f"{order}: lists {unknown[0]}{_more(unknown)}, which is not among the images: remove it")
    return {file: names[file.name] for file in files}


def _listed(order: Path) -> list[str]:
    try:
        lines = order.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise InputError(f"--order {order}: is neither {', '.join(_KEYS)} nor a file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--order {order}: cannot be read as text ({error}); give a text file with names") from None
    return [line.strip() for line in lines if line.strip()]


def _more(names: Sequence[str]) -> str:
    return f" and {len(names) - 1} more" if len(names) > 1 else ""

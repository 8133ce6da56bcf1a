"""Versions, formats that can be read and written here, and extras that are missing."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from typing import NamedTuple

from pellucid.io.registry import FORMATS

KEY_LIBRARIES = ("torch", "numpy", "scipy", "pydantic", "cyclopts", "rich", "tifffile", "imagecodecs", "zarr", "h5py")
"""Distributions on which most problems hang."""

INTERNAL = ("test", "dev", "docs")
"""Extras that only developers need."""

NEEDS = {
    "n5": ("tensorstore", "volumes"),
    "precomputed": ("tensorstore", "volumes"),
    "nd2": ("nd2", "microscopes"),
    "lif": ("liffile", "microscopes"),
    "fluoview": ("oiffile", "microscopes"),
}
"""The library and the extra that the module of a format needs."""


class FormatHere(NamedTuple):
    """What can be done with a format in this installation.

    Attributes:
        name: of the format.
        reads: whether its files can be read.
        writes: whether they can be written.
        extra: what to install to read it; None if that is not needed.
    """

    name: str
    reads: bool
    writes: bool
    extra: str | None


class MissingExtra(NamedTuple):
    """An extra of which something is not installed, and how to install it."""

    name: str
    missing: list[str]
    install: str


def versions() -> dict[str, str | None]:
    """The version of each key library; None for one that is not installed."""
    return {name: _version(name) for name in KEY_LIBRARIES}


def formats() -> list[FormatHere]:
    """What can be read and written here."""
    return [_here(known.name, known.module) for known in FORMATS]


def missing_extras() -> list[MissingExtra]:
    """The extras for users that are not complete."""
    found: dict[str, list[str]] = defaultdict(list)
    for extra, name in _of_extras():
        if extra not in INTERNAL and _version(name) is None:
            found[extra].append(name)
    return [MissingExtra(extra, names, f"pip install 'pellucid[{extra}]'") for extra, names in found.items()]


def _here(name: str, module: str) -> FormatHere:
    library, extra = NEEDS.get(module, ("", None))
    if library and find_spec(library) is None:
        return FormatHere(name, False, False, extra)
    known = next(known for known in FORMATS if known.module == module)
    return FormatHere(name, True, bool(known.load().WRITABLE), None)


def _of_extras() -> Iterator[tuple[str, str]]:
    """Each extra of the installed Pellucid with the name of each distribution that it needs."""
    for line in requires("pellucid") or []:
        if match := re.fullmatch(r"([\w.-]+).*;.*extra == ['\"]([\w-]+)['\"].*", line):
            yield match[2], match[1]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None

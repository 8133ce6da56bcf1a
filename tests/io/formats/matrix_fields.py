"""Something that a file says, and a file that says it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FLAT = {"Y": slice(0, 20), "X": slice(10, 26)}
REGION = {"Z": slice(1, 3), "Y": slice(0, 20), "X": slice(10, 26)}


@dataclass(frozen=True)
class Field:
    """Something that a file says.

    Attributes:
        name: In the table.
        read: It, from a file; None if the file does not say it.
        words: By which a note names it; empty if it only concerns this file: how pixels are stored, a name.
        part: What of it belongs to the region; None if all.
    """

    name: str
    read: Callable[[Path], Any]
    words: str = ""
    part: Callable[[Any], Any] | None = None


@dataclass(frozen=True)
class Source:
    """A file.

    Attributes:
        format: In the table.
        extension: Of the file.
        make: Writes it.
        fields: What it says.
        region: A part of it, along each axis.
        inner: What opens it, after the name.
    """

    format: str
    extension: str
    make: Callable[[Path], object]
    fields: tuple[Field, ...]
    region: Mapping[str, slice] = field(default_factory=lambda: REGION)
    inner: str = ""

"""The letters of axes by the names that files and libraries give them."""

from __future__ import annotations

from collections.abc import Iterable

from pellucid.io.layout import AXES

#: The letter of a dimension whose name says nothing to us.
UNKNOWN = "?"
_LETTERS = {
    **{letter.lower(): letter for letter in AXES},
    "time": "T",
    "channel": "C",
    "channels": "C",
    "depth": "Z",
    "height": "Y",
    "width": "X",
}


def axis_letter(name: object) -> str:
    """The letter of an axis by its name in any case; ``UNKNOWN`` if it is none that we know."""
    return _LETTERS.get(str(name).strip().lower(), UNKNOWN)


def axis_letters(names: Iterable[object]) -> str:
    """The letters of all axes; empty if Y or X is not among them, because the names then tell too little."""
    letters = "".join(map(axis_letter, names))
    return letters if {"Y", "X"} <= set(letters) else ""

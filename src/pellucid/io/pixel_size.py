"""The size of a pixel, in units of length."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pellucid.errors import InputError


def _plural(*words: str) -> tuple[str, ...]:
    return (*words, *(f"{word}s" for word in words))


_METRES = {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "µm": 1e-6, "nm": 1e-9, "Å": 1e-10, "pm": 1e-12}
_SPELLINGS = {
    "µm": ("µm", "μm", "um", "micron", "microns", *_plural("micrometer", "micrometre"), "\\u00b5m"),
    "nm": ("nm", *_plural("nanometer", "nanometre")),
    "Å": ("å", "Å", *_plural("angstrom", "ångström"), "a"),
    "mm": ("mm", *_plural("millimeter", "millimetre")),
    "cm": ("cm", *_plural("centimeter", "centimetre")),
    "pm": ("pm", *_plural("picometer", "picometre")),
    "m": ("m", *_plural("meter", "metre")),
}

PRINT_METRES = 20e-6
_PLAUSIBLE = (1e-15, 1e3)  # metres: numbers beyond are of damaged or empty fields


@dataclass(frozen=True)
class PixelSize:
    """The extent of one pixel along each axis that has one, e.g. ``PixelSize({"Y": 10.0, "X": 10.0}, "nm")``.

    The unit is one of m, cm, mm, µm, nm, Å, pm. Sizes are read from a file or given by the user, never guessed.
    """

    values: Mapping[str, float]
    unit: str

    def __post_init__(self) -> None:
        if self.unit not in _METRES:
            raise InputError(f"pixel size: the unit {self.unit!r} is not known; use one of {', '.join(_METRES)}")
        if not self.values or any(not np.isfinite(size) or size <= 0 for size in self.values.values()):
            raise InputError(f"pixel size: {dict(self.values)} must be positive")

    def to(self, unit: str, digits: int = 12) -> PixelSize:
        """The size in another unit, rounded to significant digits: 10 nm is 0.01 µm, not 0.010000000000000002."""
        factor = _METRES[self.unit] / _METRES[unit]
        return PixelSize({axis: float(f"{size * factor:.{digits}g}") for axis, size in self.values.items()}, unit)

    def along(self, axes: str) -> PixelSize | None:
        """The sizes along ``axes``; None if there are none."""
        kept = {axis: size for axis, size in self.values.items() if axis in axes}
        return PixelSize(kept, self.unit) if kept else None

    @property
    def is_plausible(self) -> bool:
        """Whether a pixel of an image can have this size."""
        low, high = _PLAUSIBLE
        return all(low <= size * _METRES[self.unit] <= high for size in self.values.values())

    def __str__(self) -> str:
        return " × ".join(f"{size:.4g}" for size in self.values.values()) + f" {self.unit}"


def known_unit(text: object) -> str | None:
    """The unit for the text in a file (``"micron"`` is µm); None if it is not a length, such as ``"pixel"``."""
    word = str(text).strip().lower()
    return next((unit for unit, spellings in _SPELLINGS.items() if word in spellings), None)


def pixel_size_of(sizes: Mapping[str, float], units: Mapping[str, str]) -> PixelSize | None:
    """The pixel size of axes each of which may have a unit of its own, in X's; None if Y or X has no length.

    Args:
        sizes: By axis; sizes that are not positive say nothing.
        units: By axis, as in the file.
    """
    known = {axis: known_unit(units.get(axis)) for axis in "ZYX" if 0 < sizes.get(axis, 0) < math.inf}
    unit = known.get("X")
    if unit is None or known.get("Y") is None:
        return None
    return PixelSize(
        {axis: PixelSize({axis: sizes[axis]}, own).to(unit).values[axis] for axis, own in known.items() if own}, unit
    )


def positive(value: object) -> float:
    """A number from a file; 0 if it is missing, not a number, infinite or negative."""
    try:
        number = float(str(value))
    except ValueError:
        return 0.0
    return number if 0 < number < math.inf else 0.0


def rectangle(x: object, y: object, unit: str | None) -> PixelSize | None:
    """The size of a pixel from two numbers in a file; None if one is not positive, or the unit is not known."""
    sizes = {"Y": float(f"{positive(y):.7g}"), "X": float(f"{positive(x):.7g}")}
    return PixelSize(sizes, unit) if unit and min(sizes.values()) > 0 else None


def square(value: object, unit: object) -> PixelSize | None:
    """The size of a square pixel, with its unit as in the file."""
    return rectangle(value, value, known_unit(unit))


def metres(x: object, y: object) -> PixelSize | None:
    """The size of a pixel from two numbers in metres, in a unit that is easy to read."""
    size = rectangle(x, y, "m")
    return readable(size) if size else None


def readable(size: PixelSize) -> PixelSize:
    """A size in nanometres below a micrometre, else in micrometres."""
    return size.to("nm" if size.to("m").values["X"] < 1e-6 else "µm", digits=7)

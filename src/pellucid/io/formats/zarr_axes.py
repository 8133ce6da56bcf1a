"""The axes of an OME-Zarr: which letter each is, by its type and its name, and how they are written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pellucid.errors import InputError
from pellucid.io.axis_names import UNKNOWN, axis_letter
from pellucid.io.layout import AXES
from pellucid.io.pixel_size import known_unit

_TYPES = {"T": "time", "C": "channel"}
_OF_TYPE = {kind: letter for letter, kind in _TYPES.items()}
_UNITS = {
    "m": "meter",
    "cm": "centimeter",
    "mm": "millimeter",
    "µm": "micrometer",
    "nm": "nanometer",
    "Å": "angstrom",
    "pm": "picometer",
}
#: Versions whose images have no axes in the metadata, because they are always five, in this order: T, C, Z, Y, X.
_WITHOUT_AXES = ("0.1", "0.2")


def letters_of(multiscale: Mapping[str, Any], version: str, dimensions: int, path: str) -> str:
    """The letters of the axes of a multiscale, in stored order.

    Raises:
        InputError: The axes are not named, contradict themselves or are not as many as the dimensions.
    """
    if multiscale.get("axes") is None and version in _WITHOUT_AXES:
        if dimensions != len(AXES):
            raise InputError(
                f"{path}: is OME-Zarr {version}, whose images have the five axes TCZYX, but has {dimensions} "
                "dimensions; write its metadata again, with axes"
            )
        return AXES
    axes = [axis if isinstance(axis, Mapping) else {"name": axis} for axis in multiscale["axes"]]
    if len(axes) != dimensions:
        names = ", ".join(str(axis["name"]) for axis in axes)
        raise InputError(f"{path}: has {dimensions} dimensions, but the axes {names}; write its metadata again")
    letters = [_letter(axis, path) for axis in axes]
    # an axis of a type of its own stands where channels would
    free = [letter for letter in "CTZ" if letter not in letters]
    return "".join(free.pop(0) if letter == UNKNOWN and free else letter for letter in letters)


def _letter(axis: Mapping[str, Any], path: str) -> str:
    """The letter of an axis: that of its type, which the name may not contradict; in space that of its name."""
    kind = str(axis.get("type") or "").lower()
    named = axis_letter(axis["name"])
    if kind not in _OF_TYPE and kind != "space":
        return named
    fitting = "ZYX" if kind == "space" else _OF_TYPE[kind] + UNKNOWN
    if named not in fitting:
        raise InputError(
            f"{path}: its axis {axis['name']!r} of the type {kind!r} is none that an image has (time, channel, and z, "
            "y, x in space); write its metadata again"
        )
    return _OF_TYPE.get(kind, named)


def axis_units(multiscale: Mapping[str, Any], stored: str) -> dict[str, str]:
    """The units of the axes that have one, as in the file."""
    return {letter: axis["unit"] for letter, axis in _entries(multiscale, stored).items() if axis.get("unit")}


def unusual_axes(multiscale: Mapping[str, Any], stored: str) -> dict[str, dict[str, Any]]:
    """What a file says of its axes, beside units, where it is not what we would write."""
    found = {}
    for letter, axis in _entries(multiscale, stored).items():
        told = {key: value for key, value in axis.items() if key != "unit" and value is not None}
        if axis_letter(told.get("name")) == UNKNOWN:
            found[letter] = told  # the letter is that of a free place, and says nothing of its type
        elif _usual(letter) | told != _usual(letter):
            found[letter] = _usual(letter) | told
    return found


def written_axis(
    letter: str, axes: Mapping[str, Mapping[str, Any]], spelling: str | None, unit: str | None
) -> dict[str, Any]:
    """The entry of an axis: as the file had it, with the unit in the file's spelling unless another unit is used.

    Args:
        letter: The axis.
        axes: Entries that are not the usual ones.
        spelling: Its unit in the file.
        unit: The unit that its scale is in, if it is a length.
    """
    axis = dict(axes.get(letter, _usual(letter)))
    text = spelling if unit is None or known_unit(spelling) == unit else _UNITS[unit]
    return axis | ({"unit": text} if text else {})


def _usual(letter: str) -> dict[str, Any]:
    return {"name": letter.lower(), "type": _TYPES.get(letter, "space")}


def _entries(multiscale: Mapping[str, Any], stored: str) -> dict[str, Mapping[str, Any]]:
    axes = zip(stored, multiscale.get("axes") or (), strict=False)
    return {letter: axis for letter, axis in axes if isinstance(axis, Mapping)}

"""The pixel size of a TIFF: from OME or ImageJ metadata, from the tags of microscopes' makers, from the resolution."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import tifffile

from pellucid.io.maker_text import described_size, tescan_size
from pellucid.io.pixel_size import (
    PRINT_METRES,
    PixelSize,
    known_unit,
    metres,
    pixel_size_of,
    positive,
    readable,
    rectangle,
    square,
)

_IMPERIAL = {"inch": 2.54, "inches": 2.54, "in": 2.54, "mil": 2.54e-3, "mils": 2.54e-3}  # in centimetres


def read_pixel_size(tif: Any, number: int) -> PixelSize | None:
    """The pixel size of a series; None if the file does not state it."""
    page = tif.series[number].keyframe
    if tif.is_ome:
        return _ome_size(tif.ome_metadata, number)
    if tif.is_imagej and (size := _imagej_size(tif.imagej_metadata or {}, page)):
        return size
    first = tif.pages.first
    pages = (page, first) if page.shape[:2] == first.shape[:2] else (page,)
    found = (_maker_size(one) for one in pages)
    return next((size for size in found if size), None) or _printed_size(page, _shaped_metadata(tif))


def _shaped_metadata(tif: Any) -> dict[str, Any]:
    return tif.shaped_metadata[0] if tif.shaped_metadata else {}


def _ome_size(xml: str, number: int) -> PixelSize | None:
    images = tifffile.xml2dict(xml).get("OME", {}).get("Image", {})
    images = images if isinstance(images, list) else [images]
    pixels = images[number].get("Pixels", {}) if number < len(images) else {}
    found = _ome_lengths(pixels)
    if not {"Y", "X"} <= set(found):
        return None
    unit = found["X"].unit
    return PixelSize({axis: size.to(unit).values[axis] for axis, size in found.items()}, unit)


def _ome_lengths(pixels: Mapping[str, Any]) -> dict[str, PixelSize]:
    """The size along each axis of which OME's attributes tell a length."""
    found = {}
    for axis in "ZYX":
        size, unit = positive(pixels.get(f"PhysicalSize{axis}")), known_unit(_ome_unit(pixels, axis))
        if size and unit:
            found[axis] = PixelSize({axis: size}, unit)
    return found


def _ome_unit(pixels: Mapping[str, Any], axis: str) -> str:
    return str(pixels.get(f"PhysicalSize{axis}Unit", "µm"))


def other_ome_calibration(pixels: Mapping[str, Any]) -> tuple[str, ...]:
    """What OME's attributes say of the size of a pixel that is not read, in words."""
    lengths = _ome_lengths(pixels)
    known = lengths if {"Y", "X"} <= set(lengths) else {}
    told = {axis: pixels.get(f"PhysicalSize{axis}") for axis in "XYZ" if axis not in known}
    words = [f"{axis} {size} {_ome_unit(pixels, axis)}" for axis, size in told.items() if positive(size)]
    return (f"calibration ({', '.join(words)})",) if words else ()


def _per_unit(page: Any) -> dict[str, float]:
    """The sizes in the unit of the resolution tags; empty if there are none."""
    told = "XResolution" in page.tags and "YResolution" in page.tags
    per_unit = page.get_resolution() if told else (0, 0)
    if min(per_unit) <= 0:
        return {}
    x, y = (float(f"{1 / number:.7g}") for number in per_unit)
    return {"Y": y, "X": x}


def _imagej_size(metadata: dict[str, Any], page: Any) -> PixelSize | None:
    """The size where ImageJ's units are lengths. A size in inches may be that of a print, like one in the tags."""
    sizes = _per_unit(page)
    if depth := positive(str(metadata.get("spacing")).lstrip("-")):  # whose sign ImageJ ignores
        sizes["Z"] = depth
    units = {axis: _imagej_unit(metadata, axis) for axis in sizes}
    for axis in [axis for axis, unit in units.items() if unit in _IMPERIAL]:
        sizes[axis] = float(f"{sizes[axis] * _IMPERIAL[units[axis]]:.7g}")
        units[axis] = "cm"
        if axis != "Z" and sizes[axis] / 100 >= PRINT_METRES:
            return None
    return pixel_size_of(sizes, units)


def _imagej_unit(metadata: dict[str, Any], axis: str) -> str:
    """The unit along an axis, X's if it has none of its own; letters may be written by their numbers, as in Java."""
    told = str(metadata.get(f"{axis.lower()}unit") or metadata.get("unit", ""))
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda number: chr(int(number[1], 16)), told).strip().lower()


def other_calibration(metadata: dict[str, Any], page: Any) -> dict[str, Any]:
    """What ImageJ says of the size of a pixel where it is no length, to be written as it is."""
    size = _imagej_size(metadata, page)
    if size:
        names = ("zunit", "spacing") if "Z" not in size.values else ()
        return {name: metadata[name] for name in names if name in metadata}
    said = {name: metadata[name] for name in ("unit", "yunit", "zunit", "spacing") if name in metadata}
    tags = (page.tags.valueof(282), page.tags.valueof(283))
    return said | ({"resolution": tags} if all(isinstance(tag, tuple) for tag in tags) else {})


def _spacing(metadata: dict[str, Any]) -> dict[str, float]:
    spacing = positive(metadata.get("spacing"))
    return {"Z": spacing} if spacing else {}


def _printed_size(page: Any, metadata: dict[str, Any]) -> PixelSize | None:
    """The size in a plain file's tags, per inch or centimetre; if Pellucid wrote it, ``metadata`` names its unit."""
    unit, sizes = known_unit(metadata.get("unit", "")), _per_unit(page)
    tag = page.tags.get("ResolutionUnit")
    unit_metres = {2: 0.0254, 3: 0.01}.get(int(tag.value), 0.0) if tag else 0.0
    if unit_metres == 0 or not sizes or (unit is None and sizes["X"] * unit_metres >= PRINT_METRES):
        return None
    size = PixelSize({axis: value * unit_metres for axis, value in sizes.items()}, "m")
    if unit is None:
        return readable(size)
    return PixelSize({**_spacing(metadata), **size.to(unit, digits=7).values}, unit)


def _maker_size(page: Any) -> PixelSize | None:
    """The size in the private tags or the description of a microscope's maker."""
    for read in _MAKERS:
        try:
            size = read(page)
        except (AttributeError, KeyError, IndexError, TypeError, ValueError):  # a tag in a form that is not known
            continue
        if size:
            return size
    return None


def _zeiss(page: Any) -> PixelSize | None:
    """Zeiss SmartSEM. AP_PIXEL_SIZE is another number: that of a pixel on the screen."""
    _, value, unit = page.tags[34118].value["ap_image_pixel_size"]
    return square(value, unit)


def _thermo(page: Any) -> PixelSize | None:
    """FEI and Thermo Fisher: metres, 0 if unknown."""
    sections: dict[str, Any] = page.tags[34682 if 34682 in page.tags else 34680].value
    scan = sections["Scan"]
    return metres(scan["PixelWidth"], scan["PixelHeight"])


def _tescan(page: Any) -> PixelSize | None:
    """Tescan: metres, in text behind a preview."""
    tag = page.tags[50431].value
    return tescan_size(tag.decode("latin-1") if isinstance(tag, bytes) else str(tag))


def _olympus(page: Any) -> PixelSize | None:
    """Olympus SIS: metres."""
    found = page.tags[33560].value
    return metres(found["pixelsizex"], found["pixelsizey"])


def _tvips(page: Any) -> PixelSize | None:
    """TVIPS EM-MENU: nanometres."""
    found = page.tags[37706].value
    return rectangle(found["PixelSizeX"], found["PixelSizeY"], "nm")


def _gatan(page: Any) -> PixelSize | None:
    """Gatan DigitalMicrograph: scales and units along x and y."""
    units = [known_unit(page.tags[code].value) for code in (65003, 65004)]
    if units[0] is None or units[0] != units[1]:
        return None
    return rectangle(page.tags[65009].value, page.tags[65010].value, units[0])


def _zeiss_lsm(page: Any) -> PixelSize | None:
    """Zeiss LSM: metres."""
    found = page.tags[34412].value
    size = metres(found["VoxelSizeX"], found["VoxelSizeY"])
    depth = positive(found["VoxelSizeZ"])
    if size is None or not depth:
        return size
    return PixelSize({"Z": depth, **size.to("m").values}, "m").to(size.unit, digits=7)


def _described(page: Any) -> PixelSize | None:
    """Hitachi and JEOL, in the description."""
    return described_size(page.description)


_MAKERS: tuple[Callable[[Any], PixelSize | None], ...] = (
    _zeiss,
    _thermo,
    _tescan,
    _olympus,
    _tvips,
    _gatan,
    _zeiss_lsm,
    _described,
)

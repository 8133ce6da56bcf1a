"""The tags and metadata of a TIFF: kind, compression, pixel size; how they are read and written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import tifffile

from pellucid.io.layout import Layout
from pellucid.io.output_spec import OutputSpec, Style
from pellucid.io.pixel_size import PRINT_METRES, PixelSize, known_unit

Kind = Literal["imagej", "ome", "plain"]
_IMAGEJ_TYPES = ("uint8", "uint16", "float32")
_OME_TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
_IMAGEJ_AXES = "TZCYX"
_LOSSLESS = {5: "lzw", 8: "zlib", 32946: "zlib", 50000: "zstd", 32773: "packbits"}
_WITH_PREDICTOR = ("lzw", "zlib", "zstd")
_BIG = 2**32 - 2**25  # as in tifffile: 32 MB of a classic file's 4 GB are left for tags


@dataclass(frozen=True)
class TiffStyle(Style):
    """The kind of a TIFF (None: free to choose) and how its pages are stored."""

    kind: Kind | None = None
    compression: str | None = None
    predictor: bool = False
    tile: tuple[int, int] | None = None
    inverted: bool = False
    big: bool = False


def read_style(tif: Any) -> TiffStyle:
    """The style of an open file. Lossy compression becomes zlib, so that nothing is lost on writing."""
    page = tif.pages[0]
    compression = None if page.compression == 1 else _LOSSLESS.get(int(page.compression), "zlib")
    return TiffStyle(
        kind="imagej" if tif.is_imagej else "ome" if tif.is_ome else "plain",
        compression=compression,
        predictor=page.predictor != 1 and compression in _WITH_PREDICTOR,
        tile=(page.tilelength, page.tilewidth) if page.is_tiled else None,
        inverted=int(page.photometric or 0) == 0 and "PhotometricInterpretation" in page.tags,
        big=tif.is_bigtiff,
    )


def read_pixel_size(tif: Any) -> PixelSize | None:
    """The pixel size from OME or ImageJ metadata, else from the resolution tags unless they are those of a printer."""
    if tif.is_ome:
        return _ome_size(tif.ome_metadata)
    page = tif.pages[0]
    per_unit = page.get_resolution() if "XResolution" in page.tags else (0, 0)
    if min(per_unit) <= 0:
        return None
    x, y = (float(f"{1 / number:.7g}") for number in per_unit)
    if tif.is_imagej:
        metadata = tif.imagej_metadata or {}
        unit = known_unit(metadata.get("unit", ""))
        return PixelSize({**_spacing(metadata), "Y": y, "X": x}, unit) if unit else None
    metadata = tif.shaped_metadata[0] if tif.shaped_metadata else {}
    return _printed_size(page, {"Y": y, "X": x}, metadata)


def _spacing(metadata: dict[str, Any]) -> dict[str, float]:
    spacing = float(metadata.get("spacing") or 0)
    return {"Z": spacing} if spacing > 0 else {}


def _printed_size(page: Any, sizes: dict[str, float], metadata: dict[str, Any]) -> PixelSize | None:
    """The size in a plain file's tags, per inch or centimetre; if Pellucid wrote it, ``metadata`` names its unit."""
    unit = known_unit(metadata.get("unit", ""))
    tag = page.tags.get("ResolutionUnit")
    metres = {2: 0.0254, 3: 0.01}.get(int(tag.value), 0.0) if tag else 0.0
    if metres == 0 or (unit is None and sizes["X"] * metres >= PRINT_METRES):
        return None
    size = PixelSize({axis: value * metres for axis, value in sizes.items()}, "m")
    if unit is None:
        return size.to("nm" if size.values["X"] < 1e-6 else "µm", digits=7)
    return PixelSize({**_spacing(metadata), **size.to(unit, digits=7).values}, unit)


def _ome_size(xml: str) -> PixelSize | None:
    images = tifffile.xml2dict(xml).get("OME", {}).get("Image", {})
    pixels = (images[0] if isinstance(images, list) else images).get("Pixels", {})
    found = {}
    for axis in "ZYX":
        size = float(pixels.get(f"PhysicalSize{axis}", 0))
        unit = known_unit(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
        if size > 0 and unit:
            found[axis] = PixelSize({axis: size}, unit)
    if not {"Y", "X"} <= set(found):
        return None
    unit = found["X"].unit
    return PixelSize({axis: size.to(unit).values[axis] for axis, size in found.items()}, unit)


def choose_kind(spec: OutputSpec, style: TiffStyle) -> Kind:
    """The input's kind, else ImageJ; OME where ImageJ cannot hold the dtype, the order of axes or more than 4 GB."""
    kind = style.kind or "imagej"
    in_order = spec.axes == "".join(letter for letter in _IMAGEJ_AXES if letter in spec.axes)
    if kind == "imagej" and (spec.dtype.name not in _IMAGEJ_TYPES or spec.bytes > _BIG or not in_order):
        kind = "ome"
    return "plain" if kind == "ome" and spec.dtype.name not in _OME_TYPES else kind


def write_options(spec: OutputSpec, style: TiffStyle) -> tuple[Layout, dict[str, Any], dict[str, Any]]:
    """The order of the axes in the file, and the options of ``TiffWriter`` and of its ``write``."""
    kind = choose_kind(spec, style)
    layout = Layout(spec.axes)
    file_options: dict[str, Any] = {"bigtiff": spec.bytes > _BIG or (style.big and kind != "imagej")}
    if kind != "plain":
        file_options[kind] = True
    page: dict[str, Any] = {
        "photometric": "miniswhite" if style.inverted else "minisblack",
        "metadata": _metadata(kind, layout, spec.pixel_size),
        **_resolution(kind, spec.pixel_size),
    }
    if style.compression:
        page |= {"compression": style.compression, "predictor": style.predictor}
    if style.tile and all(side % 16 == 0 for side in style.tile):
        page["tile"] = style.tile
    return layout, file_options, page


def _metadata(kind: Kind, layout: Layout, pixel_size: PixelSize | None) -> dict[str, Any]:
    metadata: dict[str, Any] = {"axes": layout.stored}
    if pixel_size is None:
        return metadata
    if kind == "ome":
        for axis, size in pixel_size.values.items():
            metadata |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": pixel_size.unit}
        return metadata
    unit = _tag_unit(pixel_size)
    metadata["unit"] = "micron" if unit == "µm" else unit  # TIFF's text is ASCII; ImageJ reads both
    if "Z" in pixel_size.values:
        metadata["spacing"] = pixel_size.to(unit).values["Z"]
    return metadata


def _tag_unit(pixel_size: PixelSize) -> str:
    return pixel_size.unit if pixel_size.unit in ("nm", "µm", "mm", "cm") else "nm"


def _resolution(kind: Kind, pixel_size: PixelSize | None) -> dict[str, Any]:
    """Pixels per unit: ImageJ's unit is in its description, that of a plain file is the centimetre."""
    if kind == "ome" or pixel_size is None or not {"Y", "X"} <= set(pixel_size.values):
        return {}
    sizes = pixel_size.to(_tag_unit(pixel_size) if kind == "imagej" else "cm").values
    return {"resolution": (1 / sizes["X"], 1 / sizes["Y"]), "resolutionunit": 1 if kind == "imagej" else 3}

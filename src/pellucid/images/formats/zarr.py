"""Zarr arrays and OME-Zarr 0.4 (Zarr v2) and 0.5 (Zarr v3): the highest resolution is read, one is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import zarr

from pellucid.errors import InputError
from pellucid.images.handles import Handle
from pellucid.images.image import DTYPES, ArrayImage, Image, PixelSize, known_unit
from pellucid.images.layout import AXES, Layout, default_layout, named_layout
from pellucid.images.plan import Plan, Sink

WRITABLE = DTYPES
_KINDS = {"T": "time", "C": "channel"}
_UNITS = {
    "m": "meter",
    "cm": "centimeter",
    "mm": "millimeter",
    "µm": "micrometer",
    "nm": "nanometer",
    "Å": "angstrom",
    "pm": "picometer",
}


@dataclass(frozen=True)
class ZarrStyle:
    """The Zarr version (2: OME-Zarr 0.4, 3: OME-Zarr 0.5), the chunk of a plane, and where the image lies in space."""

    version: Literal[2, 3] = 3
    chunk: tuple[int, int] = (1024, 1024)
    translation: Mapping[str, float] = field(default_factory=dict)
    time: tuple[float, str | None] = (1.0, None)


def open_file(path: str, inner: str | None) -> Image:
    """Open an array, or the first level of an OME-Zarr image."""
    del inner
    node = zarr.open(path, mode="r")
    if isinstance(node, zarr.Array):
        return _image(path, node, _named_axes(node, path), {})
    prefix, multiscale = _multiscale(node, path)
    if multiscale is None:
        return _image(path, *_only_array(node, path), {})
    level = multiscale["datasets"][0]
    array = node[f"{prefix}{level['path']}"]
    if not isinstance(array, zarr.Array):
        raise InputError(f"{path}: level {level['path']} is no array; the OME-Zarr is incomplete, copy it again")
    letters = "".join(str(axis["name"]) if isinstance(axis, dict) else str(axis) for axis in multiscale["axes"])
    return _image(path, array, named_layout(letters, array.shape, path), multiscale)


def _multiscale(group: Any, path: str) -> tuple[str, dict[str, Any] | None]:
    """The group's first multiscale description, or that of the only image in a collection (bioformats2raw)."""
    attributes = dict(group.attrs)
    attributes = attributes.get("ome", attributes)
    if attributes.get("multiscales"):
        return "", attributes["multiscales"][0]
    if "bioformats2raw.layout" not in attributes:
        return "", None
    images = sorted(name for name, _ in group.groups() if name != "OME")
    if len(images) != 1:
        raise InputError(
            f"{path}: holds {len(images)} images; give one of them, as in {path}/{images[0] if images else 0}"
        )
    return f"{images[0]}/", _multiscale(group[images[0]], path)[1]


def _only_array(group: Any, path: str) -> tuple[Any, Layout]:
    names = sorted(name for name, _ in group.arrays())
    if len(names) != 1:
        listed = f"several: {', '.join(names)}. Name one, as in {path}/{names[0]}" if names else "none"
        raise InputError(f"{path}: one array with an image is wanted, the group has {listed}")
    return group[names[0]], _named_axes(group[names[0]], path)


def _named_axes(array: Any, path: str) -> Layout:
    names = array.metadata.dimension_names if array.metadata.zarr_format == 3 else array.attrs.get("_ARRAY_DIMENSIONS")
    letters = "".join(str(name).upper() for name in names or ())
    if len(letters) == array.ndim and set(letters) <= set(AXES):
        return named_layout(letters, array.shape, path)
    return default_layout(array.shape, path)


def _image(path: str, array: Any, layout: Layout, multiscale: dict[str, Any]) -> Image:
    image = ArrayImage(path, Handle(partial(_reopen, path, array.path)), layout)
    chunk = dict(zip(layout.stored, array.chunks, strict=True))
    scale, translation = _transformations(multiscale, layout)
    units = {str(a["name"]).upper(): a.get("unit") for a in multiscale.get("axes", []) if isinstance(a, dict)}
    image.style = ZarrStyle(
        array.metadata.zarr_format,
        (chunk["Y"], chunk["X"]),
        translation,
        (scale.get("T", 1.0), units.get("T")),
    )
    image.pixel_size = _pixel_size(scale, units)
    return image


def _reopen(path: str, inner: str) -> Any:
    return zarr.open_array(path, path=inner, mode="r")


def _transformations(multiscale: dict[str, Any], layout: Layout) -> tuple[dict[str, float], dict[str, float]]:
    """Scale and translation by axis: first the level's, then the multiscale's own on top."""
    scale = dict.fromkeys(layout.stored, 1.0)
    translation = dict.fromkeys(layout.stored, 0.0)
    level = multiscale["datasets"][0] if multiscale else {}
    for step in [*level.get("coordinateTransformations", []), *multiscale.get("coordinateTransformations", [])]:
        for axis, value in zip(layout.stored, step.get(step["type"], ()), strict=False):
            if step["type"] == "scale":
                scale[axis] *= value
                translation[axis] *= value
            elif step["type"] == "translation":
                translation[axis] += value
    return scale, {axis: value for axis, value in translation.items() if value}


def _pixel_size(scale: Mapping[str, float], units: Mapping[str, str | None]) -> PixelSize | None:
    """Known where the axes have a length unit; sizes of another unit than X's are brought to it."""
    unit = known_unit(units.get("X"))
    sizes = {axis: (scale[axis], known_unit(units.get(axis))) for axis in "ZYX" if axis in scale}
    if unit is None or sizes["Y"][1] is None:
        return None
    values = {axis: PixelSize({axis: size}, own).to(unit).values[axis] for axis, (size, own) in sizes.items() if own}
    return PixelSize(values, unit)


def create(path: Path, plan: Plan) -> Sink:
    """Start an OME-Zarr with one level, of the input's version; 0.5 if the input was of another format."""
    style = plan.style if isinstance(plan.style, ZarrStyle) else ZarrStyle()
    layout = Layout("".join(letter for letter in AXES if letter in plan.axes))  # OME wants time, channel, space
    multiscale = _description(path.stem.removesuffix(".ome"), layout, plan.pixel_size, style)
    if style.version == 2:
        attributes: dict[str, Any] = {"multiscales": [{"version": "0.4", **multiscale}]}
    else:
        attributes = {"ome": {"version": "0.5", "multiscales": [multiscale]}}
    group = zarr.create_group(path, zarr_format=style.version, attributes=attributes)
    chunk = {"Y": style.chunk[0], "X": style.chunk[1]}
    array = group.create_array(
        "0",
        shape=layout.stored_shape(plan.sizes),
        chunks=tuple(min(chunk.get(axis, 1), plan.sizes[axis]) for axis in layout.stored),
        dtype=plan.dtype,
        fill_value=0,
        chunk_key_encoding={"name": "v2" if style.version == 2 else "default", "separator": "/"},
        dimension_names=None if style.version == 2 else [letter.lower() for letter in layout.stored],
    )
    return Sink(array, layout, lambda: None)


def _description(name: str, layout: Layout, pixel_size: PixelSize | None, style: ZarrStyle) -> dict[str, Any]:
    sizes = dict(pixel_size.values) if pixel_size else {}
    axes: list[dict[str, str]] = []
    for letter in layout.stored:
        axis = {"name": letter.lower(), "type": _KINDS.get(letter, "space")}
        if letter in sizes and pixel_size:
            axis["unit"] = _UNITS[pixel_size.unit]
        elif letter == "T" and style.time[1]:
            axis["unit"] = style.time[1]
        axes.append(axis)
    sizes["T"] = style.time[0]
    transformations: list[dict[str, Any]] = [{"type": "scale", "scale": [sizes.get(a, 1.0) for a in layout.stored]}]
    if style.translation:
        shifts = [style.translation.get(a, 0.0) for a in layout.stored]
        transformations.append({"type": "translation", "translation": shifts})
    level = {"path": "0", "coordinateTransformations": transformations}
    return {"name": name, "axes": axes, "datasets": [level]}

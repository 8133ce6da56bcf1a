"""N5: a data set, or a container with one; the finest level of several is read. Read only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pellucid.errors import InputError
from pellucid.io.formats.tensorstore import StoredImage, refuse_to_write
from pellucid.io.formats.zarr_metadata import ZarrStyle, whole_factors
from pellucid.io.image import Image
from pellucid.io.layout import AXES, Layout, default_layout, named_layout
from pellucid.io.manifest import ChunkFiles, Index
from pellucid.io.pixel_size import PixelSize, known_unit
from pellucid.io.pyramid import Factors

WRITABLE: tuple[str, ...] = ()
_DEEPEST = 6  # groups in groups that are searched for a data set

create = reopen = refuse_to_write


def open_file(path: str, inner: str | None) -> Image:
    """Open a data set. On disk X comes first and Z last; the image's axes are the other way round."""
    del inner
    folder = _find(Path(path), path)
    own = _attributes(folder)
    shape = tuple(reversed(own["dimensions"]))
    layout = _layout(own, shape, path)
    kvstore = {"driver": "file", "path": str(folder.resolve())}
    image = StoredImage(path, {"driver": "n5", "kvstore": kvstore}, layout, range(len(shape))[::-1])
    image.files = ChunkFiles(folder, layout, shape, own["blockSize"][::-1], _chunk_name, _chunk_index)
    scale, shift, unit = _placed(_attributes(folder.parent) | own, layout.stored)
    if unit and {"Y", "X"} <= set(scale):
        image.pixel_size = PixelSize(scale, unit)
    image.style = ZarrStyle(
        chunks=dict(zip(image.axes, image.chunks, strict=True)),
        levels=_levels(folder, layout.stored),
        translation=shift,
    )
    return image


def _chunk_name(index: Index) -> str:
    return "/".join(map(str, reversed(index)))


def _chunk_index(name: str) -> Index | None:
    numbers = name.split("/")
    return tuple(int(number) for number in reversed(numbers)) if all(map(str.isdecimal, numbers)) else None


def _attributes(folder: Path) -> dict[str, Any]:
    file = folder / "attributes.json"
    return dict(json.loads(file.read_bytes())) if file.is_file() else {}


def _levels(folder: Path, stored: str) -> tuple[Factors, ...] | None:
    """The factors of the levels beside the finest one, ``s0``, if this is it."""
    scales: list[dict[str, float]] = []
    while own := _attributes(folder.with_name(f"s{len(scales)}")):
        factors = own.get("downsamplingFactors", [1] * len(stored))
        scales.append(dict(zip(stored[::-1], map(float, factors), strict=True)))
    return whole_factors(scales) if folder.name == "s0" else None


def _find(folder: Path, path: str) -> Path:
    """The folder itself, its finest level, or the only data set in it."""
    found = list(_datasets(folder, _DEEPEST))
    if len(found) == 1:
        return found[0]
    names = sorted(one.relative_to(folder).as_posix() for one in found)
    listed = f"several: {', '.join(names)}. Name one, as in {path}/{names[0]}" if names else "none; give another folder"
    raise InputError(f"{path}: one N5 data set is wanted, the folder has {listed}")


def _datasets(folder: Path, depth: int) -> Iterator[Path]:
    if "dimensions" in _attributes(folder):
        yield folder  # what lies in it are chunks
    elif "dimensions" in _attributes(folder / "s0"):
        yield folder / "s0"
    elif depth:
        for inner in folder.iterdir():
            if inner.is_dir():
                yield from _datasets(inner, depth - 1)


def _layout(attributes: Mapping[str, Any], shape: tuple[int, ...], path: str) -> Layout:
    letters = "".join(str(name).upper() for name in reversed(_axes(attributes)))
    if len(letters) == len(shape) and set(letters) <= set(AXES):
        return named_layout(letters, shape, path)
    return default_layout(shape, path)


def _axes(attributes: Mapping[str, Any]) -> list[Any]:
    """The names of the axes as they are stored, X first; empty if they are not told."""
    transform = attributes.get("transform")
    if not isinstance(transform, dict):
        return list(attributes.get("axes", ()))
    return _stored_order(transform, transform.get("axes", ()))


def _stored_order(transform: Mapping[str, Any], values: Sequence[Any]) -> list[Any]:
    return list(values) if transform.get("ordering", "C") == "F" else list(reversed(values))


def _placed(attributes: Mapping[str, Any], stored: str) -> tuple[dict[str, float], dict[str, float], str | None]:
    """The extent of a pixel and the place of the first one, by axis, and their unit; None if it is not told."""
    transform = attributes.get("transform")
    if isinstance(transform, dict):
        lists = [_stored_order(transform, transform.get(name, ())) for name in ("scale", "translate", "units")]
        return _by_axis(lists[0], lists[1], lists[2], stored)
    told = attributes.get("pixelResolution", {})
    size = told.get("dimensions", ()) if isinstance(told, dict) else told
    units = [told["unit"]] * len(size) if isinstance(told, dict) and "unit" in told else attributes.get("units", ())
    size = size or attributes.get("resolution", ())
    factors = attributes.get("downsamplingFactors", [1] * len(size))
    shift = [(factor - 1) / 2 * one for factor, one in zip(factors, size, strict=False)]
    return _by_axis([factor * one for factor, one in zip(factors, size, strict=False)], shift, units, stored)


def _by_axis(
    scale: Sequence[float], shift: Sequence[float], units: Sequence[str], stored: str
) -> tuple[dict[str, float], dict[str, float], str | None]:
    """Lists in stored order, X first, by the axis that they belong to; of Z, Y, X and in X's unit."""
    letters = stored[::-1]
    known = dict(zip(letters, (known_unit(unit) for unit in units), strict=False))
    unit = known.get("X")
    sizes, places = {}, {}
    for axis, size, place in zip(letters, scale, [*shift, *[0.0] * len(scale)], strict=False):
        own = known.get(axis)
        if axis in "ZYX" and unit and own and size > 0:
            to_unit = PixelSize({axis: 1.0}, own).to(unit).values[axis]
            sizes[axis], places[axis] = size * to_unit, place * to_unit
    return sizes, {axis: place for axis, place in places.items() if place}, unit

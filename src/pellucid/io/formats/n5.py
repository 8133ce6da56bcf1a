"""N5: a data set, or a container with one; of several levels the finest is read. Read only.

tensorstore reads the pixels. It does not search containers, and knows neither ``pixelResolution`` nor ``transform``.
"""

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
_DEEPEST = 6  # levels of nested groups that are searched for a data set

create = reopen = refuse_to_write


def open_file(path: str, inner: str | None) -> Image:
    """Open a data set. On disk X comes first and Z last; the image's axes are in reverse order."""
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
    """The factors of the coarser levels if the folder is the finest one, ``s0``."""
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
    raise InputError(f"{path}: needs one N5 data set, but the folder has {listed}")


def _datasets(folder: Path, depth: int) -> Iterator[Path]:
    if "dimensions" in _attributes(folder):
        yield folder  # it contains chunks
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
    """The names of the axes in stored order, X first; empty if the file does not name them."""
    transform = attributes.get("transform")
    if not isinstance(transform, dict):
        return list(attributes.get("axes", ()))
    return _stored_order(transform, transform.get("axes", ()))


def _stored_order(transform: Mapping[str, Any], values: Sequence[Any]) -> list[Any]:
    return list(values) if transform.get("ordering", "C") == "F" else list(reversed(values))


def _placed(attributes: Mapping[str, Any], stored: str) -> tuple[dict[str, float], dict[str, float], str | None]:
    """The size of a pixel and the position of the first one, by axis, and their unit; None if the file has none."""
    transform = attributes.get("transform")
    if isinstance(transform, dict):
        lists = [_stored_order(transform, transform.get(name, ())) for name in ("scale", "translate", "units")]
        return _by_axis(lists[0], lists[1], lists[2], stored)
    found = attributes.get("pixelResolution", {})
    size = found.get("dimensions", ()) if isinstance(found, dict) else found
    units = [found["unit"]] * len(size) if isinstance(found, dict) and "unit" in found else attributes.get("units", ())
    size = size or attributes.get("resolution", ())
    factors = attributes.get("downsamplingFactors", [1] * len(size))
    shift = [(factor - 1) / 2 * one for factor, one in zip(factors, size, strict=False)]
    return _by_axis([factor * one for factor, one in zip(factors, size, strict=False)], shift, units, stored)


def _by_axis(
    scale: Sequence[float], shift: Sequence[float], units: Sequence[str], stored: str
) -> tuple[dict[str, float], dict[str, float], str | None]:
    """Values listed in stored order, X first, by axis (of Z, Y, X) and in X's unit."""
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

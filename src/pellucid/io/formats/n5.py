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
from pellucid.io.pixel_size import PixelSize, pixel_size_of
from pellucid.io.pyramid import Factors

WRITABLE: tuple[str, ...] = ()
_FACTORS = "downsamplingFactors"
_SIZES = ("pixelResolution", "resolution", "units", "unit", "transform", "axes")
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
    told = _above(folder) | {key: value for key, value in own.items() if key != _FACTORS}
    scale, shift, image.pixel_size = _placed(told, _factors(folder, len(shape)), layout.stored)
    image.style = ZarrStyle(
        chunks=dict(zip(image.axes, image.chunks, strict=True)),
        levels=_levels(folder, layout.stored),
        scale={} if image.pixel_size else scale,
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


def _above(folder: Path) -> dict[str, Any]:
    """What the groups above a data set say of pixel sizes: those of a time point and a set-up in BigDataViewer's."""
    groups = [group for group in (folder.parent.parent, folder.parent) if (group / "attributes.json").is_file()]
    return {key: value for group in groups for key, value in _attributes(group).items() if key in _SIZES}


def _factors(folder: Path, dimensions: int) -> list[float]:
    """How many pixels of the finest level make one of a data set, X first: its own word, else that of a group above."""
    own = _attributes(folder).get(_FACTORS)
    number = int(folder.name[1:]) if folder.name[:1] == "s" and folder.name[1:].isdecimal() else 0
    for group in (folder.parent, folder.parent.parent):
        listed = _attributes(group).get(_FACTORS) or _attributes(group).get("scales")
        if own is None and isinstance(listed, list) and number < len(listed) and isinstance(listed[number], list):
            own = listed[number]
    return [float(factor) for factor in own or [1] * dimensions]


def _levels(folder: Path, stored: str) -> tuple[Factors, ...] | None:
    """The factors of the coarser levels if the folder is the finest one, ``s0``."""
    scales: list[dict[str, float]] = []
    while "dimensions" in _attributes(level := folder.with_name(f"s{len(scales)}")):
        scales.append(dict(zip(stored[::-1], _factors(level, len(stored)), strict=True)))
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


def _placed(
    attributes: Mapping[str, Any], factors: Sequence[float], stored: str
) -> tuple[dict[str, float], dict[str, float], PixelSize | None]:
    """The scale and the position of the first pixel, by axis, and the pixel size; None if the file has no unit."""
    transform = attributes.get("transform")
    if isinstance(transform, dict):
        lists = [_stored_order(transform, transform.get(name, ())) for name in ("scale", "translate", "units")]
        return _by_axis(lists[0], lists[1], lists[2], stored)
    found = attributes.get("pixelResolution", {})
    size = (found.get("dimensions") if isinstance(found, dict) else found) or attributes.get("resolution", ())
    inner = found.get("unit") if isinstance(found, dict) else None
    units = inner or attributes.get("units") or attributes.get("unit") or ()
    units = [units] * len(size) if isinstance(units, str) else units
    shift = [(factor - 1) / 2 * one for factor, one in zip(factors, size, strict=False)]
    return _by_axis([factor * one for factor, one in zip(factors, size, strict=False)], shift, units, stored)


def _by_axis(
    scale: Sequence[float], shift: Sequence[float], units: Sequence[str], stored: str
) -> tuple[dict[str, float], dict[str, float], PixelSize | None]:
    """Values listed in stored order, X first, by axis of space, in X's unit if all of these are lengths."""
    letters = stored[::-1]
    sizes = {axis: float(size) for axis, size in zip(letters, scale, strict=False) if axis in "ZYX" and size > 0}
    places = {axis: float(place) for axis, place in zip(letters, shift, strict=False) if axis in sizes and place}
    size = pixel_size_of(sizes, dict(zip(letters, units, strict=False)))
    ours = sizes | dict(size.values if size else {})
    return ours, {axis: place * ours[axis] / sizes[axis] for axis, place in places.items()}, size

"""The metadata of an OME-Zarr as read: scales, translations, levels, and what an output copies."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

import zarr

from pellucid.io.formats.zarr_axes import axis_units, unusual_axes
from pellucid.io.formats.zarr_beside import Beside
from pellucid.io.formats.zarr_images import ARRAY_AXES, FoundImage, ome
from pellucid.io.layout import AXES, Layout
from pellucid.io.output_spec import Style
from pellucid.io.pixel_size import PixelSize, known_unit, pixel_size_of
from pellucid.io.pyramid import Factors

_COMPRESSORS = {"blosc", "zstd", "gzip", "zlib", "lz4", "bz2", "lzma"}
#: What OME defines; the type says how levels were made, and ours are made anew.
_OF_GROUP = ("multiscales", "omero", "version", "bioformats2raw.layout")
_OF_MULTISCALE = ("name", "version", "axes", "datasets", "coordinateTransformations", "type")


@dataclass(frozen=True)
class ZarrStyle(Style):
    """What the output copies from an input in Zarr.

    Attributes:
        version: Of Zarr: 2 for OME-Zarr 0.4, 3 for 0.5.
        chunks, shards: By axis; None for default chunks and no shards.
        compressors: In the form of the zarr library; ``"auto"`` for its default.
        levels: The factors of each level but the first, relative to the finer one; None if not integers.
        scale, translation: The size of a pixel and the position of the first one, by axis; in the unit of the pixel
            size if there is one.
        units: Of the axes, as in the file.
        axes: What the file says of axes beside, where that is not what we would write.
        name, omero: As in the file.
        multiscale, attributes, array_attributes: What the file says of the multiscale, the group and the finest array
            and OME does not define.
        level_names: The paths of the levels, if they are not 0, 1, 2.
        beside: What lies in the Zarr beside the image.
        unscaled: The units of axes whose scale is missing: with one that we write, they would be a size.
    """

    version: Literal[2, 3] = 3
    chunks: Mapping[str, int] | None = None
    shards: Mapping[str, int] | None = None
    compressors: Any = "auto"
    levels: Sequence[Factors] | None = None
    scale: Mapping[str, float] = field(default_factory=dict)
    translation: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    axes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    name: str | None = None
    omero: Mapping[str, Any] | None = None
    multiscale: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    array_attributes: Mapping[str, Any] = field(default_factory=dict)
    level_names: tuple[str, ...] = ()
    beside: Beside | None = field(default=None, compare=False)
    unscaled: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def annotations(self) -> tuple[str, ...]:
        """See ``Style.annotations``."""
        ours = dict.fromkeys((*self.attributes, *self.attributes.get("ome", ()), *self.array_attributes))
        keys = [key for key in ours if key not in ("ome", ARRAY_AXES)]
        # lengths are the pixel size
        named = [axis for axis in AXES if self.scale.get(axis, 1) != 1 and not known_unit(self.units.get(axis))]
        scale = [f"{axis} {self.scale[axis]:g} {self.units.get(axis, '')}".strip() for axis in named]
        return (
            *(["channel descriptions (omero)"] if self.omero else []),
            *([f"scale: {', '.join(scale)}"] if scale else []),
            *(["the position of the image"] if self.translation else []),
            *([f"attributes: {', '.join(keys)}"] if keys else []),
            *([f"of the multiscale: {', '.join(self.multiscale)}"] if self.multiscale else []),
            *(self.beside.told if self.beside else ()),
            *self.units_without_scale,
        )

    @property
    def units_without_scale(self) -> tuple[str, ...]:
        """The units that no output gets, in words."""
        units = ", ".join(f"{axis} {unit}" for axis, unit in self.unscaled.items())
        return (f"units without a scale: {units}",) if units else ()


def read_style(
    found: FoundImage, group: Any, layout: Layout, beside: Beside | None
) -> tuple[ZarrStyle, PixelSize | None]:
    """The style and the pixel size of an image.

    Args:
        found: The image.
        group: That of the image, or the group that has an array in it.
        layout: Of its arrays.
        beside: What lies beside it.
    """
    multiscale, stored = found.multiscale, layout.stored
    array, _ = found.finest("")
    placed = [transformations(multiscale, level, stored) for level in range(max(1, len(found.level_names)))]
    scale, translation = placed[0]
    units = axis_units(multiscale, stored)
    unscaled = {} if _is_scaled(multiscale) else {axis: unit for axis, unit in units.items() if known_unit(unit)}
    units = {axis: unit for axis, unit in units.items() if axis not in unscaled}
    size = pixel_size_of(scale, units)
    ours = scale | dict(size.values if size else {})
    told = {} if found.number is None else ome(found.node)
    names = tuple(found.level_names)
    style = ZarrStyle(
        version=array.metadata.zarr_format,
        chunks=dict(zip(stored, array.chunks, strict=True)),
        shards=dict(zip(stored, array.shards, strict=True)) if array.shards else None,
        compressors=_plain(array.compressors),
        levels=whole_factors([one for one, _ in placed]),
        scale=ours,
        translation={
            axis: shift * ours[axis] / scale[axis] for axis, shift in translation.items() if shift and scale[axis]
        },
        units=units,
        axes=unusual_axes(multiscale, stored),
        name=multiscale.get("name"),
        omero=told["omero"] if isinstance(told.get("omero"), dict) else None,
        multiscale={key: value for key, value in multiscale.items() if key not in _OF_MULTISCALE},
        attributes={} if isinstance(group, zarr.Array) else _unknown(dict(group.attrs)),
        array_attributes=dict(array.attrs),
        level_names=() if names == tuple(map(str, range(len(names)))) else names,
        beside=beside,
        unscaled=unscaled,
    )
    return style, size


def _is_scaled(multiscale: Mapping[str, Any]) -> bool:
    """Whether a file tells how large the pixels of the first level are."""
    told = [multiscale, *multiscale.get("datasets", ())[:1]]
    return any(step.get("type") == "scale" for one in told for step in one.get("coordinateTransformations") or ())


def _unknown(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a group that OME does not define, each where it was."""
    rest = {key: value for key, value in attributes.items() if key not in _OF_GROUP}
    inner = rest.pop("ome", None)
    return rest | ({"ome": found} if isinstance(inner, dict) and (found := _unknown(inner)) else {})


def _plain(compressors: Any) -> Any:
    """Compressors that every reader knows, unchanged; instead of others, the zarr library's choice."""
    names = {getattr(one, "codec_id", None) or type(one).__name__.removesuffix("Codec").lower() for one in compressors}
    return tuple(compressors) if names <= _COMPRESSORS else "auto"


def transformations(
    multiscale: Mapping[str, Any], level: int, stored: str
) -> tuple[dict[str, float], dict[str, float]]:
    """Scale and translation of a level by axis: its own, followed by those of the multiscale."""
    scale = dict.fromkeys(stored, 1.0)
    translation = dict.fromkeys(stored, 0.0)
    datasets = multiscale.get("datasets", ())
    own = datasets[level].get("coordinateTransformations", []) if datasets else []
    for step in [*own, *multiscale.get("coordinateTransformations", [])]:
        for axis, value in zip(stored, step.get(step["type"], ()), strict=False):
            if step["type"] == "scale":
                scale[axis] *= value
                translation[axis] *= value
            elif step["type"] == "translation":
                translation[axis] += value
    return scale, translation


def whole_factors(scales: Sequence[Mapping[str, float]]) -> tuple[Factors, ...] | None:
    """How many pixels of each level make one of the next, from the scales; None if these are not whole numbers."""
    found = []
    for finer, coarser in pairwise(scales):
        ratios = {axis: coarser[axis] / size if size else math.inf for axis, size in finer.items()}
        if not all(map(math.isfinite, ratios.values())):
            return None
        factors = {axis: round(ratio) for axis, ratio in ratios.items()}
        whole = all(math.isclose(ratios[axis], factor, rel_tol=1e-3) for axis, factor in factors.items())
        if not whole or max(factors.values()) == 1 or any(factors.get(axis, 1) != 1 for axis in "TC"):
            return None
        found.append(factors)
    return tuple(found) or None

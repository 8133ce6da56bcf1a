"""The metadata of an OME-Zarr: axes, scales, translations, channels, chunks; how they are read and written.

ome-zarr-models checks in tests what is written here. It is not used for reading, since it rejects files that deviate
from the specification, and it would limit the versions of pydantic.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from pellucid.errors import InputError
from pellucid.io.layout import AXES, Layout
from pellucid.io.output_spec import OutputSpec, Style
from pellucid.io.pixel_size import PixelSize, known_unit
from pellucid.io.pyramid import Factors, halvings, shrunk

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
_PLANE = {"Y": 1024, "X": 1024}
#: For views from any side, yet thin: planes are denoised one by one, and a chunk is complete only with all of them.
_VOLUME = {"Z": 16, "Y": 256, "X": 256}
#: Smaller levels are not written, even if the input has them.
_SMALLEST = 16


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
        name, omero: As in the file.
    """

    version: Literal[2, 3] = 3
    chunks: Mapping[str, int] | None = None
    shards: Mapping[str, int] | None = None
    compressors: Any = "auto"
    levels: Sequence[Factors] | None = None
    scale: Mapping[str, float] = field(default_factory=dict)
    translation: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None
    omero: Mapping[str, Any] | None = None


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


def axis_units(multiscale: Mapping[str, Any], stored: str) -> dict[str, str]:
    """The units of the axes that have one, as in the file."""
    axes = zip(stored, multiscale.get("axes", ()), strict=False)
    return {letter: axis["unit"] for letter, axis in axes if isinstance(axis, dict) and axis.get("unit")}


def pixel_size(scale: Mapping[str, float], units: Mapping[str, str]) -> PixelSize | None:
    """The pixel size in X's unit; None if Y or X has no unit of length."""
    unit = known_unit(units.get("X"))
    sizes = {axis: (scale[axis], known_unit(units.get(axis))) for axis in "ZYX" if axis in scale}
    if unit is None or sizes["Y"][1] is None:
        return None
    values = {axis: PixelSize({axis: size}, own).to(unit).values[axis] for axis, (size, own) in sizes.items() if own}
    return PixelSize(values, unit)


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


@dataclass(frozen=True)
class Design:
    """The OME-Zarr for an output: the sizes of all levels, their chunks and shards, and the metadata."""

    spec: OutputSpec
    style: ZarrStyle

    @classmethod
    def of(cls, spec: OutputSpec) -> Design:
        """The design for an output, in the input's style if that was a Zarr."""
        return cls(spec, spec.style if isinstance(spec.style, ZarrStyle) else ZarrStyle())

    @property
    def layout(self) -> Layout:
        """The order of axes: time, channel, space, as OME requires."""
        return Layout("".join(letter for letter in AXES if letter in self.spec.axes))

    @property
    def factors(self) -> list[Factors]:
        """The factors of each level relative to the finer one; all 1 for the first."""
        first = dict.fromkeys(self.spec.axes, 1)
        if not self.spec.levels:
            return [first]
        if self.style.levels is None:
            return [first, *halvings(self.spec.sizes, self._sizes)]
        kept: list[Factors] = [first]
        sizes = self.spec.sizes
        for factors in self.style.levels:
            sizes = shrunk(sizes, factors)
            if min(sizes["Y"], sizes["X"]) < _SMALLEST:
                break
            kept.append({axis: factors.get(axis, 1) for axis in self.spec.axes})
        return kept

    @property
    def sizes(self) -> list[dict[str, int]]:
        """The size of every axis at every level."""
        sizes = [self.spec.sizes]
        for factors in self.factors[1:]:
            sizes.append(shrunk(sizes[-1], factors))
        return sizes

    def grid(self, sizes: Mapping[str, int]) -> tuple[dict[str, int], dict[str, int] | None]:
        """The chunk and the shard of a level of these sizes, by axis; not larger than the level.

        Raises:
            InputError: They do not match the axes, shards are not multiples of chunks, or the version has no shards.
        """
        chunks = {axis: min(chunk, sizes[axis]) for axis, chunk in self._chunks().items()}
        shards = self._shards()
        if shards is None:
            return chunks, None
        whole = {axis: shards[axis] // chunks_of for axis, chunks_of in self._chunks().items()}
        return chunks, {axis: chunk * min(whole[axis], -(-sizes[axis] // chunk)) for axis, chunk in chunks.items()}

    def _chunks(self) -> dict[str, int]:
        if self.spec.chunks is not None:
            return self._asked("chunks", self.spec.chunks)
        wanted = self.style.chunks
        if wanted is None:  # levels are for viewing; otherwise planes are written one by one
            wanted = _VOLUME if self.spec.levels and self.spec.sizes.get("Z", 1) >= _VOLUME["Z"] else _PLANE
        return {axis: wanted.get(axis, 1) for axis in self.spec.axes}

    def _shards(self) -> dict[str, int] | None:
        chunks = self._chunks()
        if self.spec.shards is None:
            kept = {axis: (self.style.shards or {}).get(axis, 1) for axis in chunks} if self.style.shards else None
            return kept if kept and all(kept[axis] % chunk == 0 for axis, chunk in chunks.items()) else None
        shards = self._asked("shards", self.spec.shards)
        if self.style.version == 2:
            raise InputError(f"{self.spec.path}: the input is OME-Zarr 0.4, which has no shards; omit them")
        if any(shards[axis] % chunk for axis, chunk in chunks.items()):
            raise InputError(
                f"{self.spec.path}: shards {tuple(shards.values())} are not multiples of the chunks "
                f"{tuple(chunks.values())}; choose multiples"
            )
        return shards

    def _asked(self, what: str, sides: tuple[int, ...]) -> dict[str, int]:
        if len(sides) != len(self.spec.axes) or min(sides) < 1:
            raise InputError(
                f"{self.spec.path}: {what} {sides} do not fit the axes {self.spec.axes}; "
                "give a positive number for each"
            )
        return dict(zip(self.spec.axes, sides, strict=True))

    def attributes(self) -> dict[str, Any]:
        """The group's attributes."""
        multiscale = self._multiscale()
        omero = {"omero": dict(self.style.omero)} if self.style.omero else {}
        if self.style.version == 2:
            return {"multiscales": [{"version": "0.4", **multiscale}], **omero}
        return {"ome": {"version": "0.5", "multiscales": [multiscale], **omero}}

    def _multiscale(self) -> dict[str, Any]:
        stored = self.layout.stored
        scale = {axis: self._sizes.get(axis, self.style.scale.get(axis, 1.0)) for axis in stored}
        shift = {a: self.style.translation.get(a, 0.0) + self.spec.offset.get(a, 0) * scale[a] for a in stored}
        datasets = []
        for number, factors in enumerate(self.factors):
            # the centre of f pixels lies (f − 1) / 2 pixels beyond the first
            shift = {axis: shift[axis] + (factors.get(axis, 1) - 1) / 2 * scale[axis] for axis in stored}
            scale |= {axis: scale[axis] * factors.get(axis, 1) for axis in stored}
            steps: list[dict[str, Any]] = [{"type": "scale", "scale": [_round(scale[axis]) for axis in stored]}]
            if any(shift.values()):
                steps.append({"type": "translation", "translation": [_round(shift[axis]) for axis in stored]})
            datasets.append({"path": str(number), "coordinateTransformations": steps})
        name = self.style.name or Path(self.spec.path).stem.removesuffix(".ome")
        return {"name": name, "axes": [self._axis(letter) for letter in stored], "datasets": datasets}

    @property
    def _sizes(self) -> Mapping[str, float]:
        return self.spec.pixel_size.values if self.spec.pixel_size else {}

    def _axis(self, letter: str) -> dict[str, str]:
        axis = {"name": letter.lower(), "type": _KINDS.get(letter, "space")}
        unit = _UNITS[self.spec.pixel_size.unit] if self.spec.pixel_size and letter in self._sizes else None
        unit = unit or self.style.units.get(letter)
        return axis | ({"unit": unit} if unit else {})


def _round(number: float) -> float:
    """Round to 12 digits: 3 · 0.1 is 0.3."""
    return float(f"{number:.12g}")

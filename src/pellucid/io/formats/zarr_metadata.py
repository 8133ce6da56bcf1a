"""What an OME-Zarr says beside its pixels: axes, scales, where it lies, channels, chunks; read, and written again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from pellucid.errors import InputError
from pellucid.io.layout import AXES, Layout
from pellucid.io.output_spec import OutputSpec
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
#: To look at a volume from any side, yet thin: planes are denoised one by one, and a chunk waits for all of its own.
_VOLUME = {"Z": 16, "Y": 256, "X": 256}
#: Levels smaller than this are not made, whatever the input has.
_SMALLEST = 16


@dataclass(frozen=True)
class ZarrStyle:
    """What the output takes over from a Zarr.

    Attributes:
        version: Of Zarr; 2 goes with OME-Zarr 0.4, 3 with 0.5.
        chunks, shards: By axis; None leaves the choice open, and means no shards.
        compressors: As the zarr library takes them; ``"auto"`` for its own choice.
        levels: The factors of every level but the first, relative to the level above; None if they are not whole.
        scale, translation: The extent of a pixel and where the first one lies, by axis; where there is a pixel size, in
            its unit.
        units: Of the axes, as they stand in the file.
        name, omero: As they stand in the file.
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
    """Scale and translation of a level by axis: first its own, then the multiscale's on top."""
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
    """The units of the axes that have one, as they stand in the file."""
    axes = zip(stored, multiscale.get("axes", ()), strict=False)
    return {letter: axis["unit"] for letter, axis in axes if isinstance(axis, dict) and axis.get("unit")}


def pixel_size(scale: Mapping[str, float], units: Mapping[str, str]) -> PixelSize | None:
    """Known where the axes have a length unit; sizes of another unit than X's are brought to it."""
    unit = known_unit(units.get("X"))
    sizes = {axis: (scale[axis], known_unit(units.get(axis))) for axis in "ZYX" if axis in scale}
    if unit is None or sizes["Y"][1] is None:
        return None
    values = {axis: PixelSize({axis: size}, own).to(unit).values[axis] for axis, (size, own) in sizes.items() if own}
    return PixelSize(values, unit)


def whole_factors(scales: Sequence[Mapping[str, float]]) -> tuple[Factors, ...] | None:
    """How many pixels of a level make one of the next, by the scales of all levels; None where they are not whole."""
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
    """How a spec becomes an OME-Zarr: every level's sizes, one chunk and shard for all, what is said about them."""

    spec: OutputSpec
    style: ZarrStyle

    @classmethod
    def of(cls, spec: OutputSpec) -> Design:
        """The design for a spec, in the input's style if that was a Zarr."""
        return cls(spec, spec.style if isinstance(spec.style, ZarrStyle) else ZarrStyle())

    @property
    def layout(self) -> Layout:
        """OME wants time, channel, space."""
        return Layout("".join(letter for letter in AXES if letter in self.spec.axes))

    @property
    def factors(self) -> list[Factors]:
        """Of every level, relative to the level above; all 1 for the first."""
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
        """The chunk and the shard of a level of these sizes, by axis; no larger than it.

        Raises:
            InputError: They are not of the image's axes, or shards are no multiples of chunks, or the version has none.
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
        if wanted is None:  # whoever wants levels wants to look at the volume, else planes are written one by one
            wanted = _VOLUME if self.spec.levels and self.spec.sizes.get("Z", 1) >= _VOLUME["Z"] else _PLANE
        return {axis: wanted.get(axis, 1) for axis in self.spec.axes}

    def _shards(self) -> dict[str, int] | None:
        chunks = self._chunks()
        if self.spec.shards is None:
            kept = {axis: (self.style.shards or {}).get(axis, 1) for axis in chunks} if self.style.shards else None
            return kept if kept and all(kept[axis] % chunk == 0 for axis, chunk in chunks.items()) else None
        shards = self._asked("shards", self.spec.shards)
        if self.style.version == 2:
            raise InputError(f"{self.spec.path}: OME-Zarr 0.4, as the input is, has no shards; leave them out")
        if any(shards[axis] % chunk for axis, chunk in chunks.items()):
            raise InputError(
                f"{self.spec.path}: shards {tuple(shards.values())} are no multiples of the chunks "
                f"{tuple(chunks.values())}; choose them so"
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
            # the mean of f pixels lies (f − 1) / 2 pixels behind the first of them
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
    """To 12 digits: 3 · 0.1 is 0.3."""
    return float(f"{number:.12g}")

"""The OME-Zarr for an output: levels, chunks, shards and metadata.

ome-zarr-models checks in tests what is written here. It is not used for reading, since it rejects files that deviate
from the specification, and it would limit the versions of pydantic.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pellucid.errors import InputError
from pellucid.io.formats.zarr_axes import written_axis
from pellucid.io.formats.zarr_images import ARRAY_AXES
from pellucid.io.formats.zarr_metadata import ZarrStyle
from pellucid.io.layout import AXES, Layout
from pellucid.io.output_spec import OutputSpec
from pellucid.io.pyramid import Factors, halvings, shrunk

_PLANE = {"Y": 1024, "X": 1024}
#: For views from any side, yet thin: planes are denoised one by one, and a chunk is complete only with all of them.
_VOLUME = {"Z": 16, "Y": 256, "X": 256}
#: Smaller levels are not written, even if the input has them.
_SMALLEST = 16


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

    @property
    def level_names(self) -> list[str]:
        """The paths of the levels: those of the input, then counted on, as s0, s1, ... if it has s0 alone."""
        names = list(self.style.level_names[: len(self.sizes)])
        for number in range(len(names), len(self.sizes)):
            counted = re.sub(r"\d+(?=\D*$)", str(number), names[0]) if names else str(number)
            names.append(str(number) if counted in names else counted)
        return names

    @property
    def axis_names(self) -> list[str]:
        """The names of the axes in stored order."""
        return [str(self._axis(letter)["name"]) for letter in self.layout.stored]

    @property
    def not_kept(self) -> list[str]:
        """What the input's Zarr has and the output does not get, in words."""
        beside = self.style.beside.not_copied(self.spec, self.level_names) if self.style.beside else []
        return [*beside, *self.style.units_without_scale]

    def copy_beside(self, target: Path) -> None:
        """Copy what lies beside the input and belongs to the output too."""
        if self.style.beside:
            self.style.beside.copy(self.spec, self.level_names, target)

    def attributes(self) -> dict[str, Any]:
        """The group's attributes."""
        multiscale = self._multiscale()
        told = {"omero": self._omero()} if self.style.omero else {}
        others = dict(self.style.attributes)
        if self.style.version == 2:
            return {**others, "multiscales": [{"version": "0.4", **multiscale}], **told}
        return {**others, "ome": {**others.get("ome", {}), "version": "0.5", "multiscales": [multiscale], **told}}

    def array_attributes(self, level: int) -> dict[str, Any]:
        """The attributes of the array of a level: those of the input's finest one, the names of axes with all."""
        kept = dict(self.style.array_attributes) if level == 0 else {}
        return kept | ({ARRAY_AXES: self.axis_names} if ARRAY_AXES in self.style.array_attributes else {})

    def _omero(self) -> dict[str, Any]:
        """The description of the channels that the output has."""
        told = dict(self.style.omero or {})
        channels, first = told.get("channels"), self.spec.offset.get("C", 0)
        kept = channels[first : first + self.spec.sizes.get("C", 1)] if isinstance(channels, list) else None
        return told | ({"channels": kept} if kept else {})

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
            datasets.append({"path": self.level_names[number], "coordinateTransformations": steps})
        name = self.style.name or Path(self.spec.path).stem.removesuffix(".ome")
        axes = [self._axis(letter) for letter in stored]
        return {**self.style.multiscale, **self._history(), "name": name, "axes": axes, "datasets": datasets}

    def _history(self) -> dict[str, Any]:
        """The metadata of the multiscale, with a line on what was done."""
        if not self.spec.history:
            return {}
        told = self.style.multiscale.get("metadata", {})
        metadata = dict(told) if isinstance(told, Mapping) else {"description": told}
        earlier = metadata.get("history", [])
        lines = [*(earlier if isinstance(earlier, list) else [earlier]), self.spec.history]
        return {"metadata": {**metadata, "history": lines}}

    @property
    def _sizes(self) -> Mapping[str, float]:
        return self.spec.pixel_size.values if self.spec.pixel_size else {}

    def _axis(self, letter: str) -> dict[str, Any]:
        unit = self.spec.pixel_size.unit if self.spec.pixel_size and letter in self._sizes else None
        return written_axis(letter, self.style.axes, self.style.units.get(letter), unit)


def _round(number: float) -> float:
    """Round to 12 digits: 3 · 0.1 is 0.3."""
    return float(f"{number:.12g}")

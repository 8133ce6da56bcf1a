"""The plan of a blockwise run: fixed before its first block, and kept in its folder so that it can be resumed."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from pellucid.data.intensity_range import IntensityRange
from pellucid.data.output_paths import float_path, in_folder, output_paths, refuse_unsafe
from pellucid.data.source import Source
from pellucid.errors import InputError
from pellucid.inference import Cost, Statistics, affordable_side, fits_whole, has_norms
from pellucid.inference.tiles import Box
from pellucid.io.frames import Frames
from pellucid.io.image import Image
from pellucid.io.output_spec import DENOISED_BY
from pellucid.io.region import parse_region
from pellucid.methods import Denoiser
from pellucid.methods.digest import model_digest, short
from pellucid.methods.slices import slices_of
from pellucid.version import __version__

How = Literal["exact", "sampled", "trained"]
DENOISED, NOISE = "denoised", "noise"
"""Names of two results; the others are the denoiser's estimates."""
FORMAT = 5
"""Version of the format of an unfinished run's folder; a run of another version cannot be resumed."""
PLAN = "plan.json"
"""The plan's file in the folder."""
LARGEST_SIDE = 1024
"""Largest side of a tile, in pixels: larger ones are not faster."""
_FOR_TILES, _FOR_BLOCKS = 0.6, 0.3
"""Shares of the memory."""
LARGEST_BLOCK = 1 << 24
"""Largest number of pixels in a block, unless more have to be written at once: the most that a kill can lose."""


@dataclass(frozen=True)
class DenoiseOptions:
    """How files are denoised.

    Attributes:
        statistics: source of the norms' moments: "exact" (each plane's own), "sampled" or "trained".
        amp: compute the networks in bfloat16; not with exact statistics.
        region: the part to denoise, "z0:z1,y0:y1,x0:x1"; everything by default.
        frames: what becomes of the frames of a video: "separate", or "average", of which one image is left.
        estimates: also write each estimate of the clean image.
        noise: also write the removed noise, as float32.
        overwrite: replace existing files.
        chunks, shards: Zarr chunk and shard shapes, in the image's axes; those of the input by default.
        retries: number of further attempts at a failing block.
        cluster: "local:N", N processes on this machine, or "tcp://host:port", a Dask scheduler; this process alone by
            default.
    """

    statistics: How = "exact"
    amp: bool = False
    region: str | None = None
    frames: Frames = "separate"
    estimates: bool = False
    noise: bool = False
    overwrite: bool = False
    chunks: tuple[int, ...] | None = None
    shards: tuple[int, ...] | None = None
    retries: int = 2
    cluster: str | None = None


@dataclass(frozen=True)
class DenoiserSpec:
    """A denoiser with what a run must know of it.

    Attributes:
        denoiser: in evaluation mode, on its device.
        intensity_range: of the noisy images.
        settings: of the recipe, as they are stored.
        memory: bytes that the networks and the blocks in flight may use.
        trained: the moments that the norms saw in training; None if they are not known.
        name: the model's name in messages.
        method: the recipe's name.
    """

    denoiser: Denoiser
    intensity_range: IntensityRange
    settings: Mapping[str, Any]
    memory: int
    trained: Statistics | None = None
    name: str = "the model"
    method: str = "recipe"

    @cached_property
    def digest(self) -> str:
        """The model's digest, SHA-256."""
        return model_digest(self.settings, self.denoiser.state_dict())

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that its pixels depend on: the model, and black and white."""
        limits = f"{self.intensity_range.low!r} {self.intensity_range.high!r}"
        return hashlib.sha256(f"{self.digest} {limits}".encode()).hexdigest()

    @property
    def history(self) -> str:
        """One line that tells which denoiser it was: Pellucid's version, the recipe's name, the model's digest."""
        return f"{DENOISED_BY} {__version__}: {self.method}, model {short(self.digest)}"


Opener = Callable[[], DenoiserSpec]
"""Opens the denoiser in another process, to which the function can be sent."""


class VolumePlan(BaseModel):
    """One image of a run.

    Attributes:
        source: its path.
        origin: start of the region to denoise, along the image's axes.
        shape: of that region.
        results: paths of "denoised", the estimates and "noise", by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    origin: tuple[int, ...]
    shape: tuple[int, ...]
    results: dict[str, str]

    @property
    def planes(self) -> int:
        """The number of planes to denoise."""
        return math.prod(self.shape[:-2])

    def dtypes(self, dtype: np.dtype[Any]) -> dict[str, np.dtype[Any]]:
        """The pixel type of each result, by that of the image."""
        return {name: np.dtype(np.float32) if name == NOISE else dtype for name in self.results}


class BlockwisePlan(BaseModel):
    """All images of a run, and how they are denoised.

    Attributes:
        volumes: the images, in order.
        options: as they were given.
        whole: whether planes are denoised as a whole, each with moments of its own; else in tiles.
        statistics: source of the norms' moments; "none" if nothing is measured beforehand.
        side: of a tile, in pixels.
        block: largest number of pixels in a block, unless more have to be written at once.
        memory: bytes that a whole plane may take in the networks.
        seed: of the sampled windows.
        history: one line about the denoiser, for the results' metadata.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    volumes: list[VolumePlan]
    options: DenoiseOptions
    whole: bool
    statistics: Literal["exact", "sampled", "trained", "none"]
    side: int
    block: int
    memory: int
    seed: int = 0
    history: str = ""


def make_plan(
    source: Source, output: Path, spec: DenoiserSpec, options: DenoiseOptions, tile: Cost | None = None
) -> BlockwisePlan:
    """Decide how to denoise some images.

    Args:
        source: the noisy images.
        output: a file for one image, else a folder.
        spec: the denoiser.
        options: what is asked for.
        tile: the measured cost of a tile; the denoiser's own figure if not given.

    Raises:
        InputError: outputs that would collide or lie in the input, a region outside an image, statistics that are not
            there, or an image that does not fit into memory where the method takes it only as a whole.
    """
    denoiser = spec.denoiser
    names = [DENOISED, *(denoiser.estimate_names if options.estimates else ()), *([NOISE] if options.noise else [])]
    volumes = [
        _volume(image, {name: str(_result_path(target, name)) for name in names}, options.region)
        for image, target in zip(source.images, output_paths(source, output), strict=True)
    ]
    refuse_unsafe([Path(path) for volume in volumes for path in volume.results.values()], source)
    statistics = _statistics(spec, options)
    itemsize = source.images[0].dtype.itemsize
    in_flight = 3 * (itemsize * slices_of(denoiser) + sum(4 if name == NOISE else itemsize for name in names))
    affordable = int(_FOR_BLOCKS * spec.memory / in_flight)
    fits = _fit_whole(source, spec) and max(map(_pixels_of_deep_chunk, source.images)) <= affordable
    whole = not denoiser.networks() or (statistics == "exact" and (fits or denoiser.whole))
    if options.amp:
        _refuse_useless_amp(denoiser, statistics)
    if whole:
        _refuse_huge_planes(source, spec.memory)
    return BlockwisePlan(
        volumes=volumes,
        options=options,
        whole=whole,
        statistics="none" if whole else statistics,
        side=min(LARGEST_SIDE, affordable_side(denoiser, _FOR_TILES * spec.memory * _stated(denoiser, tile))),
        block=min(LARGEST_BLOCK, affordable),
        memory=spec.memory,
        history=spec.history,
    )


def identity(source: Source, spec: DenoiserSpec, options: DenoiseOptions) -> dict[str, Any]:
    """All that the result depends on: what must be the same for a run to be resumed."""
    free = ("overwrite", "retries", "cluster")
    chosen = {name: value for name, value in asdict(options).items() if name not in free}
    return {"format": FORMAT, "model": spec.fingerprint, "input": source.fingerprint(), **chosen}


def _volume(image: Image, results: Mapping[str, str], region: str | None) -> VolumePlan:
    slices = parse_region(region, image.axes, image.shape) if region else {}
    parts = [slices.get(axis, slice(0, size)) for axis, size in zip(image.axes, image.shape, strict=True)]
    return VolumePlan(
        source=image.path,
        origin=tuple(part.start for part in parts),
        shape=tuple(part.stop - part.start for part in parts),
        results=dict(results),
    )


def _stated(denoiser: Denoiser, tile: Cost | None) -> float:
    """The working memory that a denoiser states, as a share of the measured."""
    return denoiser.bytes_per_pixel / tile.bytes if tile else 1.0


def _result_path(target: Path, name: str) -> Path:
    if name == DENOISED:
        return target
    return float_path(in_folder(target, NOISE)) if name == NOISE else in_folder(target, "estimates", name)


def _statistics(spec: DenoiserSpec, options: DenoiseOptions) -> Literal["exact", "sampled", "trained", "none"]:
    if not has_norms(spec.denoiser):
        return "none"
    if options.statistics == "trained" and spec.trained is None:
        raise InputError(
            "statistics=trained: this run was trained before they were noted; choose exact or sampled, or train again"
        )
    return options.statistics


def _fit_whole(source: Source, spec: DenoiserSpec) -> bool:
    shapes = {(image.shape[-2], image.shape[-1]) for image in source.images}
    return all(fits_whole(spec.denoiser, Box(0, y, 0, x), spec.memory) for y, x in shapes)


def _pixels_of_deep_chunk(image: Image) -> int:
    """Pixels of the planes that a chunk of the file has a part of: they are read together."""
    return math.prod(image.chunks[:-2]) * math.prod(image.shape[-2:])


def _refuse_useless_amp(denoiser: Denoiser, statistics: str) -> None:
    if not denoiser.networks():
        raise InputError("--amp: this method has no networks to compute in bfloat16: omit the option")
    if statistics == "exact":
        raise InputError(
            "--amp: exact statistics are measured in float32, which takes longer than bfloat16 saves: choose "
            "--statistics sampled or trained"
        )


def _refuse_huge_planes(source: Source, memory: int) -> None:
    """Raise InputError if whole planes do not fit into memory: such a method holds several as float32."""
    for image in source.images:
        needed = 4 * 4 * math.prod(image.shape[-2:])
        if needed > memory:
            raise InputError(
                f"{image.path}: this method takes planes as a whole, and one of {image.shape[-2]}×{image.shape[-1]} "
                f"pixels takes {needed / 2**30:.1f} GiB of {memory / 2**30:.1f} to use: cut it into pieces, or allow "
                "more by --memory"
            )

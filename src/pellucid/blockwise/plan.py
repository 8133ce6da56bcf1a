"""What a job does, fixed before its first block and kept in its folder, so that whoever goes on does the same."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from pellucid.blockwise.denoiser_spec import DenoiserSpec
from pellucid.data.output_paths import float_path, in_folder, output_paths, refuse_unsafe
from pellucid.data.source import Source
from pellucid.errors import InputError
from pellucid.inference import Cost, affordable_side, fits_whole, has_norms
from pellucid.inference.tiles import Box
from pellucid.io.image import Image
from pellucid.io.region import parse_region
from pellucid.methods import Denoiser

How = Literal["exact", "sampled", "trained"]
DENOISED, NOISE = "denoised", "noise"
"""Names of two results; the others are the denoiser's estimates."""
FORMAT = 3
"""Format version of a job's folder; a job of another version cannot be resumed."""
PLAN = "plan.json"
"""Where a job's folder keeps it."""
LARGEST_SIDE = 1024
"""Of a tile, in pixels: larger ones are not faster."""
_FOR_TILES, _FOR_BLOCKS = 0.6, 0.3
"""Shares of the memory."""
LARGEST_BLOCK = 1 << 24
"""Pixels: what a kill loses at most, unless more have to be written at once."""


@dataclass(frozen=True)
class DenoiseOptions:
    """The options of a denoising job besides input, model and output.

    Attributes:
        statistics: source of the norms' moments: "exact" (default), "sampled" or "trained".
        amp: compute the networks in bfloat16; not with exact statistics.
        region: the part to denoise, "z0:z1,y0:y1,x0:x1"; everything by default.
        estimates: also write each estimate of the clean image.
        noise: also write the removed noise, as float32.
        overwrite: replace existing files.
        chunks, shards: Zarr chunk and shard shapes, in the image's axes; those of the input by default.
        retries: number of further attempts at a failing block.
    """

    statistics: How = "exact"
    amp: bool = False
    region: str | None = None
    estimates: bool = False
    noise: bool = False
    overwrite: bool = False
    chunks: tuple[int, ...] | None = None
    shards: tuple[int, ...] | None = None
    retries: int = 2


@dataclass(frozen=True)
class Request:
    """What shall be denoised, by what, and where to.

    Attributes:
        source: the noisy images.
        spec: what the user called them.
        output: a file for one image, else a folder.
        cleaner: what denoises.
        wishes: what else is asked for.
    """

    source: Source
    spec: Any
    output: Path
    cleaner: DenoiserSpec
    wishes: DenoiseOptions = DenoiseOptions()


class VolumePlan(BaseModel):
    """One image of a job.

    Attributes:
        source: how to open it.
        origin: where what is denoised begins, along its axes.
        shape: of what is denoised.
        results: where "denoised", the estimates and "noise" go, by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    origin: tuple[int, ...]
    shape: tuple[int, ...]
    results: dict[str, str]

    @property
    def planes(self) -> int:
        """How many planes are denoised."""
        return math.prod(self.shape[:-2])


class JobPlan(BaseModel):
    """All images of a job, and how they are gone through.

    Attributes:
        volumes: in order.
        whole: whether planes are denoised one by one as a whole, each with moments of its own; else in tiles.
        statistics: where the moments come from.
        amp: whether the networks compute in bfloat16.
        side: of a tile.
        block: pixels of a block, at most, unless more have to be written at once.
        memory: bytes that a whole plane may take in the networks.
        chunks, shards: as in `DenoiseOptions`.
        seed: of the windows that are sampled.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    volumes: list[VolumePlan]
    whole: bool
    statistics: Literal["exact", "sampled", "trained", "none"]
    amp: bool
    side: int
    block: int
    memory: int
    chunks: tuple[int, ...] | None
    shards: tuple[int, ...] | None
    seed: int = 0


def make_plan(request: Request, tile: Cost | None = None) -> JobPlan:
    """Decide how to denoise some images.

    Args:
        request: which, and how.
        tile: what a tile was measured to take; what the denoiser states if not given.

    Raises:
        InputError: outputs that would collide or lie in the input, a region outside an image, statistics that are not
            there, or an image that does not fit into memory where the method takes it only as a whole.
    """
    source, cleaner, wishes = request.source, request.cleaner, request.wishes
    denoiser = cleaner.denoiser
    names = [DENOISED, *(denoiser.estimate_names if wishes.estimates else ()), *([NOISE] if wishes.noise else [])]
    targets = output_paths(source, request.spec, request.output)
    volumes = [
        _volume(image, {name: str(_result_path(target, name)) for name in names}, wishes.region)
        for image, target in zip(source.images, targets, strict=True)
    ]
    refuse_unsafe([Path(path) for volume in volumes for path in volume.results.values()], source, request.spec)
    statistics = _statistics(cleaner, wishes)
    itemsize = source.images[0].dtype.itemsize
    in_flight = 3 * (itemsize + sum(4 if name == NOISE else itemsize for name in names))
    affordable = int(_FOR_BLOCKS * cleaner.memory / in_flight)
    fits = _fit_whole(source, cleaner) and max(map(_pixels_of_deep_chunk, source.images)) <= affordable
    whole = not denoiser.networks() or (statistics == "exact" and (fits or denoiser.whole))
    if wishes.amp:
        _refuse_useless_amp(denoiser, statistics)
    if whole:
        _refuse_huge_planes(source, cleaner.memory)
    return JobPlan(
        volumes=volumes,
        whole=whole,
        statistics="none" if whole else statistics,
        amp=wishes.amp,
        side=min(LARGEST_SIDE, affordable_side(denoiser, _FOR_TILES * cleaner.memory * _stated(denoiser, tile))),
        block=min(LARGEST_BLOCK, affordable),
        memory=cleaner.memory,
        chunks=wishes.chunks,
        shards=wishes.shards,
    )


def identity(request: Request) -> dict[str, Any]:
    """All that the result depends on: what must be the same for a job to be gone on with."""
    wishes = request.wishes
    return {
        "format": FORMAT,
        "model": request.cleaner.digest,
        "input": request.source.fingerprint(),
        "statistics": wishes.statistics,
        "amp": wishes.amp,
        "region": wishes.region,
        "estimates": wishes.estimates,
        "noise": wishes.noise,
        "chunks": wishes.chunks,
        "shards": wishes.shards,
    }


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
    """The memory that a denoiser states, as a share of what was measured."""
    return denoiser.bytes_per_pixel / tile.bytes if tile else 1.0


def _result_path(target: Path, name: str) -> Path:
    if name == DENOISED:
        return target
    return float_path(in_folder(target, NOISE)) if name == NOISE else in_folder(target, "estimates", name)


def _statistics(cleaner: DenoiserSpec, wishes: DenoiseOptions) -> Literal["exact", "sampled", "trained", "none"]:
    if not has_norms(cleaner.denoiser):
        return "none"
    if wishes.statistics == "trained" and cleaner.trained is None:
        raise InputError(
            "statistics=trained: this run was trained before they were noted; choose exact or sampled, or train again"
        )
    return wishes.statistics


def _fit_whole(source: Source, cleaner: DenoiserSpec) -> bool:
    shapes = {(image.shape[-2], image.shape[-1]) for image in source.images}
    return all(fits_whole(cleaner.denoiser, Box(0, y, 0, x), cleaner.memory) for y, x in shapes)


def _pixels_of_deep_chunk(image: Image) -> int:
    """Those of the planes that a chunk of the file has a part of: they are read together."""
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
    """A method that looks at whole planes holds some of them as float32."""
    for image in source.images:
        needed = 4 * 4 * math.prod(image.shape[-2:])
        if needed > memory:
            raise InputError(
                f"{image.path}: this method takes planes as a whole, and one of {image.shape[-2]}×{image.shape[-1]} "
                f"pixels takes {needed / 2**30:.1f} GiB of {memory / 2**30:.1f} to use: cut it into pieces, or allow "
                "more by --memory"
            )

"""What a job will take, before it starts: measured on one tile, and told."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pellucid.blockwise.denoiser_spec import DenoiserSpec
from pellucid.blockwise.plan import NOISE, JobPlan, VolumePlan
from pellucid.blockwise.preprocessing import view_of
from pellucid.blockwise.progress import time_text
from pellucid.errors import InputError
from pellucid.files import refuse_unwritable
from pellucid.inference import Cost, has_norms, probe
from pellucid.io.image import Image
from pellucid.io.registry import format_of, split
from pellucid.report import terminal

_SIDE = 256
"""Of the tile that is measured, in pixels."""
_PASSES = {"exact": 2.5, "sampled": 1.05}
"""What measuring statistics makes of the time, roughly."""
_PYRAMID = 4 / 3
"""What coarser levels make of a Zarr's size, at most."""
_STAGED = 2
"""Formats that are encoded at the end have their raw pixels beside them until then."""


class Forecast(NamedTuple):
    """What a job takes.

    Attributes:
        pixels: that are denoised.
        tiles: that they are cut into.
        seconds: of computing, with one worker.
        tile_bytes: of memory, for a tile in the networks.
    """

    pixels: int
    tiles: int
    seconds: float
    tile_bytes: float


def measure_tile(image: Image, cleaner: DenoiserSpec) -> Cost:
    """What a tile from the middle of an image takes; time is unknown where it is damaged, or takes many rounds."""
    denoiser = cleaner.denoiser
    try:
        if denoiser.rounds == 1:
            return probe(denoiser, view_of(cleaner, image, len(image.planes) // 2), _SIDE)
    except InputError:  # a damaged block is no reason not to begin: it fails in its turn
        pass
    return Cost(math.nan, denoiser.bytes_per_pixel)


def forecast(plan: JobPlan, cleaner: DenoiserSpec, cost: Cost) -> Forecast:
    """Count what a job takes, by what a tile takes."""
    denoiser = cleaner.denoiser
    tiles, seen, largest = 0, 0, 0
    for volume in plan.volumes:
        sides = [size if plan.whole else min(size, plan.side) for size in volume.shape[-2:]]
        counts = [math.ceil(size / side) for size, side in zip(volume.shape[-2:], sides, strict=True)]
        around = 0 if plan.whole else 2 * denoiser.halo
        tiles += volume.planes * math.prod(counts)
        seen += volume.planes * math.prod(
            size + around * count for size, count in zip(volume.shape[-2:], counts, strict=True)
        )
        largest = max(largest, math.prod(side + around for side in sides))
    passes = _PASSES.get(plan.statistics, 1.0) if has_norms(denoiser) else 1.0
    pixels = sum(math.prod(volume.shape) for volume in plan.volumes)
    return Forecast(pixels, tiles, seen * cost.seconds * passes, largest * cost.bytes)


def needed_disk(plan: JobPlan, images: Sequence[Image]) -> int:
    """Bytes that the results take uncompressed, with what is written on the way."""
    return sum(
        _file_bytes(Path(path), math.prod(volume.shape) * (4 if name == NOISE else image.dtype.itemsize))
        for volume, image in zip(plan.volumes, images, strict=True)
        for name, path in volume.results.items()
    )


def refuse_disk(plan: JobPlan, images: Sequence[Image]) -> None:
    """Raise InputError if the results do not fit on the disk that they shall go to, or nothing may be written there."""
    target = Path(next(iter(plan.volumes[0].results.values())))
    folder = _existing(target.parent)
    refuse_unwritable(target, folder)
    needed, free = needed_disk(plan, images), shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"{folder}: not enough disk: the result takes up to {size_text(needed)} and {size_text(free)} are free; "
            "make room, choose another disk, or cut out a part by --region"
        )


def tell(plan: JobPlan, images: Sequence[Image], cleaner: DenoiserSpec, found: Forecast) -> None:
    """Print the plan of a job."""
    first, volume = images[0], plan.volumes[0]
    more = f" and {len(images) - 1} more" if len(images) > 1 else ""
    size = " × ".join(map(str, first.shape))
    rows = [
        (
            "input",
            f"{first.path}{more}: {first.axes} {size}, {first.dtype.name}, pixel size {first.pixel_size or 'unknown'}",
        ),
        ("output", f"{next(iter(volume.results.values()))}{more}"),
    ]
    if volume.shape != first.shape:
        rows.append(("region", _region(volume, first.axes)))
    missing = first.missing_chunks()
    if missing and missing[0]:
        rows.append(("missing chunks", f"{missing[0]:,} of {missing[1]:,}: they read as the fill value"))
    rows += [
        ("work", f"{found.pixels / 1e6:,.1f} megapixels in {found.tiles:,} {'planes' if plan.whole else 'tiles'}"),
        ("statistics", _statistics(plan, cleaner, found)),
        ("memory", f"{size_text(found.tile_bytes)} a tile, {size_text(cleaner.memory)} allowed"),
        ("disk", f"up to {size_text(needed_disk(plan, images))}"),
        (
            "time",
            f"about {time_text(found.seconds)} with one worker, from a measured tile"
            if found.seconds > 0
            else "unknown",
        ),
    ]
    terminal.table("plan", ["", "what"], rows, text=2)


def size_text(count: float) -> str:
    """A number of bytes for people."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def _statistics(plan: JobPlan, cleaner: DenoiserSpec, found: Forecast) -> str:
    """The source of the norm statistics, and the time that sampled ones would save."""
    if plan.whole and has_norms(cleaner.denoiser):
        return "exact: each plane's own, measured while it is denoised"
    if plan.statistics != "exact":
        return plan.statistics
    saved = found.seconds * (1 - _PASSES["sampled"] / _PASSES["exact"])
    saving = f"; --statistics sampled would save about {time_text(saved)}" if saved > 0 else ""
    return f"exact: each plane's own, measured before it is denoised{saving}"


def _region(volume: VolumePlan, axes: str) -> str:
    parts = zip(axes, volume.origin, volume.shape, strict=True)
    return ", ".join(f"{axis} {start}:{start + size}" for axis, start, size in parts)


def _file_bytes(path: Path, pixels: int) -> int:
    known = format_of(split(path)[0])
    if known and known.module == "zarr":
        return int(pixels * _PYRAMID)
    return pixels if known and known.module in ("npy", "mrc") else pixels * _STAGED


def _existing(path: Path) -> Path:
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path

"""The estimated time, memory and disk of a run, from one measured tile."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pellucid.blockwise.plan import BlockwisePlan, DenoiserSpec, VolumePlan
from pellucid.blockwise.progress import time_text
from pellucid.errors import InputError
from pellucid.files import existing_folder, refuse_unwritable
from pellucid.inference import Cost, has_norms
from pellucid.io.image import Image
from pellucid.io.registry import format_of, split
from pellucid.report import terminal

_PASSES = {"exact": 2.5, "sampled": 1.05}
"""Time with the measuring of statistics, as a multiple of the time without, roughly."""
_PYRAMID = 4 / 3
"""Largest size of a Zarr with its coarser levels, as a multiple of that without."""
_STAGED = 2
"""The same for formats that are encoded at the end: their raw pixels lie beside them until then."""


class Needs(NamedTuple):
    """What a run needs.

    Attributes:
        pixels: number to denoise.
        tiles: number that they are cut into.
        seconds: of computing, with one worker.
        tile_bytes: memory of a tile in the networks.
        disk_bytes: that the results take uncompressed, with what is written on the way.
    """

    pixels: int
    tiles: int
    seconds: float
    tile_bytes: float
    disk_bytes: int


def needs_of(plan: BlockwisePlan, images: Sequence[Image], spec: DenoiserSpec, cost: Cost) -> Needs:
    """What a run needs, by the cost of a tile."""
    denoiser = spec.denoiser
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
    seconds, disk = seen * cost.seconds * passes, needed_disk(plan, images)
    return Needs(pixels, tiles, seconds, largest * cost.bytes, disk)


def needed_disk(plan: BlockwisePlan, images: Sequence[Image]) -> int:
    """Bytes that the results take uncompressed, with what is written on the way."""
    return sum(
        _file_bytes(Path(path), math.prod(volume.shape) * dtype.itemsize)
        for volume, image in zip(plan.volumes, images, strict=True)
        for path, dtype in zip(volume.results.values(), volume.dtypes(image.dtype).values(), strict=True)
    )


def refuse_disk(plan: BlockwisePlan, images: Sequence[Image]) -> None:
    """Raise InputError if the results do not fit on the disk of the output, or nothing may be written there."""
    target = Path(next(iter(plan.volumes[0].results.values())))
    folder = existing_folder(target)
    refuse_unwritable(target)
    needed, free = needed_disk(plan, images), shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"{folder}: not enough disk: the result takes up to {size_text(needed)} and {size_text(free)} are free; "
            "make room, choose another disk, or cut out a part by --region"
        )


def tell(plan: BlockwisePlan, images: Sequence[Image], spec: DenoiserSpec, found: Needs) -> None:
    """Print the plan of a run."""
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
        ("statistics", _statistics(plan, spec, found)),
        ("memory", f"{size_text(found.tile_bytes)} a tile, {size_text(spec.memory)} allowed"),
        ("disk", f"up to {size_text(found.disk_bytes)}"),
        (
            "time",
            f"about {time_text(found.seconds)} with one worker, from a measured tile"
            if found.seconds > 0
            else "unknown",
        ),
    ]
    terminal.table("plan", ["", "what"], rows, text=2)


def size_text(count: float) -> str:
    """A number of bytes as readable text."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def _statistics(plan: BlockwisePlan, spec: DenoiserSpec, found: Needs) -> str:
    """The source of the norm statistics, and the time that sampled ones would save."""
    if plan.whole and has_norms(spec.denoiser):
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

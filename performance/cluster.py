"""How much faster two worker processes denoise than one, each with one thread.

The same blocks of the same volume, read from and written to OME-Zarr, by one worker and by two, in turns. An efficiency
of 1 would mean that two workers take half the time of one: that neither the leading process, nor the disk, nor the
memory that they share, keeps one of them waiting.

    python performance/cluster.py [--width 16] [--side 1024] [--seconds 120]
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import torch
import zarr
from _common import medians, parser, show

from pellucid.blockwise.cluster import Cluster
from pellucid.blockwise.folder import keep_plan, save_manifests
from pellucid.blockwise.ledger import Task
from pellucid.blockwise.plan import DenoiseOptions, DenoiserSpec, make_plan
from pellucid.blockwise.serial import Executor
from pellucid.blockwise.worker import BlockWorker
from pellucid.data.intensity_range import IntensityRange
from pellucid.data.source import open_source
from pellucid.methods import build, make_recipe
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue

MEMORY = 1 << 28
"""Memory of each process, in bytes."""


def untrained(width: int) -> DenoiserSpec:
    """An untrained denoiser; training does not affect the time."""
    denoiser = build(make_recipe("proposed", "quick", {"width": width})).denoiser.eval().requires_grad_(False)
    return DenoiserSpec(denoiser, IntensityRange.from_limits(0, 255), {}, MEMORY)


def volume(path: Path, side: int) -> None:
    """Two noisy planes in chunks of 128×128 pixels."""
    pixels = simulate(tissue((2, side, side), seed=1), "film", seed=1)
    zarr.create_array(path, shape=pixels.shape, chunks=(1, 128, 128), dtype=pixels.dtype)[:] = pixels


def started(path: Path, spec: DenoiserSpec) -> tuple[BlockWorker, Path]:
    """A blockwise run whose blocks can be done repeatedly, and its folder."""
    folder = path.with_suffix(".unfinished")
    folder.mkdir()
    source = open_source(path)
    options = DenoiseOptions(statistics="sampled", chunks=(1, 128, 128))
    plan = make_plan(source, path.with_name("out.zarr"), spec, options).model_copy(update={"block": 256**2})
    keep_plan(folder, plan)
    save_manifests(folder, source.images)
    worker = BlockWorker(folder, plan, spec, source.images)
    worker.create(0)
    for number in range(len(worker.statistics)):
        worker.do(Task("statistics", number=number))
    return worker, folder


def do_blocks(executor: Executor, blocks: Sequence[Task]) -> None:
    """Do all blocks."""
    for task, outcome in executor.run(blocks):
        if isinstance(outcome, Exception):
            raise RuntimeError(f"{task} failed") from outcome


def measure(width: int, side: int, seconds: float) -> list[dict[str, Any]]:
    """The table: a row for one worker, and one for two."""
    torch.set_num_threads(1)  # the workers share the threads of this process: one for each
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        path = Path(scratch) / "in.zarr"
        volume(path, side)
        opener = partial(untrained, width)
        spec = opener()
        worker, folder = started(path, spec)
        blocks = [Task("blocks", number=number) for number in range(len(worker.outputs(0).grids[0]))]
        runners = {n: stack.enter_context(Cluster(f"local:{n}", opener).runner(folder, spec, 0)) for n in (1, 2)}
        times = medians({str(n): partial(do_blocks, runners[n], blocks) for n in runners}, seconds)
    return [
        {"workers": n, "blocks": len(blocks), "s": times[str(n)], "efficiency": times["1"] / (n * times[str(n)])}
        for n in runners
    ]


def main() -> None:
    """Measure one worker and two."""
    arguments = parser(__doc__)
    arguments.add_argument("--width", type=int, default=16, help="of the networks")
    arguments.add_argument("--side", type=int, default=1024, help="of a plane, in pixels")
    arguments.add_argument("--seconds", type=float, default=120)
    options = arguments.parse_args()
    rows = measure(options.width, options.side, options.seconds)
    title = "Denoising by workers of one thread each: efficiency is the time of one over n times the time of n"
    show(title, rows, options)


if __name__ == "__main__":
    main()

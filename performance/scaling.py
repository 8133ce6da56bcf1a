"""How time and memory grow: of a training step, of drawing a batch, and of denoising.

A training step is measured over batch, width, patch and threads; drawing a batch over the number of images and their
size; denoising over the size of the image, width, threads and workers.

Each curve has the exponent of the power law through its points beside the one that is expected: 1 where twice as much
should take twice as long, 0 where it should make no difference. The points of a curve are measured in turns in one
process; peaks of memory each in a process of its own. At small sizes fixed costs hide the straight line.

Then the arithmetic for one terabyte of uint8 voxels: at the rate measured here; for workers of a cluster at the
efficiency measured for two; and for a GPU at an assumed share of its maker's figure, which nobody has measured here.

    python performance/scaling.py [--picture scaling.png] [--seconds 10] [--json scaling.json]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cluster
import numpy as np
import torch
from _common import Program, medians, parser, publish
from _growth import Growth, draw
from _process import alone, peak_of
from _steps import operations, our_step, recipe_of

from pellucid.data.patches import Patches, RandomBatches
from pellucid.inference import FrozenDenoiser, View, denoise_plane, patch_statistics
from pellucid.inference.tiles import Box
from pellucid.methods import Denoiser, build

NAME, PRESET = "proposed", "quick"
TERABYTE = 10**12
WIDTH, SIDE = 32, 512
"""Width of the networks (the paper's) and side of the image that the rate for a terabyte is measured with."""
H100, H100_SHARE = 989e12, 0.3
"""Published rate of an H100 (SXM) for dense bfloat16 products in operations a second, and an assumed share of it."""


def training(**settings: int) -> Program:
    """A training step."""
    return our_step(recipe_of(NAME, PRESET, **settings))


def denoiser_of(width: int) -> Denoiser:
    """An untrained denoiser; training does not affect the time."""
    return build(recipe_of(NAME, PRESET, width=width)).denoiser.eval().requires_grad_(False)


def denoising(side: int, width: int) -> Program:
    """Denoising a square image at once."""
    return partial(denoise_plane, denoiser_of(width), image(side), 1e15)


def drawing(images: int, side: int) -> Program:
    """Drawing a batch from images that are all alike."""
    recipe = recipe_of(NAME, PRESET)
    one = np.zeros((side, side), np.uint8)
    patches = Patches([one] * images, lambda piece: piece.astype(np.float32) / np.float32(127.5) - 1, recipe.patch)
    batches = RandomBatches({"noisy": patches, "clean": patches}, recipe.batch, 0)
    return partial(batches, 1)


def image(side: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Noise in [−1, 1]."""
    return np.random.default_rng(0).uniform(-1, 1, (side, side)).astype(np.float32)


def with_threads(threads: int, run: Program) -> Program:
    """The same on so many threads."""

    def limited() -> None:
        usual = torch.get_num_threads()
        torch.set_num_threads(threads)
        run()
        torch.set_num_threads(usual)

    return limited


def peak_of_training(**settings: int) -> float:
    """MiB that two training steps take."""
    step = training(**settings)
    return peak_of(lambda: [step(), step()])


def peak_of_denoising(side: int, width: int) -> float:
    """MiB that denoising takes, the first time."""
    return peak_of(denoising(side, width))


def in_time(what: str, against: str, programs: dict[int, Program], seconds: float, straight: int) -> Growth:
    """How time grows."""
    times = medians({str(at): run for at, run in programs.items()}, seconds)
    return Growth(what, against, "s", list(programs), list(times.values()), straight)


def in_memory(what: str, against: str, at: Iterable[int], peak: Callable[[int], float], straight: int) -> Growth:
    """How memory grows."""
    points = list(at)
    return Growth(what, against, "MiB", points, [peak(point) for point in points], straight)


def of_training(seconds: float) -> list[Growth]:
    """Time and memory of a training step."""
    what = "training step"
    batches, widths, patches = (1, 2, 4, 8, 16), (8, 16, 32, 64), (64, 96, 128, 192)
    threads = powers(torch.get_num_threads())
    return [
        in_time(what, "batch", {n: training(batch=n) for n in batches}, seconds, 1),
        in_time(what, "width", {n: training(width=n) for n in widths}, seconds, 2),
        in_time(what, "side of a patch", {n: training(patch=n) for n in patches}, seconds, 2),
        in_time(what, "threads", {n: with_threads(n, training()) for n in threads}, seconds, -1),
        in_memory(what, "batch", (4, 8, 16, 32), lambda n: alone(peak_of_training, batch=n), 1),
        in_memory(what, "width", widths, lambda n: alone(peak_of_training, batch=8, width=n), 1),
        in_memory(what, "side of a patch", patches, lambda n: alone(peak_of_training, patch=n), 2),
    ]


def of_drawing(seconds: float) -> list[Growth]:
    """Time of drawing a batch."""
    what = "drawing a batch"
    return [
        in_time(what, "images", {n: drawing(n, 512) for n in (1, 10, 100, 1000)}, seconds / 4, 0),
        in_time(what, "side of an image", {n: drawing(10, n) for n in (128, 512, 2048, 8192)}, seconds / 4, 0),
    ]


def of_denoising(seconds: float) -> list[Growth]:
    """Time and memory of denoising."""
    what, sides, widths = "denoising", (256, 512, 1024, 2048), (8, 16, 32, 64)
    threads = powers(torch.get_num_threads())
    return [
        in_time(what, "side of the image", {n: denoising(n, 8) for n in sides}, seconds, 2),
        in_time(what, "width", {n: denoising(256, n) for n in widths}, seconds, 2),
        in_time(what, "threads", {n: with_threads(n, denoising(512, 16)) for n in threads}, seconds, -1),
        in_memory(what, "side of the image", sides, lambda n: alone(peak_of_denoising, n, 8), 2),
        in_memory(what, "width", widths, lambda n: alone(peak_of_denoising, 512, n), 1),
    ]


def powers(most: int) -> list[int]:
    """1, 2, 4, ... and the largest number itself."""
    return sorted({most, *(1 << n for n in range(most.bit_length()))})


def of_workers(seconds: float) -> tuple[Growth, float]:
    """Time of denoising with workers, and the efficiency of two."""
    rows = alone(cluster.measure, 8, 512, seconds)
    times = [row["s"] for row in rows]
    growth = Growth("denoising", "workers", "s", [row["workers"] for row in rows], times, -1)
    return growth, rows[-1]["efficiency"]


def terabyte(seconds: float, efficiency: float) -> list[dict[str, Any]]:
    """Days for a terabyte of uint8 voxels, each with its assumptions."""
    denoiser, view = denoiser_of(WIDTH), View.of_array(image(SIDE), 4)
    frozen = FrozenDenoiser(denoiser, SIDE)
    frozen.use(patch_statistics(denoiser, torch.from_numpy(image(64))[None, None]))
    run = partial(frozen.denoise, view, Box(0, SIDE, 0, SIDE))
    rate = SIDE**2 / medians({"folded": run}, seconds)["folded"]
    pixel = operations(partial(denoiser, torch.zeros(1, 1, 64, 64))) / 64**2
    lines: Sequence[tuple[str, float, str]] = [
        ("this machine", rate, f"measured: width {WIDTH}, fixed statistics, {torch.get_num_threads()} threads"),
        ("10 such in a Dask cluster", 10 * efficiency * rate, f"efficiency {efficiency:.2f}, measured for two workers"),
        ("100 such in a Dask cluster", 100 * efficiency * rate, "the same; storage is assumed to keep up"),
        (
            "one H100",
            H100_SHARE * H100 / pixel,
            f"not measured: {H100_SHARE:.0%} of {H100 / 1e12:.0f} TFLOP/s for {pixel / 2e3:.0f} kMAC a pixel",
        ),
    ]
    return [
        {"on": who, "megapixels/s": speed / 1e6, "days": TERABYTE / speed / 86400, "by": why}
        for who, speed, why in lines
    ]


def main() -> None:
    """Measure all curves."""
    arguments = parser(__doc__)
    arguments.add_argument("--picture", type=Path, help="PNG or SVG to draw the curves into")
    arguments.add_argument("--seconds", type=float, default=10, help="for each curve; more where it is slow")
    options = arguments.parse_args()
    workers, efficiency = of_workers(options.seconds)
    growths = [
        *of_training(options.seconds),
        *of_drawing(options.seconds),
        *of_denoising(options.seconds),
        workers,
    ]
    tables = {
        "How time and memory grow": [growth.row() for growth in growths],
        f"One terabyte of uint8 voxels ({TERABYTE:.0e} pixels): arithmetic": terabyte(options.seconds, efficiency),
    }
    if options.picture:
        draw(growths, options.picture)
    publish(tables, options)


if __name__ == "__main__":
    main()

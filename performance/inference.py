"""Speed of denoising: megapixels a second, and the share of the machine's arithmetic that this is.

For each width and size of image, all in turns in one process:

    plain       both networks as torch computes them eagerly, norms measured in the image, no fast path
    whole       the same with all fast paths: what an image takes that fits into memory
    tiles       with exact statistics, and no memory for more than tiles of --tile pixels
    folded      with given statistics, as the blocks of a volume are denoised; at once, and in tiles
    F, x-H      folded, one of the estimates alone
    bfloat16    folded, convolutions in bfloat16

The share counts what the networks as published need (250 kMAC a pixel for F and H of width 32), whatever is done
instead, and is one of the float32 matrix product that was fastest of three sizes. The time ratio is to the plain
version.

    python performance/inference.py [--side 512 1024] [--width 16 32] [--tile 256] [--seconds 20]
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from _common import Program, medians_and_machine, parser, show
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode

from pellucid.allocator import keep_freed_memory
from pellucid.inference import FrozenDenoiser, View, denoise_plane, patch_statistics
from pellucid.inference.tiles import Box
from pellucid.methods import Denoiser, build_denoiser, make_recipe
from pellucid.ops import plain

AT_ONCE = 1 << 15
"""A side that no image here has."""


@torch.no_grad()
def operations(denoiser: Denoiser) -> float:
    """Floating-point operations that its networks take for a pixel."""
    side = 256
    with plain(), FlopCounterMode(display=False) as counter:
        denoiser(torch.zeros(1, 1, side, side))
    return float(counter.get_total_flops()) / side**2


def folded(denoiser: Denoiser, image: NDArray[np.float32], side: int, *, amp: bool = False) -> Program:
    """Denoise an image with the statistics of another, in tiles of so many pixels."""
    made = FrozenDenoiser(denoiser, side, amp=amp)
    made.use(patch_statistics(denoiser, torch.rand(4, 1, 64, 64) * 2 - 1))
    view, box = View.of_array(image, denoiser.stride), Box(0, image.shape[0], 0, image.shape[1])
    return partial(made.denoise, view, box)


@torch.no_grad()
def eagerly(denoiser: Denoiser, image: torch.Tensor) -> None:
    """Denoise with torch's layers only, without our fast paths."""
    with plain():
        denoiser(image)


def measure(width: int, side: int, tile: int, seconds: float) -> list[dict[str, Any]]:
    """The rows of a width and a size."""
    denoiser = build_denoiser(make_recipe("proposed", settings={"width": width}))
    denoiser = denoiser.requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    image = np.random.default_rng(0).uniform(-1, 1, (side, side)).astype(np.float32)
    in_tiles = denoiser.bytes_per_pixel * (tile + 2 * denoiser.halo) ** 2
    alone = {part: denoiser.only(part) for part in denoiser.estimate_names}
    programs: dict[str, Callable[[], object]] = {
        "plain": partial(eagerly, denoiser, torch.from_numpy(image)[None, None]),
        "whole": partial(denoise_plane, denoiser, image, math.inf),
        "tiles": partial(denoise_plane, denoiser, image, in_tiles),
        "folded": folded(denoiser, image, AT_ONCE),
        "folded, in tiles": folded(denoiser, image, tile),
        **{part: folded(each, image, AT_ONCE) for part, each in alone.items()},
        "bfloat16": folded(denoiser, image, AT_ONCE, amp=True),
    }
    times, machine = medians_and_machine(programs, seconds)
    needed = {what: operations(alone.get(what, denoiser)) * side**2 for what in programs}
    return [
        {
            "denoised": what,
            "width": width,
            "side": side,
            "s": taken,
            "MP/s": side**2 / taken / 1e6,
            "share": needed[what] / taken / machine.operations,
            "time ratio": taken / times["plain"],
            "product GFLOP/s": machine.operations / 1e9,
        }
        for what, taken in times.items()
    ]


def main() -> None:
    """Measure every width and size."""
    keep_freed_memory()  # as the command line does
    arguments = parser(__doc__)
    arguments.add_argument("--side", type=int, nargs="+", default=[512, 1024])
    arguments.add_argument("--width", type=int, nargs="+", default=[16, 32])
    arguments.add_argument("--tile", type=int, default=256)
    arguments.add_argument("--seconds", type=float, default=20, help="for each width and size; more if it is slow")
    options = arguments.parse_args()
    rows = [
        row
        for width in options.width
        for side in options.side
        for row in measure(width, side, options.tile, options.seconds)
    ]
    show("Denoising an image", rows, options)


if __name__ == "__main__":
    main()

"""Speed of the student and of the networks that it was compared with, beside F and x − H of `proposed` at width 32.

All in turns in one process: an image of --side pixels is denoised, and a training step taken on 8 patches of 64×64
pixels: the loss and its gradients, without an optimiser. Ratios are those of the times, so low is fast: to F and x − H
with all fast paths for denoising, to the first network for a step.

    python performance/student_speed.py [--side 512] [--networks student U-Net ...] [--seconds 60]
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import torch
from _candidates import CANDIDATES, estimator
from _common import Program, medians, parser, show
from student import channels_last, loss, multiplications
from torch import Tensor, nn

from pellucid.allocator import keep_freed_memory
from pellucid.inference import denoise_plane
from pellucid.methods import build_denoiser, make_recipe

REFERENCE = "F and x-H"


def proposed(image: Tensor) -> Program:
    """Denoise an image by the two networks of `proposed`, with all fast paths."""
    denoiser = build_denoiser(make_recipe("proposed", settings={"width": 32})).requires_grad_(False)
    denoiser = denoiser.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return partial(denoise_plane, denoiser, image[0, 0].numpy(), math.inf)


def denoising(network: nn.Module, image: Tensor) -> Program:
    """Denoise an image."""

    @torch.no_grad()
    def run() -> None:
        network(image)

    return run


def step(network: nn.Module, patches: Tensor) -> Program:
    """Forward and backward pass of a training step."""

    def run() -> None:
        network.zero_grad()
        loss(network, patches, torch.zeros_like(patches)).backward()  # type: ignore[no-untyped-call]

    return run


def measure(names: list[str], side: int, seconds: float) -> list[dict[str, Any]]:
    """A row for each network."""
    networks = {name: CANDIDATES[name]().to(memory_format=torch.channels_last) for name in names}  # type: ignore[call-overload]
    random = np.random.default_rng(0)
    image, patches = (
        channels_last(torch.from_numpy(random.uniform(-1, 1, shape).astype(np.float32)))
        for shape in ((1, 1, side, side), (8, 1, 64, 64))
    )
    images = {REFERENCE: proposed(image)} | {
        name: denoising(estimator(network), image) for name, network in networks.items()
    }
    times = medians(images, seconds / 2)
    steps = medians({name: step(network, patches) for name, network in networks.items()}, seconds / 2)
    return [
        {
            "network": name,
            "kMAC a pixel": multiplications(network) / 1e3,
            "MP/s": side**2 / times[name] / 1e6,
            "denoising time ratio": times[name] / times[REFERENCE],
            "ms a step": steps[name] * 1e3,
            "step time ratio": steps[name] / steps[names[0]],
        }
        for name, network in networks.items()
    ]


def main() -> None:
    """Measure each network."""
    keep_freed_memory()  # as the command line does
    arguments = parser(__doc__)
    arguments.add_argument("--side", type=int, default=512)
    arguments.add_argument("--networks", nargs="+", default=list(CANDIDATES), choices=CANDIDATES)
    arguments.add_argument("--seconds", type=float, default=60)
    options = arguments.parse_args()
    torch.set_num_threads(1)
    show("The student's speed", measure(options.networks, options.side, options.seconds), options)


if __name__ == "__main__":
    main()

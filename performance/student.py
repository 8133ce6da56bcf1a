"""Quality against arithmetic: which network and optimiser denoise best after the same number of operations.

Each network learns from true pairs, noise simulated on the first images of a folder, and is tested on the last ones.
This is also the best that a method can reach which has to find its pairs itself. The budget is in multiplications of
the networks (forward and twice as many backward), so that a busy machine does not change the result; one core of an
AMD EPYC (Zen 4) does 0.044e12 a second, or 0.03e12 beside other work. Muon's own are not counted.

    python performance/student.py FOLDER [--noise film] [--networks student U-Net ...] [--optimisers muon adam]
        [--budget 1.8] [--batch 8] [--patch 64] [--seeds 0 1]
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from _candidates import CANDIDATES, estimate_and_error
from _results import parser, show
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, l1_loss
from torch.utils.flop_counter import FlopCounterMode

from pellucid.data.source import open_source
from pellucid.evaluation.metrics import psnr, ssim
from pellucid.methods.losses.laplace import laplace_interval, laplace_scale_loss
from pellucid.methods.optim.muon import MuonAndAdam
from pellucid.simulation.noise import simulate

WARM_UP = 0.02
"""Share of the steps over which the rate rises."""
OPTIMISERS: dict[str, Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]] = {
    "muon": lambda parameters: MuonAndAdam(parameters, lr=0.01),
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=1e-3, foreach=True),
}


class Setting(NamedTuple):
    """How a network learns."""

    optimiser: str
    budget: float
    batch: int
    patch: int
    turns: tuple[int, ...]
    seed: int


class Pairs(NamedTuple):
    """Noisy images and their truth, each (N, H, W), in [−1, 1]."""

    noisy: Tensor
    truth: Tensor

    def patches(self, random: np.random.Generator, setting: Setting) -> tuple[Tensor, Tensor]:
        """A batch of random patches in random orientations, each (N, 1, side, side)."""
        drawn = [self._patch(random, setting) for _ in range(setting.batch)]
        noisy, truth = (torch.stack(each)[:, None] for each in zip(*drawn, strict=True))
        return channels_last(noisy), channels_last(truth)

    def _patch(self, random: np.random.Generator, setting: Setting) -> tuple[Tensor, Tensor]:
        image, side = random.integers(len(self.truth)), setting.patch
        y, x = (random.integers(size - side + 1) for size in self.truth.shape[1:])
        turn = random.choice(setting.turns)
        return tuple(oriented(kind[image, y : y + side, x : x + side], turn) for kind in self)  # type: ignore[return-value]


def oriented(patch: Tensor, turn: int) -> Tensor:
    """One of the eight orientations of a square patch: quarter turns, from 4 on also mirrored."""
    turned = torch.rot90(patch, turn % 4)
    return turned.flip(1) if turn >= 4 else turned


def channels_last(x: Tensor) -> Tensor:
    """(N, C, H, W) in the layout that is fastest on CPUs."""
    return x.contiguous(memory_format=torch.channels_last)


def multiplications(network: nn.Module) -> float:
    """Return those of a forward pass, for each pixel."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 1, 128, 128))
    return float(counter.get_total_flops()) / 2 / 128**2


def train(network: nn.Module, pairs: Pairs, setting: Setting) -> int:
    """Learn until the budget is spent: L1, warm-up, then a cosine down to 0; return the number of steps."""
    random = np.random.default_rng(setting.seed)
    optimiser = OPTIMISERS[setting.optimiser](network.parameters())
    rate = optimiser.param_groups[0]["lr"]
    steps = round(setting.budget / (3 * multiplications(network) * setting.batch * setting.patch**2))
    for number in range(steps):
        share = number / steps
        optimiser.param_groups[0]["lr"] = rate * min(1, share / WARM_UP) * (1 + math.cos(math.pi * share)) / 2
        noisy, truth = pairs.patches(random, setting)
        optimiser.zero_grad()
        loss(network, noisy, truth).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return steps


def loss(network: nn.Module, noisy: Tensor, truth: Tensor) -> Tensor:
    """L1 of the estimate, and the likelihood of its error where the network predicts that."""
    estimate, log_error = estimate_and_error(network, noisy)
    found = l1_loss(estimate, truth)
    return found if log_error is None else found + laplace_scale_loss(log_error, estimate - truth)


@torch.no_grad()
def quality(network: nn.Module, pairs: Pairs) -> dict[str, float]:
    """Means over images of PSNR and SSIM, rounded to 8 bits, and of how well the network knows its errors.

    Those are the share of errors within the interval that should hold 90 % of them, and the rank correlation of
    predicted and true errors, both as means of blocks of 8×8 pixels.
    """
    rows = []
    for noisy, truth in zip(pairs.noisy, pairs.truth, strict=True):
        estimate, log_error = estimate_and_error(network, channels_last(noisy[None, None]))
        estimate = estimate[0, 0].clamp(-1, 1)
        predicted, true = (np.round((image.double().numpy() + 1) * 127.5) for image in (estimate, truth))
        row = {metric.__name__.upper(): metric(predicted, true, data_range=255) for metric in (psnr, ssim)}
        rows.append(row | calibration(log_error, (estimate - truth).abs()))
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def calibration(log_error: Tensor | None, error: Tensor) -> dict[str, float]:
    """How well an image's predicted error agrees with the true one (Y, X); nothing if none was predicted."""
    if log_error is None:
        return {}
    scale = log_error[0, 0].exp()
    blocks = avg_pool2d(torch.stack((scale, error))[:, None], 8).flatten(1)
    ranks = blocks.argsort(1).argsort(1).double()
    return {
        "within 90 %": float((error <= laplace_interval(0.9) * scale).double().mean()),
        "rank correlation": float(torch.corrcoef(ranks)[0, 1]),
    }


def measure(name: str, training: Pairs, validation: Pairs, setting: Setting) -> dict[str, Any]:
    """One row of the table."""
    torch.manual_seed(setting.seed)
    network = CANDIDATES[name]().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    started = time.process_time()
    steps = train(network, training, setting)
    seconds = time.process_time() - started
    return {
        "network": name,
        "optimiser": setting.optimiser,
        "batch": setting.batch,
        "patch": setting.patch,
        "seed": setting.seed,
        "kMAC a pixel": multiplications(network) / 1e3,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "steps": steps,
        "CPU s": seconds,
        **dict.fromkeys(("PSNR", "SSIM", "within 90 %", "rank correlation")),
        **quality(network, validation),
    }


def read_pairs(folder: Path, noise: str, counts: tuple[int, int]) -> tuple[Pairs, Pairs]:
    """The first images of a folder (8 bit, of one size, sides multiples of 8) with noise: for training, for testing."""
    planes = open_source(folder).planes[: sum(counts)]
    truth = np.stack([plane.read() for plane in planes])
    pairs = [torch.from_numpy(grey / np.float32(127.5) - 1) for grey in (simulate(truth, noise, seed=777), truth)]
    first, last = slice(counts[0]), slice(counts[0], None)
    return Pairs(*(kind[first] for kind in pairs)), Pairs(*(kind[last] for kind in pairs))


def main() -> None:
    """Measure each network with each optimiser and seed."""
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path, help="clean 8-bit PNG images, sorted by name")
    arguments.add_argument("--noise", default="film")
    arguments.add_argument("--images", type=int, nargs=2, default=[10, 6], help="how many for training and for testing")
    arguments.add_argument("--networks", nargs="+", default=list(CANDIDATES))
    arguments.add_argument("--optimisers", nargs="+", default=["muon"], choices=OPTIMISERS)
    arguments.add_argument("--budget", type=float, default=1.8, help="multiplications of a training, in 1e12")
    arguments.add_argument("--batch", type=int, default=8)
    arguments.add_argument("--patch", type=int, default=64)
    arguments.add_argument("--turns", type=int, nargs="+", default=list(range(8)), help="0 2 4 6 keep the scan axis")
    arguments.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = arguments.parse_args()
    torch.set_num_threads(1)
    training, validation = read_pairs(options.folder, options.noise, tuple(options.images))
    budget, shape = 1e12 * options.budget, (options.batch, options.patch, tuple(options.turns))
    rows = [
        measure(name, training, validation, Setting(optimiser, budget, *shape, seed))
        for name in options.networks
        for optimiser in options.optimisers
        for seed in options.seeds
    ]
    show(f"Networks after {options.budget:g}e12 multiplications, {options.noise} noise", rows, options)


if __name__ == "__main__":
    main()

"""What neighbouring slices are worth: the student with one and with several slices of a volume as its input.

The network learns from true pairs, noise simulated on some slices, to denoise the middle one; beyond the first and the
last slice the nearest is repeated. It is tested on other slices of the volume, with and without its neighbours. Besides
quality: flicker, the root mean square of the change of the error from slice to slice, in grey levels.

    python performance/slices.py FOLDER [--noise film] [--slices 1 3] [--seeds 0 1 2] [--steps 600] [--width 16]
    python performance/slices.py --apart 1    # the phantom, of which only slices that lie so far apart are taken
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from _results import parser, show
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from pellucid.data.source import open_source
from pellucid.evaluation.metrics import psnr, ssim
from pellucid.methods.optim.muon import MuonAndAdam
from pellucid.networks.student import Student
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue

BATCH, PATCH, RATE, WARM_UP = 4, 64, 0.01, 0.02
SIDE = 256
"""Side of the slices of the phantom, and largest side of those of a folder."""
TESTED = 8
"""Number of slices at the end that are not learned from."""
APART = 2
"""Number of slices between those that are learned from and those that are tested."""


class Volume(NamedTuple):
    """Noisy slices and their truth, (Z, Y, X) each, in [−1, 1]."""

    noisy: Tensor
    truth: Tensor

    def stacks(self, z: NDArray[np.int64], count: int) -> Tensor:
        """The noisy slices at z with their neighbours, (N, count, Y, X)."""
        around = z[:, None] + np.arange(count) - count // 2
        return self.noisy[around.clip(0, len(self.noisy) - 1)]


class SliceStudent(Student):
    """A student that sees several slices and denoises the middle one."""

    def __init__(self, slices: int, width: int) -> None:
        super().__init__(width)
        self._middle = slices // 2
        for layers in (self.halve, self.fine):
            first = layers[0]
            assert isinstance(first, nn.Conv2d)
            layers[0] = nn.Conv2d(
                slices, first.out_channels, first.kernel_size, first.stride, first.padding,  # type: ignore[arg-type]
                padding_mode=first.padding_mode,
            )  # fmt: skip

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, slices, H, W) -> (N, 1, H, W), and the features."""
        coarse = self._coarse(x)
        joined = torch.cat((nn.functional.pixel_shuffle(coarse, 2), self.fine(x)), 1)
        return x[:, self._middle : self._middle + 1] + self.last(self.join(joined)), coarse


def train(network: nn.Module, volume: Volume, slices: int, steps: int, seed: int) -> None:
    """Learn from patches in four orientations, by L1 with Muon and a cosine."""
    random = np.random.default_rng(seed)
    optimiser = MuonAndAdam(network.parameters(), lr=RATE)
    height, width = volume.truth.shape[1:]
    for number in range(steps):
        share = number / steps
        optimiser.param_groups[0]["lr"] = RATE * min(1, share / WARM_UP) * (1 + math.cos(math.pi * share)) / 2
        pairs = []
        for z in random.integers(len(volume.truth), size=BATCH):
            top, left = random.integers(height - PATCH + 1), random.integers(width - PATCH + 1)
            flips = [axis for axis in (1, 2) if random.integers(2)]
            cut = torch.cat((volume.stacks(np.array([z]), slices)[0], volume.truth[z : z + 1]))
            pairs.append(cut[:, top : top + PATCH, left : left + PATCH].flip(flips))
        batch = torch.stack(pairs)
        optimiser.zero_grad()
        l1_loss(network(batch[:, :-1])[0], batch[:, -1:]).backward()  # type: ignore[no-untyped-call]
        optimiser.step()


@torch.no_grad()
def denoised(network: nn.Module, volume: Volume, slices: int) -> NDArray[np.float64]:
    """All slices of a volume, in grey levels."""
    rows = [network(volume.stacks(np.array([z]), slices))[0][0, 0] for z in range(len(volume.truth))]
    return grey(torch.stack(rows).clamp(-1, 1))


def grey(images: Tensor) -> NDArray[np.float64]:
    """[−1, 1] as grey levels of 8 bits."""
    return np.round((images.double().numpy() + 1) * 127.5)


def quality(result: NDArray[np.float64], truth: NDArray[np.float64]) -> dict[str, float]:
    """PSNR, SSIM, and flicker of the pixels and of the mean of a slice."""
    error = result - truth
    return {
        "PSNR": float(np.mean([psnr(a, b, data_range=255) for a, b in zip(result, truth, strict=True)])),
        "SSIM": float(np.mean([ssim(a, b, data_range=255) for a, b in zip(result, truth, strict=True)])),
        "flicker": float(np.sqrt((np.diff(error, axis=0) ** 2).mean())),
        "flicker of the mean": float(np.sqrt((np.diff(error.mean((1, 2))) ** 2).mean())),
    }


def measure(volume: Volume, slices: int, seed: int, steps: int, width: int) -> dict[str, Any]:
    """One row of the table."""
    torch.manual_seed(seed)
    network = SliceStudent(slices, width)
    training = Volume(*(part[: -TESTED - APART] for part in volume))
    test = Volume(*(part[-TESTED:] for part in volume))
    started = time.process_time()
    train(network, training, slices, steps, seed)
    trained = time.process_time()
    result = denoised(network, test, slices)
    seconds = {"training, CPU s": trained - started, "denoising, CPU s": time.process_time() - trained}
    return {"slices": slices, "seed": seed, **quality(result, grey(test.truth)), **seconds}


def correlation(truth: Tensor) -> float:
    """Median correlation of neighbouring slices, pixel by pixel."""
    pairs = zip(truth.flatten(1), truth.flatten(1)[1:], strict=False)
    return float(np.median([np.corrcoef(one, other)[0, 1] for one, other in pairs]))


def main() -> None:
    """Measure each number of slices with each seed."""
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path, nargs="?", help="clean 8-bit slices, sorted by name; else the phantom")
    arguments.add_argument("--noise", default="film")
    arguments.add_argument("--apart", type=int, default=1, help="distance of the slices that are taken")
    arguments.add_argument("--count", type=int, default=34, help="number of slices that are taken")
    arguments.add_argument("--slices", type=int, nargs="+", default=[1, 3])
    arguments.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments.add_argument("--steps", type=int, default=600)
    arguments.add_argument("--width", type=int, default=16)
    options = arguments.parse_args()
    torch.set_num_threads(1)
    if options.folder is None:
        truth = tissue((options.count * options.apart, SIDE, SIDE), seed=5)[:: options.apart]
    else:
        planes = open_source(options.folder).planes[:: options.apart][: options.count]
        truth = np.stack([plane[:SIDE, :SIDE] for plane in planes])
    volume = Volume(*(torch.from_numpy(g / np.float32(127.5) - 1) for g in (simulate(truth, options.noise, 7), truth)))
    rows = [
        measure(volume, slices, seed, options.steps, options.width)
        for slices in options.slices
        for seed in options.seeds
    ]
    title = f"{options.noise} noise on {len(truth)} slices, neighbours correlate by {correlation(volume.truth):.2f}"
    show(title, rows, options)


if __name__ == "__main__":
    main()

"""How many patches a norm with batch statistics needs: its output in training compared with its output in use.

For each network of a run's denoiser that has such a norm and each size of batch: its running statistics are measured
anew on batches of that size; then "difference" is how far its output in training mode (this batch's statistics) is from
that in evaluation mode (the running ones), root mean square over 64 patches or more, as a share of the noise's standard
deviation, which is that of noisy − clean.

    python performance/batch_statistics.py RUN --noisy FOLDER --clean FOLDER
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from _common import parser, show
from torch import Tensor, nn

from pellucid.data.patches import Patches, RandomBatches
from pellucid.data.source import open_source
from pellucid.model import Model
from pellucid.norms import follows_mode, recalibrate
from pellucid.runs.folder import Run

SIZES = (2, 4, 8, 16, 64)
RECALIBRATION_BATCHES = 32

Batches = Callable[[int], Tensor]


def main() -> None:
    """Measure the networks of one run."""
    arguments = parser(__doc__)
    arguments.add_argument("run", type=Path)
    arguments.add_argument("--noisy", nargs="+", required=True)
    arguments.add_argument("--clean", nargs="+", required=True)
    options = arguments.parse_args()
    model = Model.load(options.run)
    noisy, clean = ([p.read() for p in open_source(files).planes] for files in (options.noisy, options.clean))
    pairs = [
        (model.intensity_range.normalize(a), model.intensity_range.normalize(b))
        for a, b in zip(noisy, clean, strict=True)
    ]
    sigma = float(np.mean([np.std(a - b) for a, b in pairs]))
    patches = Patches(noisy, model.intensity_range.normalize, Run(options.run).recipe().patch)
    rows = [
        {"network": name, "batch": size, "difference": difference(network, batches) / sigma}
        for name, network in with_running_statistics(model.denoiser)
        for size in SIZES
        for batches in [drawn(patches, size)]
    ]
    show(f"Training against use, noise of {sigma / 2 * 255:.1f} grey levels", rows, options)


def with_running_statistics(denoiser: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The parts of a denoiser whose norms follow the mode, by name."""
    return ((name, network) for name, network in denoiser.named_children() if follows_mode(network))


def drawn(patches: Patches, size: int) -> Batches:
    """Batches of so many patches, by number."""
    batches = RandomBatches({"noisy": patches}, size, seed=0)
    return lambda number: batches(number)["noisy"]


@torch.no_grad()
def difference(network: nn.Module, batches: Batches) -> float:
    """Root mean square between the output in training and in evaluation mode."""
    recalibrated = copy.deepcopy(network)
    recalibrate(
        recalibrated, [partial(recalibrated, batches(number)) for number in range(1, RECALIBRATION_BATCHES + 1)]
    )
    squares = []
    for number in range(RECALIBRATION_BATCHES + 1, RECALIBRATION_BATCHES + 1 + max(4, 64 // len(batches(1)))):
        in_use = recalibrated.eval()(batches(number))
        in_training = copy.deepcopy(recalibrated).train()(batches(number))
        squares.append(float((in_use - in_training).square().mean()))
    return float(np.sqrt(np.mean(squares)))


if __name__ == "__main__":
    main()

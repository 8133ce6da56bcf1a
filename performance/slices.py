"""What neighbouring slices are worth: trainings with one and with several slices of a volume as their input.

Noise is simulated on the slices of a volume, or of the phantom. The last ones are tested; from those before is learned:
by `student` from true pairs, by others from the noisy ones of the second half and the clean ones of the first. Besides
quality: flicker, the root mean square of the change of the error from slice to slice, in grey levels.

    python performance/slices.py FOLDER [--recipe student] [--noise film] [--slices 1 3] [--seeds 0 1 2] [--steps 600]
    python performance/slices.py --apart 1    # the phantom, of which only slices that lie so far apart are taken
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from _results import parser, show
from numpy.typing import NDArray

from pellucid.data.source import open_source
from pellucid.evaluation.metrics import psnr, ssim
from pellucid.methods import DEFAULT, make_recipe, method_class
from pellucid.model import Model
from pellucid.runs import trainer
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue

Pixels = NDArray[np.uint8]

SIDE = 256
"""Side of the slices of the phantom, and largest side of those of a folder."""
TESTED = 8
"""Number of slices at the end that are not learned from."""
APART = 2
"""Number of slices between those that are learned from and those that are tested."""


class Volume(NamedTuple):
    """Noisy slices and their truth, (Z, Y, X) each, of 8 bits."""

    noisy: Pixels
    truth: Pixels


def sources(volume: Volume, recipe: str) -> dict[str, Pixels]:
    """What a recipe learns from, by kind."""
    end, middle = len(volume.truth) - TESTED - APART, (len(volume.truth) - TESTED - APART) // 2
    if "pairs" in method_class(recipe).kinds:
        return {"noisy": volume.noisy[:end], "pairs": volume.truth[:end]}
    return {"noisy": volume.noisy[middle:end], "clean": volume.truth[:middle]}


def quality(result: NDArray[Any], truth: NDArray[Any]) -> dict[str, float]:
    """PSNR, SSIM, and flicker of the pixels and of the mean of a slice."""
    error = result.astype(np.float64) - truth
    return {
        "PSNR": float(np.mean([psnr(a, b, data_range=255) for a, b in zip(result, truth, strict=True)])),
        "SSIM": float(np.mean([ssim(a, b, data_range=255) for a, b in zip(result, truth, strict=True)])),
        "flicker": float(np.sqrt((np.diff(error, axis=0) ** 2).mean())),
        "flicker of the mean": float(np.sqrt((np.diff(error.mean((1, 2))) ** 2).mean())),
    }


def measure(volume: Volume, recipe: str, settings: dict[str, Any]) -> dict[str, Any]:
    """One row of the table."""
    started = time.process_time()
    with tempfile.TemporaryDirectory() as temporary:
        chosen = make_recipe(recipe, "quick", settings)
        model = Model.load(trainer.train(sources(volume, recipe), Path(temporary) / "run", chosen, "cpu").folder)
    trained = time.process_time()
    result = model.denoise(volume.noisy[-TESTED:])
    seconds = {"training, CPU s": trained - started, "denoising, CPU s": time.process_time() - trained}
    return {
        "recipe": recipe,
        "slices": settings["slices"],
        "seed": settings["seed"],
        **quality(result, volume.truth[-TESTED:]),
        **seconds,
    }


def correlation(truth: Pixels) -> float:
    """Median correlation of neighbouring slices, pixel by pixel."""
    pairs = zip(truth.reshape(len(truth), -1), truth.reshape(len(truth), -1)[1:], strict=False)
    return float(np.median([np.corrcoef(one, other)[0, 1] for one, other in pairs]))


def main() -> None:
    """Measure each number of slices with each seed."""
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path, nargs="?", help="clean 8-bit slices, sorted by name; else the phantom")
    arguments.add_argument("--recipe", default=DEFAULT)
    arguments.add_argument("--noise", default="film")
    arguments.add_argument("--strength", type=float, default=7.0, help="of the noise")
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
    volume = Volume(simulate(truth, options.noise, options.strength), truth)
    rows = [
        measure(
            volume,
            options.recipe,
            {"slices": slices, "seed": seed, "steps": options.steps, "width": options.width, "batch": 4, "patch": 64},
        )
        for slices in options.slices
        for seed in options.seeds
    ]
    noise = f"{options.noise} noise of strength {options.strength:g}"
    title = f"{noise} on {len(truth)} slices, neighbours correlate by {correlation(truth):.2f}"
    show(title, rows, options)


if __name__ == "__main__":
    main()

"""What flicker is measured where there is none: its spread over the seeds of the noise, from which the limits follow.

A phantom volume gets noise anew for each seed. The truth itself, two filters and a model are steady: none knows which
section it is given. What is measured of them is chance, and what noise that depends on the structure makes.

    python performance/flicker.py [--seeds 20] [--noise gaussian poisson film charge] [--model em --model-seeds 3]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from _results import parser, publish
from numpy.typing import NDArray
from scipy import ndimage

from pellucid.assessment.denoising import denoise_with
from pellucid.assessment.flicker import SECTIONS, Flicker, flicker_of
from pellucid.model import Model
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue

SIDE = 256
Images = NDArray[Any]
Result = Callable[[Images, Images], Images]

STEADY: dict[str, Result] = {
    "the truth itself": lambda _, truth: truth,
    "Gaussian blur of σ 2": lambda noisy, _: ndimage.gaussian_filter(noisy, (0, 2, 2)),
    "median of 5×5": lambda noisy, _: ndimage.median_filter(noisy, (1, 5, 5)),
}
"""Results from noisy sections and their truth."""


def main() -> None:
    """Measure, print, write."""
    options = _options()
    truth = tissue((SECTIONS, SIDE, SIDE), seed=2)
    results = {name: (make, options.seeds) for name, make in STEADY.items()}
    if options.model is not None:
        model = Model.load(options.model, device="cpu").with_intensity_range(-1, 1)
        results[f"model {options.model}"] = partial(_by_model, model), options.model_seeds
    rows = []
    for name, (make, seeds) in results.items():
        for noise in options.noise:
            found = [_flicker(truth, noise, seed, make) for seed in range(seeds)]
            rows.append({"result": name, "noise": noise, "seeds": seeds, **_spread(found)})
            print(rows[-1], flush=True)
    publish({"flicker of steady results, per cent": rows}, options)


def _flicker(truth: Images, noise: str, seed: int, make: Result) -> Flicker:
    noisy = simulate(truth, noise, seed=seed)
    scaled = [(each / 127.5 - 1).astype(np.float32) for each in (noisy, truth)]
    return flicker_of(scaled[0], make(*scaled))


def _by_model(model: Model, noisy: Images, _: Images) -> Images:
    return denoise_with(model, noisy)


def _spread(found: list[Flicker]) -> dict[str, str]:
    """Median and largest over the seeds, of black to white and of the contrast, in per cent."""
    brightness = 50 * np.array([each.brightness.added for each in found])
    chance = np.array([each.brightness.added / each.by_chance for each in found])
    contrast = 100 * np.array([each.contrast.added for each in found])
    return {
        "brightness": f"{np.median(brightness):.2f}, at most {brightness.max():.2f}",
        "in by_chance": f"{np.median(chance):.1f}, at most {chance.max():.1f}",
        "contrast": f"{np.median(contrast):.2f}, at most {contrast.max():.2f}",
    }


def _options() -> argparse.Namespace:
    arguments = parser(__doc__)
    arguments.add_argument("--noise", nargs="+", default=["gaussian", "poisson", "film", "charge"])
    arguments.add_argument("--seeds", type=int, default=20)
    arguments.add_argument("--model", help="also one of the box, or of a run")
    arguments.add_argument("--model-seeds", type=int, default=3)
    return arguments.parse_args()


if __name__ == "__main__":
    main()

"""The "correlation with structure" of filters of known quality, on the phantom with simulated noise.

python performance/removed.py [--json FILE]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from _results import parser, publish
from numpy.typing import NDArray
from scipy import ndimage

import pellucid
from pellucid.evaluation import removed_noise
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue

SIDE = 384
NOISES = ("gaussian", "film", "poisson", "charge")
Picture = NDArray[Any]

FILTERS: dict[str, Callable[[Picture, Picture], Picture]] = {
    "the truth itself": lambda _, truth: truth,
    "BM3D": lambda noisy, _: pellucid.denoise(noisy, recipe="bm3d"),
    "Gaussian blur of σ 2": lambda noisy, _: ndimage.gaussian_filter(noisy.astype(float), 2),
    "Gaussian blur of σ 8": lambda noisy, _: ndimage.gaussian_filter(noisy.astype(float), 8),
    "the truth at half its contrast": lambda _, truth: truth.mean() + (truth - truth.mean()) / 2,
}
"""Results from a noisy image and its truth."""


def main() -> None:
    """Measure, print, write."""
    options = parser(__doc__).parse_args()
    truth = tissue((SIDE, SIDE), seed=0)
    noisy = {kind: simulate(truth, kind, seed=1) for kind in NOISES}
    rows = [
        {
            "result": name,
            **{kind: f"{removed_noise(image, make(image, truth)).correlation:.2f}" for kind, image in noisy.items()},
        }
        for name, make in FILTERS.items()
    ]
    publish({"correlation with structure": rows}, options)


if __name__ == "__main__":
    main()

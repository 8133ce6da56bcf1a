"""The "correlation with structure" and the contrast of filters of known quality, on the phantom with simulated noise.

"Clipped" is strong noise on dark tissue, of which a tenth of the pixels is clipped at 0.

python performance/removed.py [--json FILE]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from _results import parser, publish
from numpy.typing import NDArray
from scipy import ndimage

import pellucid
from pellucid.evaluation import removed_noise
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue

SIDE = 384
NOISES = ("gaussian", "film", "poisson", "charge")
CLIPPED = "clipped"
DARKER, STRONG = 80.0, 50.0
"""What is taken from the tissue's grey levels, and σ of the noise, where it is clipped."""
Picture = NDArray[Any]

FILTERS: dict[str, Callable[[Picture, Picture], Picture]] = {
    "the truth itself": lambda _, truth: truth,
    "BM3D": lambda noisy, _: pellucid.denoise(noisy, recipe="bm3d"),
    "Gaussian blur of σ 1": lambda noisy, _: ndimage.gaussian_filter(noisy.astype(float), 1),
    "Gaussian blur of σ 2": lambda noisy, _: ndimage.gaussian_filter(noisy.astype(float), 2),
    "Gaussian blur of σ 8": lambda noisy, _: ndimage.gaussian_filter(noisy.astype(float), 8),
    "median of 5×5": lambda noisy, _: ndimage.median_filter(noisy, 5),
    "median of 9×9": lambda noisy, _: ndimage.median_filter(noisy, 9),
    "the truth at half its contrast": lambda _, truth: truth.mean() + (truth - truth.mean()) / 2,
}
"""Results from a noisy image and its truth."""


def main() -> None:
    """Measure, print, write."""
    options = parser(__doc__).parse_args()
    truth = tissue((SIDE, SIDE), seed=0)
    cases = {kind: (simulate(truth, kind, seed=1), truth) for kind in NOISES} | {CLIPPED: _clipped(truth)}
    found = {
        name: {kind: removed_noise(noisy, make(noisy, clean)) for kind, (noisy, clean) in cases.items()}
        for name, make in FILTERS.items()
    }
    correlations = [
        {"result": name, **{kind: f"{each.correlation:.2f}" for kind, each in row.items()}}
        for name, row in found.items()
    ]
    contrasts = [
        {"result": name, **{kind: f"{each.contrast:.2f}" for kind, each in row.items()}} for name, row in found.items()
    ]
    publish({"correlation with structure": correlations, "contrast": contrasts}, options)


def _clipped(tissue: Picture) -> tuple[Picture, Picture]:
    """A noisy image of 8 bits whose noise is clipped at 0, and its truth."""
    truth = np.clip(tissue - DARKER, 0, 255)
    noise = np.random.default_rng(1).normal(0, STRONG, truth.shape)
    return np.clip(truth + noise, 0, 255).round().astype(np.uint8), truth


if __name__ == "__main__":
    main()

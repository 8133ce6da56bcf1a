"""The best strength of a filter, found on pairs: what a user who knows the truth could get from it at most.

Recipes of filters measure their strength in the image, or have a fixed one. Correlated noise misleads the measurement,
and a comparison with a filter at a poor strength says little.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pellucid.benchmark.crops import centre
from pellucid.data.sample import evenly_spaced
from pellucid.data.source import open_source
from pellucid.evaluation import psnr
from pellucid.model import Model
from pellucid.recipe import Recipe

T = TypeVar("T")
Image = NDArray[Any]

TUNED = "tuned"
"""What the name of a method says whose strength was chosen so."""

SIGMAS = tuple(round(2 * 1.2**number, 2) for number in range(23))
"""Standard deviations of noise, 2 to 110 grey levels."""

STRENGTHS: dict[str, tuple[str, tuple[float, ...]]] = {
    "gaussian": ("sigma", tuple(round(0.4 * 1.15**number, 2) for number in range(22))),
    "median": ("size", (1, 3, 5, 7, 9, 11, 13, 15)),
    **dict.fromkeys(("bm3d", "bm3d-log", "nlm", "tv", "wavelet"), ("sigma", SIGMAS)),
}
"""The setting of each filter that is its strength, and the values that are tried, ascending."""

IMAGES, SIDE = 4, 256
"""The number of training images that are used, and the side of the square in their middle."""


def tune(recipe: Recipe, noisy: Sequence[str], clean: Sequence[str], device: str = "auto") -> Recipe:
    """Return the recipe of a filter with the strength of the best mean PSNR on pairs.

    The mean PSNR is taken to rise and then fall with the strength.

    Args:
        recipe: of a filter in `STRENGTHS`.
        noisy: files of noisy images of 8 bits.
        clean: the clean file of each.
        device: "auto", "cpu", "cuda:1", ...
    """
    setting, strengths = STRENGTHS[recipe.method]
    pairs = [(_middle(noisy[number]), _middle(clean[number])) for number in evenly_spaced(len(noisy), IMAGES)]

    def quality(strength: float) -> float:
        model = Model.for_images(recipe.with_settings({setting: strength}), list(noisy), device=device)
        return float(np.mean([psnr(model.denoise(image), truth, 255) for image, truth in pairs]))

    return recipe.with_settings({setting: top(strengths, quality)})


def top(values: Sequence[T], height: Callable[[T], float]) -> T:
    """Return the value of the greatest height; heights rise up to it and fall behind it."""
    known = cache(height)
    low, high = 0, len(values) - 1
    while low < high:
        middle = (low + high) // 2
        if known(values[middle]) < known(values[middle + 1]):
            low = middle + 1
        else:
            high = middle
    return values[low]


def _middle(path: str) -> Image:
    (plane,) = open_source(path).planes
    return centre(plane.shape, SIDE).of(plane.read(), plane.name)

"""Filters at their best: each with the strength that is best on pseudo-pairs, as a bar for a trained model."""

from __future__ import annotations

from dataclasses import dataclass

from pellucid.assessment.denoising import denoise_with
from pellucid.assessment.pseudo_pairs import Pairs
from pellucid.assessment.quality import Quality, quality
from pellucid.benchmark.filter_tuning import STRENGTHS, top
from pellucid.errors import InputError
from pellucid.methods import make_recipe
from pellucid.methods.classical.restoration import restoration
from pellucid.model import Model
from pellucid.recipe import Recipe

FILTERS = ("gaussian", "median", "nlm", "bm3d")
FROM_SCIKIT_IMAGE = ("nlm",)
"""Those of the filters that need scikit-image."""
TUNED_ON = 8, 128
"""Number of pairs on which a strength is chosen, and their side in pixels."""


@dataclass(frozen=True)
class BestFilter:
    """A filter with its best strength.

    Attributes:
        recipe: with this strength.
        quality: on all pairs.
    """

    recipe: Recipe
    quality: Quality

    @property
    def command(self) -> str:
        """How to denoise with it."""
        name, strength = self.quality.name.split()
        return f"pellucid denoise noisy/ out/ --recipe {name} --set {strength}"


def expected_psnr(each: BestFilter) -> float:
    """The mean PSNR on pseudo-pairs, in dB, by which the best filter is chosen."""
    return each.quality.psnr.mean


def filters_at_hand() -> list[str]:
    """`FILTERS`, without those whose library is not installed."""
    try:
        restoration()
    except InputError:
        return [name for name in FILTERS if name not in FROM_SCIKIT_IMAGE]
    return list(FILTERS)


def best_filter(name: str, pairs: Pairs) -> BestFilter:
    """A filter with the strength of the best mean PSNR on some of the pairs.

    Args:
        name: of a filter in `benchmark.filter_tuning.STRENGTHS`.
        pairs: to choose and to score on.
    """
    setting, strengths = STRENGTHS[name]
    few = pairs.some(*TUNED_ON)

    def score(strength: float, on: Pairs) -> Quality:
        model = filter_model(make_recipe(name, "quick", {setting: strength}))
        return quality(f"{name} {setting}={strength:g}", denoise_with(model, on.noisy), on)

    best = top(strengths, lambda strength: score(strength, few).psnr.mean)
    return BestFilter(make_recipe(name, "quick", {setting: best}), score(best, pairs))


def filter_model(recipe: Recipe) -> Model:
    """A filter for images in [−1, 1]."""
    return Model.for_images(recipe, [], intensity_range=(-1, 1))

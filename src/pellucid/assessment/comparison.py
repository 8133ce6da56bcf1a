"""Models and filters in the order of their expected quality on some noisy images."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.assessment.choice import most_slices, pairs_for
from pellucid.assessment.denoising import denoise_pairs
from pellucid.assessment.filters import best_filter
from pellucid.assessment.quality import Quality, quality, quality_of_noisy
from pellucid.benchmark.filter_tuning import STRENGTHS
from pellucid.data.intensity_range import IntensityRange
from pellucid.errors import InputError, nearest
from pellucid.io.image import Plane
from pellucid.model import Model
from pellucid.report import terminal


def compare_models(
    models: Sequence[Model], filters: Sequence[str], noisy: Sequence[Plane], clean: Sequence[Plane]
) -> list[Quality]:
    """The expected quality of models, of filters at their best, and of the noisy images; the best first.

    Args:
        models: of one intensity range.
        filters: names of recipes with a strength.
        noisy: planes of noisy images.
        clean: planes of clean images.

    Raises:
        InputError: a recipe that is no filter, models of different intensity ranges, or unusable images.
    """
    for name in filters:
        if name not in STRENGTHS:
            raise InputError(f"--recipes {name}: is no filter whose strength can be chosen; {nearest(name, STRENGTHS)}")
    ranges = {(model.intensity_range.low, model.intensity_range.high): model.name for model in models}
    if len(ranges) > 1:
        raise InputError(f"{' and '.join(ranges.values())} were trained on different intensity ranges: compare others")
    intensity_range = models[0].intensity_range if models else IntensityRange.from_source(list(noisy))
    pairs = pairs_for(intensity_range, noisy, clean, most_slices(models))
    found = [quality_of_noisy(pairs)]
    with terminal.progress_bar("comparing", len(models) + len(filters)) as bar:
        for model in models:
            found.append(quality(model.name, denoise_pairs(model, pairs), pairs))
            bar.set(len(found) - 1)
        for name in filters:
            found.append(best_filter(name, pairs).quality)
            bar.set(len(found) - 1)
    return sorted(found, key=lambda each: -each.psnr.mean)

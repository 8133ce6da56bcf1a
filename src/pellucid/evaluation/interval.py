"""The mean of what was measured, and its confidence interval over images, or over seeds and images."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 9999
CONFIDENCE = 95
"""Confidence level of the interval, in per cent."""
SEED = 0


class Interval(NamedTuple):
    """A mean and its interval.

    Attributes:
        mean: mean over all values.
        low, high: ends of the 95 % interval; None for one value, or if a value is infinite.
    """

    mean: float
    low: float | None
    high: float | None


def mean_with_interval(values: ArrayLike) -> Interval:
    """Return the mean and its percentile interval by bootstrap over seeds and images.

    Seeds and images are drawn anew independently, each with replacement, and every chosen image counts in every chosen
    seed (the bootstrap of crossed effects, Owen, Ann. Appl. Stat. 1(2), 2007). With one seed, or one image, only the
    other is drawn. So the interval is for other seeds and other images; with few of either it is too narrow.

    Args:
        values: the value of each image, at least one; or of each seed and image (S, I), NaN where there is none.
    """
    table = np.atleast_2d(np.asarray(values, dtype=np.float64))
    there = ~np.isnan(table)
    known, counted = np.where(there, table, 0), there.astype(np.float64)
    mean = float(known.sum() / counted.sum())
    sizes = [np.arange(size) for size in table.shape if size > 1]
    if not sizes or not np.isfinite(known).all():
        return Interval(mean, None, None)

    def mean_of(*drawn: NDArray[np.int64], axis: int = -1) -> NDArray[np.float64]:  # noqa: ARG001 (always the last)
        images = drawn[-1] if table.shape[1] > 1 else np.zeros_like(drawn[0][..., :1])
        seeds = drawn[0] if table.shape[0] > 1 else np.zeros_like(images[..., :1])
        chosen = seeds[..., :, None], images[..., None, :]
        count = counted[chosen].sum((-2, -1))
        return np.where(count > 0, known[chosen].sum((-2, -1)) / np.maximum(count, 1), mean)

    from scipy.stats import bootstrap  # here: it changes the filters of warnings

    interval = bootstrap(
        sizes, mean_of, n_resamples=RESAMPLES, confidence_level=CONFIDENCE / 100, method="percentile", rng=SEED
    ).confidence_interval
    return Interval(mean, float(interval.low), float(interval.high))

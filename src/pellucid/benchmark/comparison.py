"""Two methods on the same images: the mean difference, and its confidence interval."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import bootstrap

from pellucid.benchmark.image_score import ImageScore
from pellucid.benchmark.layout import Column, TableCell, TableLayout, TableSection
from pellucid.benchmark.results import Result
from pellucid.benchmark.table import DIGITS, METRICS
from pellucid.errors import InputError, nearest

RESAMPLES = 9999
CONFIDENCE = 95
"""Confidence level of the interval, in per cent."""
SEED = 0


@dataclass(frozen=True)
class Difference:
    """The mean difference of two methods: first minus second.

    Attributes:
        mean: mean over images.
        low, high: ends of the 95 % interval; None for one image, or if a difference is infinite.
    """

    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class MethodComparison:
    """Two methods on one dataset.

    Attributes:
        dataset, scheme, budget: those of the runs.
        images: number of images that both have denoised.
        runs: number of runs of each method, paired by fold and seed.
        psnr: difference of PSNR, in dB.
        ssim: difference of SSIM.
    """

    dataset: str
    scheme: str
    budget: str
    images: int
    runs: int
    psnr: Difference
    ssim: Difference


def compare(results: Iterable[Result], first: str, second: str) -> list[MethodComparison]:
    """Compare two methods on each dataset, over the images that both have denoised in runs of the same fold and seed.

    Raises:
        InputError: a method has no results (similar names are given), or there is no image that both have denoised.
    """
    done = [result for result in results if result.scores]
    methods = sorted({result.run.method for result in done})
    for name in (first, second):
        if name not in methods:
            hint = nearest(name, methods) if methods else "no run with a known truth is finished yet"
            raise InputError(f"no scores of {name!r}: {hint}")
    partners = {_key(result): result for result in done if result.run.method == second}
    pairs: dict[tuple[str, str, str], list[tuple[Result, Result]]] = defaultdict(list)
    for result in done:
        if result.run.method == first and (partner := partners.get(_key(result))):
            pairs[result.run.test_case, result.run.scheme, result.run.budget].append((result, partner))
    if not pairs:
        raise InputError(
            f"{first} and {second} have no image in common: they need the same dataset, fold, seed and budget"
        )
    return [_comparison(*key, members) for key, members in sorted(pairs.items())]


def mean_difference(differences: Sequence[float]) -> Difference:
    """Return the mean and its percentile interval by bootstrap over images.

    Images count as independent. Those of one fold share a training, so the interval is for other images, not for other
    trainings: several seeds show that. With few images it is too narrow.

    Args:
        differences: the difference of each image, at least one.
    """
    values = np.asarray(differences, dtype=np.float64)
    mean = _mean(differences)
    if len(values) < 2 or not np.isfinite(values).all():
        return Difference(mean, None, None)
    interval = bootstrap(
        (values,), np.mean, n_resamples=RESAMPLES, confidence_level=CONFIDENCE / 100, method="percentile", rng=SEED
    ).confidence_interval
    return Difference(mean, float(interval.low), float(interval.high))


def comparison_layout(first: str, second: str, comparisons: Sequence[MethodComparison]) -> TableLayout:
    """The comparisons as a table, a row for each dataset."""
    columns = [Column("dataset", is_text=True), Column("images"), Column("runs")]
    for name in METRICS.values():
        columns += [Column("mean", f"Δ{name}"), Column(f"{CONFIDENCE} % interval", f"Δ{name}")]
    several = len({(each.scheme, each.budget) for each in comparisons}) > 1
    rows = tuple(tuple(TableCell(text) for text in _texts(each, several)) for each in comparisons)
    notes = (
        f"Δ: {first} minus {second}, over the test images of the same dataset, fold and seed; "
        "the differences of an image are averaged over seeds.",
        f"Interval: bootstrap over images ({RESAMPLES} resamples, percentiles). The images of a fold share a training; "
        "with fewer than about 20 images the interval is too narrow.",
    )
    records = tuple(_record(first, second, each) for each in comparisons)
    return TableLayout(f"{first} against {second}", tuple(columns), (TableSection("", rows),), notes, records)


def _key(result: Result) -> tuple[str, str, int, int, str]:
    run = result.run
    return run.test_case, run.scheme, run.fold, run.seed, run.budget


def _comparison(dataset: str, scheme: str, budget: str, pairs: Sequence[tuple[Result, Result]]) -> MethodComparison:
    psnr: dict[tuple[int, str], list[float]] = defaultdict(list)
    ssim: dict[tuple[int, str], list[float]] = defaultdict(list)
    for first, second in pairs:
        known = {score.name: score for score in second.scores}
        for score in first.scores:
            if other := known.get(score.name):
                image = first.run.fold, score.name
                psnr[image].append(_minus(score, other, "psnr"))
                ssim[image].append(_minus(score, other, "ssim"))
    if not psnr:
        raise InputError(f"dataset {dataset}: the test images of the two methods have different names")
    over_seeds = ([_mean(values) for values in each.values()] for each in (psnr, ssim))
    return MethodComparison(
        dataset, scheme, budget, len(psnr), len(pairs), *(mean_difference(each) for each in over_seeds)
    )


def _minus(first: ImageScore, second: ImageScore, metric: str) -> float:
    a, b = getattr(first, metric), getattr(second, metric)
    return 0.0 if a == b else float(a - b)  # both may be infinite


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _texts(comparison: MethodComparison, several: bool) -> list[str]:
    dataset = f"{comparison.dataset} ({comparison.scheme}, {comparison.budget})" if several else comparison.dataset
    texts = [dataset, str(comparison.images), str(comparison.runs)]
    for metric in METRICS:
        difference, digits = getattr(comparison, metric), DIGITS[metric]
        ends = [] if difference.low is None else [difference.low, difference.high]
        texts += [_signed(difference.mean, digits), " to ".join(_signed(end, digits) for end in ends) or "–"]
    return texts


def _signed(value: float, digits: int) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:+z.{digits}f}".replace("-", "−").replace("inf", "∞")


def _record(first: str, second: str, comparison: MethodComparison) -> dict[str, object]:
    record: dict[str, object] = {"first": first, "second": second}
    record |= {name: getattr(comparison, name) for name in ("dataset", "scheme", "budget", "images", "runs")}
    for metric in METRICS:
        difference: Difference = getattr(comparison, metric)
        record |= {metric: difference.mean, f"{metric}_low": difference.low, f"{metric}_high": difference.high}
    return record

"""Two methods on the same images: how much better one is, and how sure that is."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from pellucid.benchmark.layout import METRICS, Column, Entry, Layout, Section
from pellucid.benchmark.results import Result
from pellucid.benchmark.table import DIGITS
from pellucid.errors import InputError, nearest
from pellucid.evaluation import Score

RESAMPLES = 9999
CONFIDENCE = 95
"""Of the interval, in per cent."""


@dataclass(frozen=True)
class Difference:
    """First minus second, on average.

    Attributes:
        mean: over images.
        low, high: ends of the 95 % interval; None for one image, or where a difference is infinite.
    """

    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Comparison:
    """Two methods on one case.

    Attributes:
        case, scheme, budget: as their units have it.
        images: how many different images both have denoised.
        pairs: how many pairs of trainings (fold and seed) stand behind them.
        psnr: in dB.
        ssim: difference of SSIM.
    """

    case: str
    scheme: str
    budget: str
    images: int
    pairs: int
    psnr: Difference
    ssim: Difference


def compare(results: Iterable[Result], first: str, second: str) -> list[Comparison]:
    """First minus second on each case: over images that both have denoised after training on the same fold and seed.

    Raises:
        InputError: a method without results (the nearest one is named), or no image that both have denoised.
    """
    done = [result for result in results if result.scores]
    methods = sorted({result.unit.method for result in done})
    for name in (first, second):
        if name not in methods:
            hint = nearest(name, methods) if methods else "nothing with a truth is finished yet"
            raise InputError(f"no scores of {name!r}: {hint}")
    partners = {_place(result): result for result in done if result.unit.method == second}
    pairs: dict[tuple[str, str, str], list[tuple[Result, Result]]] = defaultdict(list)
    for result in done:
        if result.unit.method == first and (partner := partners.get(_place(result))):
            pairs[result.unit.case, result.unit.scheme, result.unit.budget].append((result, partner))
    if not pairs:
        raise InputError(
            f"{first} and {second} have no image in common: they need the same case, fold, seed and budget"
        )
    return [_comparison(*key, members) for key, members in sorted(pairs.items())]


def mean_difference(differences: Sequence[float], seed: int = 0) -> Difference:
    """The mean with its percentile interval by bootstrap: images drawn anew, with replacement.

    Images count as independent. Those of one fold share a training, so the interval tells how sure the difference is
    for other images, not for other trainings: several seeds tell that. Few images make it too narrow.

    Args:
        differences: one for each image, at least one.
        seed: of the draws.
    """
    values = np.asarray(differences, dtype=np.float64)
    if len(values) < 2 or not np.isfinite(values).all():
        return Difference(_mean(differences), None, None)
    random = np.random.default_rng(seed)
    means = values[random.integers(0, len(values), (RESAMPLES, len(values)), dtype=np.int32)].mean(axis=1)
    outside = (100 - CONFIDENCE) / 2
    low, high = np.percentile(means, [outside, 100 - outside])
    return Difference(float(values.mean()), float(low), float(high))


def comparison_layout(first: str, second: str, comparisons: Sequence[Comparison]) -> Layout:
    """The comparisons as a table, a row a case."""
    columns = [Column("case", is_text=True), Column("images"), Column("trainings")]
    for name in METRICS.values():
        columns += [Column("mean", f"Δ{name}"), Column(f"{CONFIDENCE} % interval", f"Δ{name}")]
    several = len({(each.scheme, each.budget) for each in comparisons}) > 1
    rows = tuple(tuple(Entry(text) for text in _texts(each, several)) for each in comparisons)
    notes = (
        f"Δ: {first} minus {second}, over the test images of the same case, fold and seed; "
        "an image's differences are averaged over seeds.",
        f"Interval: bootstrap over images ({RESAMPLES} draws, percentiles). The images of a fold share a training; "
        "of fewer than about 20 images it comes out too narrow.",
    )
    records = tuple(_record(first, second, each) for each in comparisons)
    return Layout(f"{first} against {second}", tuple(columns), (Section("", rows),), notes, records)


def _place(result: Result) -> tuple[str, str, int, int, str]:
    unit = result.unit
    return unit.case, unit.scheme, unit.fold, unit.seed, unit.budget


def _comparison(case: str, scheme: str, budget: str, pairs: Sequence[tuple[Result, Result]]) -> Comparison:
    psnr: dict[tuple[int, str], list[float]] = defaultdict(list)
    ssim: dict[tuple[int, str], list[float]] = defaultdict(list)
    for first, second in pairs:
        known = {score.name: score for score in second.scores}
        for score in first.scores:
            if other := known.get(score.name):
                image = first.unit.fold, score.name
                psnr[image].append(_minus(score, other, "psnr"))
                ssim[image].append(_minus(score, other, "ssim"))
    if not psnr:
        raise InputError(f"case {case}: the two methods were tested on images of different names")
    over_seeds = ([_mean(values) for values in each.values()] for each in (psnr, ssim))
    return Comparison(case, scheme, budget, len(psnr), len(pairs), *(mean_difference(each) for each in over_seeds))


def _minus(first: Score, second: Score, metric: str) -> float:
    a, b = getattr(first, metric), getattr(second, metric)
    return 0.0 if a == b else float(a - b)  # both may be infinite


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _texts(comparison: Comparison, several: bool) -> list[str]:
    case = f"{comparison.case} ({comparison.scheme}, {comparison.budget})" if several else comparison.case
    texts = [case, str(comparison.images), str(comparison.pairs)]
    for metric in METRICS:
        difference, digits = getattr(comparison, metric), DIGITS[metric]
        ends = [] if difference.low is None else [difference.low, difference.high]
        texts += [_signed(difference.mean, digits), " to ".join(_signed(end, digits) for end in ends) or "–"]
    return texts


def _signed(value: float, digits: int) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:+z.{digits}f}".replace("-", "−").replace("inf", "∞")


def _record(first: str, second: str, comparison: Comparison) -> dict[str, object]:
    record: dict[str, object] = {"first": first, "second": second}
    record |= {name: getattr(comparison, name) for name in ("case", "scheme", "budget", "images", "pairs")}
    for metric in METRICS:
        difference: Difference = getattr(comparison, metric)
        record |= {metric: difference.mean, f"{metric}_low": difference.low, f"{metric}_high": difference.high}
    return record

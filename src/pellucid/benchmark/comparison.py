"""Two methods on the same images: the mean difference, and its confidence interval over seeds and images."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pellucid.benchmark.image_score import ImageScore
from pellucid.benchmark.layout import Column, TableCell, TableLayout, TableSection
from pellucid.benchmark.results import Result
from pellucid.benchmark.table import DIGITS, METRICS
from pellucid.errors import InputError, nearest
from pellucid.evaluation.interval import CONFIDENCE, RESAMPLES, Interval, mean_with_interval
from pellucid.methods import Supervision

Place = tuple[str, str, str, int]
"""Dataset, fold scheme, budget and fold of a run."""

Pair = tuple[int, Result, Result]
"""A seed, and the rows of both methods."""


@dataclass(frozen=True)
class MethodComparison:
    """Two methods on one dataset.

    Attributes:
        dataset, scheme, budget: those of the runs.
        images: number of images that both have denoised.
        runs: number of runs of each method, paired by fold and seed.
        seeds: number of different seeds among them.
        psnr: difference of PSNR, in dB.
        ssim: difference of SSIM.
    """

    dataset: str
    scheme: str
    budget: str
    images: int
    runs: int
    seeds: int
    psnr: Interval
    ssim: Interval


def compare(results: Iterable[Result], first: str, second: str) -> list[MethodComparison]:
    """Compare two methods on each dataset, over the images that both have denoised in runs of the same fold and seed.

    A filter learns nothing, so its row meets every seed of the other method.

    Raises:
        InputError: a method has no results (similar names are given), or there is no image that both have denoised.
    """
    done = [result for result in results if result.scores]
    methods = sorted({result.run.method for result in done})
    for name in (first, second):
        if name not in methods:
            hint = nearest(name, methods) if methods else "no run with a known truth is finished yet"
            raise InputError(f"no scores of {name!r}: {hint}")
    ours, theirs = (_by_fold(result for result in done if result.run.method == name) for name in (first, second))
    pairs: dict[tuple[str, str, str], list[Pair]] = defaultdict(list)
    for place, rows in ours.items():
        pairs[place[:3]] += _pairs(rows, theirs.get(place, {}))
    comparisons = [_comparison(*key, members) for key, members in sorted(pairs.items()) if members]
    if not comparisons:
        raise InputError(
            f"{first} and {second} have no image in common: they need the same dataset, fold, seed and budget"
        )
    return comparisons


def comparison_layout(first: str, second: str, comparisons: Sequence[MethodComparison]) -> TableLayout:
    """The comparisons as a table, a row for each dataset."""
    columns = [Column("dataset", is_text=True), Column("images"), Column("runs"), Column("seeds")]
    for name in METRICS.values():
        columns += [Column("mean", f"Δ{name}"), Column(f"{CONFIDENCE} % interval", f"Δ{name}")]
    several = len({(each.scheme, each.budget) for each in comparisons}) > 1
    rows = tuple(tuple(TableCell(text) for text in _texts(each, several)) for each in comparisons)
    notes = (
        f"Δ: {first} minus {second}, over the test images of the same dataset, fold and seed; the mean over seeds and "
        "images.",
        f"Interval: bootstrap over seeds and images, drawn independently ({RESAMPLES} resamples, percentiles); with "
        "one seed over images alone, and it says nothing of other seeds. With fewer than about 20 images or 5 seeds "
        "it is too narrow.",
    )
    records = tuple(_record(first, second, each) for each in comparisons)
    return TableLayout(f"{first} against {second}", tuple(columns), (TableSection("", rows),), notes, records)


def _by_fold(results: Iterable[Result]) -> dict[Place, dict[int, Result]]:
    """The rows by place and seed."""
    found: dict[Place, dict[int, Result]] = defaultdict(dict)
    for result in results:
        run = result.run
        found[run.test_case, run.scheme, run.budget, run.fold][run.seed] = result
    return found


def _pairs(ours: Mapping[int, Result], theirs: Mapping[int, Result]) -> Iterator[Pair]:
    """The rows of both methods by seed; the only row of a filter meets all seeds."""
    for seed in sorted(ours.keys() | theirs.keys()):
        first, second = (rows.get(seed) or _of_any_seed(rows) for rows in (ours, theirs))
        if first and second:
            yield seed, first, second


def _of_any_seed(rows: Mapping[int, Result]) -> Result | None:
    found = next(iter(rows.values()), None)
    return found if found and found.supervision == Supervision.NONE.value else None


def _comparison(dataset: str, scheme: str, budget: str, pairs: Sequence[Pair]) -> MethodComparison:
    seeds = sorted({seed for seed, _, _ in pairs})
    differences: dict[tuple[int, str], dict[str, list[float]]] = {}
    for seed, first, second in pairs:
        known = {score.name: score for score in second.scores}
        for score in first.scores:
            if other := known.get(score.name):
                image = first.run.fold, score.name
                row = differences.setdefault(image, {metric: [math.nan] * len(seeds) for metric in METRICS})
                for metric, values in row.items():
                    values[seeds.index(seed)] = _minus(score, other, metric)
    if not differences:
        raise InputError(f"dataset {dataset}: the test images of the two methods have different names")
    by_metric = (np.array([row[metric] for row in differences.values()]).T for metric in METRICS)
    return MethodComparison(
        dataset, scheme, budget, len(differences), len(pairs), len(seeds), *map(mean_with_interval, by_metric)
    )


def _minus(first: ImageScore, second: ImageScore, metric: str) -> float:
    a, b = getattr(first, metric), getattr(second, metric)
    return 0.0 if a == b else float(a - b)  # both may be infinite


def _texts(comparison: MethodComparison, several: bool) -> list[str]:
    dataset = f"{comparison.dataset} ({comparison.scheme}, {comparison.budget})" if several else comparison.dataset
    texts = [dataset, str(comparison.images), str(comparison.runs), str(comparison.seeds)]
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
    record |= {name: getattr(comparison, name) for name in ("dataset", "scheme", "budget", "images", "runs", "seeds")}
    for metric in METRICS:
        difference: Interval = getattr(comparison, metric)
        record |= {metric: difference.mean, f"{metric}_low": difference.low, f"{metric}_high": difference.high}
    return record

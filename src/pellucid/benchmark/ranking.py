"""Methods in the order of their scores, and how likely another seed would turn two neighbours.

A run's score is its mean over test images. Seeds scatter it; their variance σ² is pooled over all methods, since few
seeds of one method say little. For methods with means over n and m runs the difference of one further run of each has
the variance σ²·(2 + 1/n + 1/m), so by Student's t

    chance = T((mean_1 − mean_2) / (σ·√(2 + 1/n + 1/m)))          T: upper tail, with Σ (runs − 1) degrees of freedom

Images are the same for all and are not drawn anew: this is about other trainings on these images. All differences are
taken to be equally likely beforehand; of methods that are truly alike, seeds turn more than is said.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean
from typing import NamedTuple

from scipy.stats import t

from pellucid.benchmark.layout import ABSENT, Column, TableCell, TableLayout, TableSection
from pellucid.benchmark.results import Result
from pellucid.benchmark.table import DIGITS, METRICS
from pellucid.errors import InputError

Scores = Mapping[int, Sequence[float]]
"""The score of each run, by fold."""


@dataclass(frozen=True)
class Rank:
    """A method in the order of its scores.

    Attributes:
        method: as in `--methods`.
        runs: number of its runs on the folds that all methods have done.
        score: their mean.
        ahead: difference to the next method; None for the last one.
        chance: that one further run of both has the other order; None without two seeds of any method, or at the end.
    """

    method: str
    runs: int
    score: float
    ahead: float | None
    chance: float | None


class _Scatter(NamedTuple):
    """The standard deviation σ between seeds, and its degrees of freedom."""

    deviation: float
    freedom: int

    @classmethod
    def of(cls, groups: Iterable[Sequence[float]]) -> _Scatter:
        """That within groups of scores, pooled."""
        squares, freedom = 0.0, 0
        for group in groups:
            centre = mean(group)
            squares += sum((value - centre) ** 2 for value in group)
            freedom += len(group) - 1
        return cls(math.sqrt(squares / max(1, freedom)), freedom)

    def chance(self, ahead: float, runs: int, others: int) -> float | None:
        """The chance that one further run of two methods, whose means differ by `ahead`, has the other order."""
        if not self.freedom:
            return None
        error = self.deviation * math.sqrt(2 + 1 / runs + 1 / others)
        return float(t.sf(ahead / error, self.freedom)) if error else 0.0


def rank(methods: Mapping[str, Scores]) -> list[Rank]:
    """Order methods by their mean score on the folds that all of them have done.

    Raises:
        InputError: they have no fold in common.
    """
    folds = set.intersection(*(set(scores) for scores in methods.values()))
    if not folds:
        raise InputError("--ranking: these methods have no fold in common: train them on the same folds")
    runs = {method: sum(len(scores[fold]) for fold in folds) for method, scores in methods.items()}
    means = {method: mean(mean(scores[fold]) for fold in folds) for method, scores in methods.items()}
    scatter = _Scatter.of(scores[fold] for scores in methods.values() for fold in folds)
    ranks, order = [], sorted(means, key=lambda method: -means[method])
    for method, after in pairwise([*order, ""]):
        ahead = means[method] - means[after] if after else None
        chance = scatter.chance(ahead, runs[method], runs[after]) if ahead is not None else None
        ranks.append(Rank(method, runs[method], means[method], ahead, chance))
    return ranks


def ranking_layouts(results: Iterable[Result]) -> list[TableLayout]:
    """A table for each dataset and metric, of the methods that were trained.

    Raises:
        InputError: fewer than two methods were trained, or they have no fold in common.
    """
    cases: dict[tuple[str, str, str], list[Result]] = defaultdict(list)
    for result in results:
        if result.scores and result.steps:
            cases[result.run.test_case, result.run.scheme, result.run.budget].append(result)
    layouts = [layout for case, members in sorted(cases.items()) for layout in _layouts(case, members)]
    if not layouts:
        raise InputError("--ranking needs two trained methods on one dataset")
    return layouts


def _layouts(case: tuple[str, str, str], results: Sequence[Result]) -> Iterator[TableLayout]:
    for metric, name in METRICS.items():
        scores: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
        for result in results:
            scores[result.run.method][result.run.fold].append(result.mean(metric) or 0.0)
        if len(scores) > 1:
            yield _layout(f"{case[0]}, {case[1]} folds, budget {case[2]}", name, DIGITS[metric], rank(scores))


def _layout(title: str, metric: str, digits: int, ranks: Sequence[Rank]) -> TableLayout:
    columns = (
        *(Column("rank"), Column("method", is_text=True), Column("runs"), Column(metric)),
        *(Column("ahead of the next by"), Column("another seed turns it")),
    )
    rows = tuple(tuple(map(TableCell, (str(n), *_texts(each, digits)))) for n, each in enumerate(ranks, 1))
    notes = (
        "another seed turns it: chance that one further training of both has the other order, by Student's t with the "
        "variance between seeds pooled over all methods; on the same test images.",
    )
    records = tuple({"title": title, "metric": metric, "rank": n, **vars(each)} for n, each in enumerate(ranks, 1))
    return TableLayout(f"{title}: {metric}", columns, (TableSection("", rows),), notes, records)


def _texts(each: Rank, digits: int) -> tuple[str, ...]:
    ahead = ABSENT if each.ahead is None else f"{each.ahead:.{digits}f}"
    chance = ABSENT if each.chance is None else f"{100 * each.chance:.0f} %"
    return each.method, str(each.runs), f"{each.score:.{digits}f}", ahead, chance

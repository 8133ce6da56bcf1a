"""Results as in the paper's Table 2: a row for each method, PSNR and SSIM for each dataset, mean ± deviation.

Intervals of the difference between two methods are in `comparison.py`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from statistics import mean, stdev
from typing import TypeVar

from pellucid.benchmark.paper import TABLE_2, PaperScores, reported
from pellucid.benchmark.results import Result
from pellucid.errors import InputError
from pellucid.methods import Supervision

N = TypeVar("N", int, float)

GROUPS: dict[str, str] = {
    Supervision.PAIRED: "paired supervision",
    Supervision.UNPAIRED: "unpaired supervision",
    Supervision.NOISY: "noisy images only",
    Supervision.NOISY_PAIRS: "pairs of noisy images",
    Supervision.NONE: "nothing learned",
    "": "could not be started",
}
"""Group titles by supervision, in the order of the table."""

METRICS = {"psnr": "PSNR", "ssim": "SSIM"}
"""Metrics by which methods are ranked: more is better."""

MEASURES = ("offset", "contrast", "flat")
"""What else is measured, as in `ImageScore`."""

DIGITS = {"psnr": 2, "ssim": 4, "offset": 1, "contrast": 3, "flat": 2}
"""Decimals of the printed values; values that are printed alike have the same mark."""


SIDE_BY_SIDE = 2
"""How many datasets stand beside each other in a table."""


class Mark(Enum):
    """The rank of a value among those that it may be compared with."""

    NONE = ""
    BEST = "best"
    SECOND = "second"


_MARKED = {Supervision.PAIRED: (Mark.BEST,), Supervision.UNPAIRED: (Mark.BEST, Mark.SECOND)}


@dataclass(frozen=True)
class MeanDeviation:
    """Mean and sample standard deviation over runs.

    Attributes:
        mean: the mean.
        deviation: the standard deviation; None if there is only one value, or an infinite one.
    """

    mean: float
    deviation: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> MeanDeviation:
        """Return the mean and the deviation of one or more values."""
        finite = all(map(math.isfinite, values))
        deviation = stdev(values) if finite and len(values) > 1 else None
        return cls(mean(values) if finite else math.inf, deviation)


@dataclass(frozen=True)
class MethodScores:
    """The scores of one method on one dataset.

    Attributes:
        values: by metric and measure, if the truth is known and a run is done.
        marks: by metric.
        runs: (fold, seed) of the runs that are done.
        failed: number of runs that failed.
        reported: the paper's scores of this method for this kind of noise.
    """

    values: Mapping[str, MeanDeviation]
    marks: Mapping[str, Mark]
    runs: frozenset[tuple[int, int]]
    failed: int
    reported: PaperScores | None


@dataclass(frozen=True)
class MethodRow:
    """The row of one method.

    Attributes:
        method: the method, as in `--methods`.
        name: its full name.
        supervision: a value of `Supervision`; "" if it is not known, because no run could be started.
        settings: every setting of one of its runs.
        given: the settings given with `--set`.
        scores: its scores by dataset.
        steps, patches, seconds: least and greatest of its finished runs; patches are counted for each kind.
    """

    method: str
    name: str
    supervision: str
    settings: Mapping[str, object]
    given: Mapping[str, object]
    scores: Mapping[str, MethodScores]
    steps: tuple[int, int]
    patches: tuple[int, int]
    seconds: tuple[float, float]


@dataclass(frozen=True)
class BenchmarkTable:
    """Methods that can be compared, because they have the same fold scheme and budget.

    Attributes:
        scheme: fold scheme.
        budget: budget of each training.
        datasets: the datasets with a known truth, sorted; others have no scores.
        rows: the methods by group, then in the paper's order.
    """

    scheme: str
    budget: str
    datasets: tuple[str, ...]
    rows: tuple[MethodRow, ...]

    @cached_property
    def groups(self) -> dict[str, list[MethodRow]]:
        """The rows by group title."""
        found: dict[str, list[MethodRow]] = {}
        for row in self.rows:
            found.setdefault(GROUPS[row.supervision], []).append(row)
        return found

    def expected(self, dataset: str, supervision: str) -> frozenset[tuple[int, int]]:
        """All (fold, seed) that some method of a group has done; a method with fewer is not finished."""
        rivals = [row for row in self.rows if row.supervision == supervision]
        return frozenset().union(*(row.scores[dataset].runs for row in rivals if dataset in row.scores))


def tables(results: Iterable[Result]) -> list[BenchmarkTable]:
    """Return a table for each fold scheme and budget among the results; for each dataset too if there are many.

    Raises:
        InputError: there are no results.
    """
    together: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in results:
        together[result.run.scheme, result.run.budget].append(result)
    if not together:
        raise InputError("there are no results yet: run `pellucid benchmark` first")
    return [_table(*key, part) for key, members in sorted(together.items()) for part in _parts(members)]


def _parts(results: Sequence[Result]) -> list[list[Result]]:
    """All results if few datasets fit beside each other, else those of each dataset."""
    datasets = sorted({result.run.test_case for result in results})
    if len(datasets) <= SIDE_BY_SIDE:
        return [list(results)]
    return [[result for result in results if result.run.test_case == dataset] for dataset in datasets]


def _table(scheme: str, budget: str, results: Sequence[Result]) -> BenchmarkTable:
    by_method: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_method[result.run.method].append(result)
    rows = sorted((_row(method, members) for method, members in by_method.items()), key=_order)
    datasets = sorted(
        {dataset for row in rows for dataset, score in row.scores.items() if score.values or not score.runs}
    )
    table = BenchmarkTable(scheme, budget, tuple(datasets), tuple(rows))
    return replace(table, rows=tuple(_marked(table, row) for row in rows))


def _order(row: MethodRow) -> tuple[int, int, str]:
    order = ["noisy", "", *TABLE_2]
    # methods that are not in the paper come before those that are, so that the proposal is last, as there
    position = order.index(row.method if row.method in order else "")
    return list(GROUPS).index(row.supervision), position, row.method


def _row(method: str, results: Sequence[Result]) -> MethodRow:
    done = [result for result in results if result.status == "done"]
    first = next(iter(done or results))
    datasets = sorted({result.run.test_case for result in results})
    in_paper = TABLE_2.get(method)
    return MethodRow(
        method=method,
        name=in_paper.name if in_paper else _name(first),
        supervision=first.supervision,
        settings=first.recipe,
        given=first.settings,
        scores={
            dataset: _scores(method, dataset, [each for each in results if each.run.test_case == dataset])
            for dataset in datasets
        },
        steps=_range([result.steps for result in done]),
        patches=_range([result.patches for result in done]),
        seconds=_range([result.training_seconds for result in done]),
    )


def _name(result: Result) -> str:
    """The full name, with the settings that are varied, if any."""
    method, recipe = result.run.method, str(result.recipe.get("name", ""))
    varied = method.removeprefix(recipe).strip(" ()")
    return f"{result.title} ({varied})" if result.title and varied else result.title or method


def _range(values: Sequence[N]) -> tuple[N, N]:
    return (min(values), max(values)) if values else (0, 0)


def _scores(method: str, dataset: str, results: Sequence[Result]) -> MethodScores:
    done = [result for result in results if result.status == "done"]
    scored = [result for result in done if result.scores]
    values = {
        name: [value for result in scored if (value := result.mean(name)) is not None] for name in (*METRICS, *MEASURES)
    }
    return MethodScores(
        values={name: MeanDeviation.of(found) for name, found in values.items() if found},
        marks={},
        runs=frozenset((result.run.fold, result.run.seed) for result in done),
        failed=len(results) - len(done),
        reported=reported(method, dataset),
    )


def _marked(table: BenchmarkTable, row: MethodRow) -> MethodRow:
    rivals = [other for other in table.rows if other.supervision == row.supervision]
    scores = {
        dataset: replace(score, marks=_marks(table, dataset, row, rivals)) for dataset, score in row.scores.items()
    }
    return replace(row, scores=scores)


def _marks(table: BenchmarkTable, dataset: str, row: MethodRow, rivals: Sequence[MethodRow]) -> dict[str, Mark]:
    """Best and second best of the methods that have done every fold and seed; means over fewer cannot be compared."""
    scores = [rival.scores[dataset] for rival in rivals if dataset in rival.scores]
    whole = [score for score in scores if score.values and score.runs == table.expected(dataset, row.supervision)]
    own = row.scores[dataset]
    if row.supervision not in _MARKED or own not in whole or len(whole) < 2:
        return {}
    given = _MARKED[Supervision(row.supervision)]
    return {
        metric: mark(own.values[metric].mean, [score.values[metric].mean for score in whole], DIGITS[metric], given)
        for metric in METRICS
    }


def mark(value: float, values: Iterable[float], digits: int, given: Sequence[Mark]) -> Mark:
    """Return the mark of a value among all values; values that are equal after rounding have the same mark.

    Args:
        value: the value; more is better.
        values: all values, this one included.
        digits: number of printed decimals.
        given: the marks of the greatest value, the next one, and so on.
    """
    best = sorted({round(each, digits) for each in values}, reverse=True)
    return dict(zip(best, given, strict=False)).get(round(value, digits), Mark.NONE)

"""Results as the paper's Table 2: a row a method, a PSNR and an SSIM a case, mean ± spread over folds and seeds."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from statistics import mean, stdev
from typing import TypeVar

from pellucid.benchmark.paper import TABLE_2, Figures, reported
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
"""What each supervision is called, in the order in which they stand."""

DIGITS = {"psnr": 2, "ssim": 4}
"""Of the values as they are printed; what prints alike is marked alike."""


class Mark(Enum):
    """How a value stands among those that it may be compared with."""

    NONE = ""
    BEST = "best"
    SECOND = "second"


_MARKED = {Supervision.PAIRED: (Mark.BEST,), Supervision.UNPAIRED: (Mark.BEST, Mark.SECOND)}


@dataclass(frozen=True)
class Spread:
    """The mean over trainings: one value for each fold and seed.

    Attributes:
        mean: of the values.
        deviation: their sample standard deviation; None where there is one value, or an infinite one.
        n: how many there are.
    """

    mean: float
    deviation: float | None
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Mean and sample standard deviation of at least one value."""
        finite = all(map(math.isfinite, values))
        deviation = stdev(values) if finite and len(values) > 1 else None
        return cls(mean(values) if finite else math.inf, deviation, len(values))


@dataclass(frozen=True)
class Cell:
    """One method on one case.

    Attributes:
        values: "psnr" and "ssim", where a truth is known and a unit is done.
        marks: likewise.
        units: (fold, seed) of those that are done.
        failed: how many units failed.
        reported: the paper's own figures for this method and kind of noise.
    """

    values: Mapping[str, Spread]
    marks: Mapping[str, Mark]
    units: frozenset[tuple[int, int]]
    failed: int
    reported: Figures | None


@dataclass(frozen=True)
class Line:
    """One method.

    Attributes:
        recipe: label of its units.
        name: what the table calls it.
        supervision: what it learns from; "" where no unit came so far as to tell.
        settings: every setting of one of its trainings.
        asked: those of them that were asked for beside the recipe's.
        cells: by case.
        steps, tiles, seconds: least and greatest of its finished units; tiles are patches of each kind.
    """

    recipe: str
    name: str
    supervision: str
    settings: Mapping[str, object]
    asked: Mapping[str, object]
    cells: Mapping[str, Cell]
    steps: tuple[int, int]
    tiles: tuple[int, int]
    seconds: tuple[float, float]


@dataclass(frozen=True)
class BenchmarkTable:
    """What may be compared: all lines have the same way to make folds and the same budget.

    Attributes:
        scheme: how the folds were made.
        budget: of each training.
        cases: those with a truth, sorted; the others have no numbers.
        lines: by group, then in the paper's order.
    """

    scheme: str
    budget: str
    cases: tuple[str, ...]
    lines: tuple[Line, ...]

    @cached_property
    def groups(self) -> dict[str, list[Line]]:
        """Lines by what they are called together."""
        found: dict[str, list[Line]] = {}
        for line in self.lines:
            found.setdefault(GROUPS[line.supervision], []).append(line)
        return found

    def expected(self, case: str, supervision: str) -> frozenset[tuple[int, int]]:
        """The units, as (fold, seed), that some line of a group has done: a line with fewer is not finished."""
        rivals = [line for line in self.lines if line.supervision == supervision]
        return frozenset().union(*(line.cells[case].units for line in rivals if case in line.cells))


def tables(results: Iterable[Result]) -> list[BenchmarkTable]:
    """A table for each way to make folds and each budget among the results.

    Raises:
        InputError: there are no results.
    """
    together: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in results:
        together[result.unit.scheme, result.unit.budget].append(result)
    if not together:
        raise InputError("there are no results yet: run `pellucid benchmark` first")
    return [_table(*key, members) for key, members in sorted(together.items())]


def _table(scheme: str, budget: str, results: Sequence[Result]) -> BenchmarkTable:
    by_method: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_method[result.unit.method].append(result)
    lines = sorted((_line(recipe, members) for recipe, members in by_method.items()), key=_place)
    cases = sorted({case for line in lines for case, cell in line.cells.items() if cell.values or not cell.units})
    table = BenchmarkTable(scheme, budget, tuple(cases), tuple(lines))
    return replace(table, lines=tuple(_marked(table, line) for line in lines))


def _place(line: Line) -> tuple[int, int, str]:
    order = ["noisy", "", *TABLE_2]
    # methods that the paper has no row for come before its own, so that the proposal is last, as there
    place = order.index(line.recipe if line.recipe in order else "")
    return list(GROUPS).index(line.supervision), place, line.recipe


def _line(recipe: str, results: Sequence[Result]) -> Line:
    done = [result for result in results if result.status == "done"]
    told = next(iter(done or results))
    cases = sorted({result.unit.case for result in results})
    row = TABLE_2.get(recipe)
    return Line(
        recipe=recipe,
        name=row.name if row else _name(told),
        supervision=told.supervision,
        settings=told.recipe,
        asked=told.settings,
        cells={case: _cell(recipe, case, [each for each in results if each.unit.case == case]) for case in cases},
        steps=_range([result.steps for result in done]),
        tiles=_range([result.tiles for result in done]),
        seconds=_range([result.training_seconds for result in done]),
    )


def _name(result: Result) -> str:
    """The title; with what was varied where a label tells more than the name of a recipe."""
    label, plain = result.unit.method, str(result.recipe.get("name", ""))
    varied = label.removeprefix(plain).strip()
    return f"{result.title} ({varied})" if result.title and varied else result.title or label


def _range(values: Sequence[N]) -> tuple[N, N]:
    return (min(values), max(values)) if values else (0, 0)


def _cell(recipe: str, case: str, results: Sequence[Result]) -> Cell:
    done = [result for result in results if result.status == "done"]
    scored = [result for result in done if result.scores]
    values = {
        "psnr": [result.psnr for result in scored if result.psnr is not None],
        "ssim": [result.ssim for result in scored if result.ssim is not None],
    }
    return Cell(
        values={metric: Spread.of(found) for metric, found in values.items() if found},
        marks={},
        units=frozenset((result.unit.fold, result.unit.seed) for result in done),
        failed=len(results) - len(done),
        reported=reported(recipe, case),
    )


def _marked(table: BenchmarkTable, line: Line) -> Line:
    rivals = [other for other in table.lines if other.supervision == line.supervision]
    cells = {case: replace(cell, marks=_marks(table, case, line, rivals)) for case, cell in line.cells.items()}
    return replace(line, cells=cells)


def _marks(table: BenchmarkTable, case: str, line: Line, rivals: Sequence[Line]) -> dict[str, Mark]:
    """Best and second best of those that have done every fold and seed: a mean over fewer is another quantity."""
    cells = [rival.cells[case] for rival in rivals if case in rival.cells]
    whole = [cell for cell in cells if cell.values and cell.units == table.expected(case, line.supervision)]
    own = line.cells[case]
    if line.supervision not in _MARKED or own not in whole or len(whole) < 2:
        return {}
    given = _MARKED[Supervision(line.supervision)]
    return {
        metric: mark(spread.mean, [cell.values[metric].mean for cell in whole], DIGITS[metric], given)
        for metric, spread in own.values.items()
    }


def mark(value: float, values: Iterable[float], digits: int, given: Sequence[Mark]) -> Mark:
    """How a value stands among all values, itself included; equal once rounded is equally marked.

    Args:
        value: the one asked for; more is better.
        values: all of them.
        digits: behind the point, that are printed.
        given: the marks that the greatest value gets, the next one, and so on.
    """
    best = sorted({round(each, digits) for each in values}, reverse=True)
    return dict(zip(best, given, strict=False)).get(round(value, digits), Mark.NONE)

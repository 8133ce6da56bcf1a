"""What a table says, as text in columns with marks, before any format is chosen."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from pellucid.benchmark.table import DIGITS, BenchmarkTable, Cell, Line, Mark, Spread

METRICS = {"psnr": "PSNR", "ssim": "SSIM"}
ABSENT = "–"
MARKED = {Mark.BEST: "the best", Mark.SECOND: "the second best"}


@dataclass(frozen=True)
class Column:
    """A column; neighbours with the same `over` stand under one heading."""

    name: str
    over: str = ""
    is_text: bool = False


@dataclass(frozen=True)
class Entry:
    """What stands in a row and a column."""

    text: str
    mark: Mark = Mark.NONE


@dataclass(frozen=True)
class Section:
    """Rows that belong together."""

    title: str
    rows: tuple[tuple[Entry, ...], ...]


@dataclass(frozen=True)
class Layout:
    """A table in any format.

    Attributes:
        title: one line above.
        columns: from left to right.
        sections: from top to bottom; every row as long as `columns`.
        notes: lines below.
        records: the same for machines: unrounded numbers by name, all with the same names.
    """

    title: str
    columns: tuple[Column, ...]
    sections: tuple[Section, ...]
    notes: tuple[str, ...] = ()
    records: tuple[Mapping[str, object], ...] = field(default=(), repr=False)


Lead = tuple[Column, Callable[[Line], str]]
"""A column at the left, and what it says of a line."""

METHOD: Lead = (Column("method", is_text=True), lambda line: line.name)
RECIPE: Lead = (Column("recipe", is_text=True), lambda line: line.recipe)


def lay_out(table: BenchmarkTable, title: str, leads: Sequence[Lead] = (METHOD, RECIPE)) -> Layout:
    """The table with a PSNR and an SSIM a case, the paper's own beside them, and how far each method was trained."""
    with_paper = {case for case in table.cases for line in table.lines if _reported(line, case)}
    columns = [column for column, _ in leads]
    for case in table.cases:
        columns += [Column(f"{name}{' (dB)' * (metric == 'psnr')}", case) for metric, name in METRICS.items()]
        columns += [Column(f"paper's {name}", case) for name in METRICS.values() if case in with_paper]
    columns += [Column(name, "each training") for name in ("steps", "tiles", "seconds")]
    sections = tuple(
        Section(group, tuple(_row(table, line, leads, with_paper) for line in lines))
        for group, lines in table.groups.items()
    )
    return Layout(title, tuple(columns), sections, tuple(_notes(table, with_paper)), tuple(_records(table, leads)))


def lay_out_all(tables: Sequence[BenchmarkTable], title: str, leads: Sequence[Lead] = (METHOD, RECIPE)) -> list[Layout]:
    """Each of the tables; where there are several, their titles say what each is of."""
    alone = len(tables) == 1
    return [
        lay_out(table, title if alone else f"{title}: {table.scheme} folds, budget {table.budget}", leads)
        for table in tables
    ]


def spread_text(spread: Spread, digits: int) -> str:
    """`27.11 ± 0.12`, or `27.11` where there is no deviation."""
    value = "∞" if math.isinf(spread.mean) else f"{spread.mean:.{digits}f}"
    return value if spread.deviation is None else f"{value} ± {spread.deviation:.{digits}f}"


def range_text(least: float, greatest: float) -> str:
    """`200`, or `180–200` where they differ in what is printed."""
    texts = [f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.2g}" for value in (least, greatest)]
    return "–".join(dict.fromkeys(texts))


def spans(columns: Sequence[Column]) -> list[tuple[str, int]]:
    """What stands over neighbouring columns, and over how many."""
    return [(over, len(list(members))) for over, members in groupby(columns, key=lambda column: column.over)]


def _reported(line: Line, case: str) -> bool:
    return case in line.cells and line.cells[case].reported is not None


def _row(table: BenchmarkTable, line: Line, leads: Sequence[Lead], with_paper: set[str]) -> tuple[Entry, ...]:
    entries = [Entry(text(line)) for _, text in leads]
    for case in table.cases:
        cell = line.cells.get(case)
        entries += [_entry(table, line, case, metric) for metric in METRICS]
        if case in with_paper:
            reported = cell.reported if cell else None
            entries += [Entry(f"{getattr(reported, m):.{DIGITS[m]}f}" if reported else ABSENT) for m in METRICS]
    trained = line.steps[1] > 0
    entries += [Entry(range_text(*ends) if trained else ABSENT) for ends in (line.steps, line.tiles, line.seconds)]
    return tuple(entries)


def _entry(table: BenchmarkTable, line: Line, case: str, metric: str) -> Entry:
    cell = line.cells.get(case)
    if cell is None:
        return Entry(ABSENT)
    parts = [spread_text(cell.values[metric], DIGITS[metric])] if metric in cell.values else []
    if cell.failed:
        parts.append(f"({cell.failed} failed)" if parts else "failed")
    elif missing := len(table.expected(case, line.supervision)) - len(cell.units):
        parts.append(f"({missing} missing)")
    return Entry(" ".join(parts) or ABSENT, cell.marks.get(metric, Mark.NONE))


def _notes(table: BenchmarkTable, with_paper: Iterable[str]) -> Iterable[str]:
    counts = {len(table.expected(case, line.supervision)) for line in table.lines for case in table.cases} - {0}
    yield f"Folds: {table.scheme}; budget: {table.budget}. Trainings behind a mean: n = {_counted(counts)}."
    if counts - {1}:
        yield "mean ± sample standard deviation of the n means, each over the test images of one fold and seed."
    marks = {mark for line in table.lines for cell in line.cells.values() for mark in cell.marks.values()}
    if marked := " and ".join(word for mark, word in MARKED.items() if mark in marks):
        yield f"Marked: {marked} of a group, among methods that have finished every fold and seed."
    if with_paper:
        yield "paper's: Lee & Jeong, J. KCGS 27(5), 2021, Table 2, on that paper's own data."
    yield from _settings(table)
    told = {case for line in table.lines for case in line.cells} - set(table.cases)
    if told:
        yield f"No truth is known for {', '.join(sorted(told))}: see `pellucid benchmark figures`."


def _settings(table: BenchmarkTable) -> Iterable[str]:
    """What was asked for beside the recipes, the methods with the same together."""
    having: dict[str, list[str]] = {}
    for line in table.lines:
        if line.asked:
            having.setdefault(", ".join(f"{key}={value}" for key, value in line.asked.items()), []).append(line.name)
    for settings, names in having.items():
        yield f"Set to {settings}: {', '.join(names)}."


def _counted(counts: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(counts))) or "0"


def _records(table: BenchmarkTable, leads: Sequence[Lead]) -> Iterable[dict[str, object]]:
    for line in table.lines:
        for case in table.cases:
            if cell := line.cells.get(case):
                yield {
                    **{column.name: text(line) for column, text in leads},
                    "supervision": line.supervision,
                    "case": case,
                    "scheme": table.scheme,
                    "budget": table.budget,
                    **_numbers(cell),
                    "n": len(cell.units),
                    "missing": len(table.expected(case, line.supervision)) - len(cell.units),
                    "failed": cell.failed,
                    **_exposure(line),
                }


def _exposure(line: Line) -> dict[str, float]:
    ends = {"steps": line.steps, "tiles": line.tiles, "seconds": line.seconds}
    return {f"{name}_{end}": pair[i] for name, pair in ends.items() for i, end in enumerate(("least", "most"))}


def _numbers(cell: Cell) -> dict[str, object]:
    numbers: dict[str, object] = {}
    for metric in METRICS:
        spread = cell.values.get(metric)
        numbers[metric] = spread.mean if spread else None
        numbers[f"{metric}_deviation"] = spread.deviation if spread else None
        numbers[f"{metric}_mark"] = cell.marks.get(metric, Mark.NONE).value
        numbers[f"paper_{metric}"] = getattr(cell.reported, metric) if cell.reported else None
    return numbers

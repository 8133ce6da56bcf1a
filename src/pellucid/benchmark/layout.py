"""A table as text in columns with marks, independent of the file format."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise

from pellucid.benchmark.filter_tuning import TUNED
from pellucid.benchmark.table import (
    DIGITS,
    MEASURES,
    METRICS,
    BenchmarkTable,
    Mark,
    MeanDeviation,
    MethodRow,
    MethodScores,
)

ABSENT = "–"
MARKED = {Mark.BEST: "the best", Mark.SECOND: "the second best"}


@dataclass(frozen=True)
class Column:
    """A column; neighbours with the same `over` share that heading."""

    name: str
    over: str = ""
    is_text: bool = False


@dataclass(frozen=True)
class TableCell:
    """The text in one row and column, and its mark."""

    text: str
    mark: Mark = Mark.NONE


@dataclass(frozen=True)
class TableSection:
    """A group of rows with a title."""

    title: str
    rows: tuple[tuple[TableCell, ...], ...]


@dataclass(frozen=True)
class TableLayout:
    """A table in any format.

    Attributes:
        title: a line above the table.
        columns: from left to right.
        sections: from top to bottom; every row as long as `columns`.
        notes: lines below the table.
        records: the table with unrounded numbers, for CSV; all records have the same keys.
    """

    title: str
    columns: tuple[Column, ...]
    sections: tuple[TableSection, ...]
    notes: tuple[str, ...] = ()
    records: tuple[Mapping[str, object], ...] = field(default=(), repr=False)


LeadColumn = tuple[Column, Callable[[MethodRow], str]]
"""A column on the left, and its text in a row."""

NAME: LeadColumn = (Column("name", is_text=True), lambda row: row.name)
METHOD: LeadColumn = (Column("method", is_text=True), lambda row: row.method)


def lay_out(table: BenchmarkTable, title: str, leads: Sequence[LeadColumn] = (NAME, METHOD)) -> TableLayout:
    """Lay out PSNR and SSIM for each dataset, the paper's scores beside them, and the amount of training.

    A single dataset is named in the title, several are named over their columns.
    """
    alone = len(table.datasets) == 1
    with_paper = {dataset for dataset in table.datasets for row in table.rows if _reported(row, dataset)}
    columns = [column for column, _ in leads]
    for dataset in table.datasets:
        over = "" if alone else dataset
        columns += [Column(f"{name}{' (dB)' * (metric == 'psnr')}", over) for metric, name in METRICS.items()]
        columns += [Column(measure, over) for measure in MEASURES]
        columns += [Column(f"paper's {name}", over) for name in METRICS.values() if dataset in with_paper]
    columns += [Column(name, "" if alone else "each training") for name in ("steps", "patches", "seconds")]
    sections = tuple(
        TableSection(group, tuple(_row(table, row, leads, with_paper) for row in rows))
        for group, rows in table.groups.items()
    )
    notes, records = tuple(_notes(table, with_paper)), tuple(_records(table, leads))
    return TableLayout(f"{title}: {table.datasets[0]}" if alone else title, tuple(columns), sections, notes, records)


def lay_out_all(
    tables: Sequence[BenchmarkTable], title: str, leads: Sequence[LeadColumn] = (NAME, METHOD)
) -> list[TableLayout]:
    """Lay out each table. Several have fold scheme and budget in their titles, and a note of all is below the last."""
    if len(tables) == 1:
        return [lay_out(table, title, leads) for table in tables]
    layouts = [lay_out(table, f"{title}, {table.scheme} folds, budget {table.budget}", leads) for table in tables]
    return [
        replace(layout, notes=tuple(note for note in layout.notes if note not in later.notes))
        for layout, later in pairwise(layouts)
    ] + layouts[-1:]


def mean_text(value: MeanDeviation, digits: int) -> str:
    """`27.11 ± 0.12`, or `27.11` if there is no deviation."""
    text = "∞" if math.isinf(value.mean) else f"{value.mean:.{digits}f}"
    return text if value.deviation is None else f"{text} ± {value.deviation:.{digits}f}"


def range_text(least: float, greatest: float) -> str:
    """`200`, or `180–200` if the two differ in print."""
    texts = [f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.2g}" for value in (least, greatest)]
    return "–".join(dict.fromkeys(texts))


def spans(columns: Sequence[Column]) -> list[tuple[str, int]]:
    """The headings over neighbouring columns, and the number of columns under each."""
    return [(over, len(list(members))) for over, members in groupby(columns, key=lambda column: column.over)]


def _reported(row: MethodRow, dataset: str) -> bool:
    return dataset in row.scores and row.scores[dataset].reported is not None


def _row(
    table: BenchmarkTable, row: MethodRow, leads: Sequence[LeadColumn], with_paper: set[str]
) -> tuple[TableCell, ...]:
    cells = [TableCell(text(row)) for _, text in leads]
    for dataset in table.datasets:
        scores = row.scores.get(dataset)
        cells += [_cell(table, row, dataset, metric) for metric in METRICS]
        cells += [_measured(scores, measure) for measure in MEASURES]
        if dataset in with_paper:
            reported = scores.reported if scores else None
            cells += [TableCell(f"{getattr(reported, m):.{DIGITS[m]}f}" if reported else ABSENT) for m in METRICS]
    trained = row.steps[1] > 0
    cells += [TableCell(range_text(*ends) if trained else ABSENT) for ends in (row.steps, row.patches, row.seconds)]
    return tuple(cells)


def _cell(table: BenchmarkTable, row: MethodRow, dataset: str, metric: str) -> TableCell:
    if not (scores := row.scores.get(dataset)):
        return TableCell(ABSENT)
    parts = [mean_text(scores.values[metric], DIGITS[metric])] if metric in scores.values else []
    if scores.failed:
        parts.append(f"({scores.failed} failed)" if parts else "failed")
    elif missing := len(table.expected(dataset, row.supervision)) - len(scores.runs):
        parts.append(f"({missing} missing)")
    return TableCell(" ".join(parts) or ABSENT, scores.marks.get(metric, Mark.NONE))


def _measured(scores: MethodScores | None, measure: str) -> TableCell:
    if scores is None or not (value := scores.values.get(measure)):
        return TableCell(ABSENT)
    sign = "+" if measure == "offset" else ""
    return TableCell(f"{value.mean:{sign}z.{DIGITS[measure]}f}".replace("-", "−"))


def _notes(table: BenchmarkTable, with_paper: Iterable[str]) -> Iterable[str]:
    counts = {len(table.expected(dataset, row.supervision)) for row in table.rows for dataset in table.datasets} - {0}
    yield f"Folds: {table.scheme}; budget: {table.budget}. Runs in a mean: n = {_counted(counts)}."
    if counts - {1}:
        yield "mean ± sample standard deviation of n means, each over the test images of one fold and seed."
    marks = {mark for row in table.rows for scores in row.scores.values() for mark in scores.marks.values()}
    if marked := " and ".join(word for mark, word in MARKED.items() if mark in marks):
        yield f"Marked: {marked} of a group, among methods that have finished every fold and seed."
    if table.datasets:
        yield (
            "offset: mean of the result minus that of the truth, in grey levels. contrast: slope of the result over "
            "the truth in squares of 16 pixels, 1 if it is kept. flat: standard deviation of the result where the "
            "truth is flattest, relative to the truth's; above 1, grain is left or structure was made up."
        )
    if with_paper:
        yield "paper's: Lee & Jeong, J. KCGS 27(5), 2021, Table 2, measured on the paper's data."
    if any(f"({TUNED})" in row.method for row in table.rows):
        yield f"{TUNED}: at the strength with the best PSNR on noisy training images, whose truth a user does not have."
    yield from _settings(table)
    if without_truth := {dataset for row in table.rows for dataset in row.scores} - set(table.datasets):
        yield f"The truth of {', '.join(sorted(without_truth))} is not known: see `pellucid benchmark figures`."


def _settings(table: BenchmarkTable) -> Iterable[str]:
    """The settings given with `--set`, with the methods that have them."""
    methods: dict[str, list[str]] = {}
    for row in table.rows:
        if row.given:
            methods.setdefault(", ".join(f"{key}={value}" for key, value in row.given.items()), []).append(row.name)
    for settings, names in methods.items():
        yield f"Set to {settings}: {', '.join(names)}."


def _counted(counts: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(counts))) or "0"


def _records(table: BenchmarkTable, leads: Sequence[LeadColumn]) -> Iterable[dict[str, object]]:
    for row in table.rows:
        for dataset in table.datasets:
            if scores := row.scores.get(dataset):
                yield {
                    **{column.name: text(row) for column, text in leads},
                    "supervision": row.supervision,
                    "dataset": dataset,
                    "scheme": table.scheme,
                    "budget": table.budget,
                    **_numbers(scores),
                    "n": len(scores.runs),
                    "missing": len(table.expected(dataset, row.supervision)) - len(scores.runs),
                    "failed": scores.failed,
                    **_training(row),
                }


def _training(row: MethodRow) -> dict[str, float]:
    ends = {"steps": row.steps, "patches": row.patches, "seconds": row.seconds}
    return {f"{name}_{end}": pair[i] for name, pair in ends.items() for i, end in enumerate(("least", "most"))}


def _numbers(scores: MethodScores) -> dict[str, object]:
    numbers: dict[str, object] = {}
    for name in (*METRICS, *MEASURES):
        value = scores.values.get(name)
        numbers[name] = value.mean if value else None
        numbers[f"{name}_deviation"] = value.deviation if value else None
    for metric in METRICS:
        numbers[f"{metric}_mark"] = scores.marks.get(metric, Mark.NONE).value
        numbers[f"paper_{metric}"] = getattr(scores.reported, metric) if scores.reported else None
    return numbers

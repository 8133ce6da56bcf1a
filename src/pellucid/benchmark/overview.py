"""Many datasets in one table: a row for each, and PSNR and SSIM of some methods beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pellucid.benchmark.layout import ABSENT, Column, TableCell, TableLayout, TableSection, mean_text
from pellucid.benchmark.table import DIGITS, METRICS, BenchmarkTable, Mark, MethodScores, mark
from pellucid.errors import InputError, nearest


def overview_layout(tables: Sequence[BenchmarkTable], methods: Sequence[str]) -> TableLayout:
    """A row for each dataset and budget, with the mean PSNR and SSIM of these methods; the best of a row is marked.

    Raises:
        InputError: a method has no results (similar names are given).
    """
    known = sorted({row.method for table in tables for row in table.rows})
    for method in methods:
        if method not in known:
            raise InputError(f"no results of {method!r}: {nearest(method, known)}")
    columns = [Column("dataset", is_text=True), Column("budget", is_text=True)]
    columns += [Column(name, method) for method in methods for name in METRICS.values()]
    rows, records = [], []
    for dataset in sorted({dataset for table in tables for dataset in table.datasets}):
        for table in (table for table in tables if dataset in table.datasets):
            found = {row.method: row.scores[dataset] for row in table.rows if dataset in row.scores}
            scores = {method: found[method] for method in methods if method in found and found[method].values}
            budget = table.budget.removeprefix("quick ")
            cells = [_cell(scores, method, metric) for method in methods for metric in METRICS]
            rows.append((TableCell(dataset), TableCell(budget), *cells))
            records += [_record(dataset, table, method, scores[method]) for method in scores]
    notes = (
        "Each cell: mean over test images, folds and seeds ± sample standard deviation of runs. PSNR in dB. Seconds "
        "are CPU seconds of a training. Marked: the best of a row.",
    )
    return TableLayout("datasets", tuple(columns), (TableSection("", tuple(rows)),), notes, tuple(records))


def _cell(scores: Mapping[str, MethodScores], method: str, metric: str) -> TableCell:
    if method not in scores:
        return TableCell(ABSENT)
    values = {each: score.values[metric].mean for each, score in scores.items()}
    best = mark(values[method], values.values(), DIGITS[metric], [Mark.BEST] * (len(values) > 1))
    return TableCell(mean_text(scores[method].values[metric], DIGITS[metric]), best)


def _record(dataset: str, table: BenchmarkTable, method: str, scores: MethodScores) -> dict[str, object]:
    return {
        "dataset": dataset,
        "scheme": table.scheme,
        "budget": table.budget,
        "method": method,
        **{metric: scores.values[metric].mean for metric in METRICS},
        "n": len(scores.runs),
    }

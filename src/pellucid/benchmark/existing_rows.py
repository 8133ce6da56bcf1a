"""Rows that exist already, such as those of another machine, in place of runs that would repeat them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pellucid.benchmark.results import Result, ResultsFile
from pellucid.benchmark.run_spec import RunSpec
from pellucid.benchmark.sources import is_filter
from pellucid.report import terminal


def take_over(specs: Sequence[RunSpec], rows: Iterable[Result], results: ResultsFile) -> None:
    """Add the rows that hold for runs that are not done, and say which, and why others do not hold.

    A row holds if it is of the same run, settings, images and code. A filter learns nothing, so its row holds for every
    seed, budget and condition, also one that is in `results` itself.
    """
    own = list(results)
    done = {row.run for row in own if row.status == "done"}
    found = [row for row in (*rows, *own) if row.status == "done"]
    for spec in specs:
        if spec.run in done:
            continue
        row = row_for(spec, found)
        candidates = [row for row in found if _same_run(row, spec)]
        if row is not None:
            results.add(row.model_copy(update={"run": spec.run, "settings": dict(spec.settings), "images": ()}))
            terminal.say(f"{spec.run}: taken over, {_origin(row)}")
        elif candidates:
            nearest = min(candidates, key=lambda row: len(list(_differences(row, spec))))
            other = " and ".join(_differences(nearest, spec))
            terminal.say(f"{spec.run}: the row {_origin(nearest)} is of other {other}, and not taken over")


def row_for(spec: RunSpec, rows: Iterable[Result]) -> Result | None:
    """The first row that holds for a run, or None."""
    return next((row for row in rows if _same_run(row, spec) and not any(_differences(row, spec))), None)


def _same_run(row: Result, spec: RunSpec) -> bool:
    if is_filter(spec.recipe["method"]):
        free = {"seed": 0, "budget": "", "condition": ""}
        return row.run.model_copy(update=free) == spec.run.model_copy(update=free)
    return row.run == spec.run


def _differences(row: Result, spec: RunSpec) -> Iterator[str]:
    if row.planned != spec.planned:
        yield "settings"
    if row.fingerprint != spec.fingerprint:
        yield "images"
    if row.code != spec.code:
        yield "code"


def _origin(row: Result) -> str:
    return f"of {row.started[:10]}" + (f", commit {row.commit[:9]}" if row.commit else "")

"""A benchmark from what was asked for to its results; what is done already is not done again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pellucid.benchmark.plan import Request, left_out, make_plan
from pellucid.benchmark.process_pool import Crew, Summary
from pellucid.benchmark.resources import Effort
from pellucid.benchmark.results import Results, results_file
from pellucid.benchmark.task import Task
from pellucid.blockwise.lock import locked
from pellucid.errors import InputError, Interrupted, RunError
from pellucid.report import terminal
from pellucid.signals import number_of


def run_benchmark(request: Request, out: Path, effort: Effort) -> None:
    """Plan and work off, and say how it went.

    Raises:
        InputError: what was asked for cannot be done.
        RunError: units failed, the time is over, or somebody stopped it.
    """
    tasks = make_plan(request, out)
    for line in left_out(request, out):
        terminal.warn(line)
    if not tasks:
        raise InputError("no method has anything to learn from in these cases: see the warnings above")
    summary = work_off(tasks, out, effort)
    if summary.before:
        terminal.say(f"{summary.before} units were done before")
    if summary.failed:
        first, why = next(iter(summary.failed.items()))
        more = f" and {len(summary.failed) - 1} more" if len(summary.failed) > 1 else ""
        raise RunError(f"failed: {first}{more} ({why}). The same command tries failed units again")
    if summary.left:
        terminal.say(f"the time is over; {summary.left} units are left: run the same command again to go on")


def work_off(tasks: Sequence[Task], out: Path, effort: Effort) -> Summary:
    """Work off the tasks that have no finished row yet; failed ones are tried again.

    Args:
        tasks: of the whole plan.
        out: folder of the benchmark.
        effort: how.

    Raises:
        InputError: `out` holds results of other settings or other data, or another benchmark is at work there.
        Interrupted: a signal asked to stop.
    """
    share = effort.share(tasks)
    path = results_file(out, effort.shard)
    busy = f"{out}: another benchmark is at work there; wait for it, or give each its share by --shard"
    with locked(out / f".{path.stem}.lock", busy), Results(path) as results:
        waiting = _waiting(share, results)
        summary = Summary(before=len(share) - len(waiting))
        crew = Crew(out, effort, results, summary)
        try:
            crew.work(waiting, len(share))
        except KeyboardInterrupt as stop:
            crew.stop()
            kept = f"stopped; what is done is kept. Run the same command again to go on ({out})"
            raise Interrupted(kept, number_of(stop)) from None
        return summary


def _waiting(tasks: Sequence[Task], results: Results) -> list[Task]:
    done = {row.unit: row for row in results if row.status == "done"}
    for task in tasks:
        row = done.get(task.unit)
        if row is None:
            continue
        for what, then, now in (
            ("settings", row.settings, json.loads(json.dumps(task.settings))),
            ("images", row.fingerprint, task.fingerprint),
        ):
            if then != now:
                raise InputError(f"{results.path}: has {task.unit} with other {what}: choose another --out")
    return [task for task in tasks if task.unit not in done]

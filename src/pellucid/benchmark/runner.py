"""Run a benchmark: plan it, and do the runs that are not done yet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pellucid.benchmark.existing_rows import take_over
from pellucid.benchmark.plan import Benchmark, make_plan
from pellucid.benchmark.process_pool import ProcessPool, Summary
from pellucid.benchmark.resources import Resources
from pellucid.benchmark.results import Result, ResultsFile, results_path
from pellucid.benchmark.run_spec import RunSpec
from pellucid.blockwise.lock import locked
from pellucid.errors import InputError, Interrupted, RunError
from pellucid.report import terminal
from pellucid.signals import number_of


def run_benchmark(benchmark: Benchmark, out: Path, resources: Resources, existing: Sequence[Result] = ()) -> None:
    """Plan a benchmark, do its runs, and print a summary.

    Args:
        benchmark: what it compares.
        out: folder of the benchmark.
        resources: processes, time limit and share of the runs.
        existing: rows from elsewhere; those that hold are not computed again.

    Raises:
        InputError: the benchmark cannot be done.
        RunError: runs failed.
        Interrupted: a signal asked to stop.
    """
    specs = make_plan(benchmark, out)
    if not specs:
        raise InputError("no method can be trained on these datasets: see the warnings above")
    summary = do_runs(specs, out, resources, existing)
    if summary.before:
        terminal.say(f"{summary.before} runs were done before")
    if summary.failed:
        first, why = next(iter(summary.failed.items()))
        more = f" and {len(summary.failed) - 1} more" if len(summary.failed) > 1 else ""
        raise RunError(f"failed: {first}{more} ({why}). The same command tries failed runs again")
    if summary.left:
        terminal.say(f"the time limit is reached; {summary.left} runs are left: run the same command again to resume")


def do_runs(specs: Sequence[RunSpec], out: Path, resources: Resources, existing: Sequence[Result] = ()) -> Summary:
    """Do the runs that have no finished row yet; failed ones are tried again.

    Args:
        specs: all runs of the plan.
        out: folder of the benchmark.
        resources: processes, time limit and share of the runs.
        existing: rows from elsewhere.

    Raises:
        InputError: `out` holds results of other settings or images, or another benchmark is running there.
        Interrupted: a signal asked to stop.
    """
    share = resources.share(specs)
    path = results_path(out, resources.shard)
    busy = f"{out}: another benchmark is running there; wait for it, or give each a share with --shard"
    with locked(out / f".{path.stem}.lock", busy), ResultsFile(path) as results:
        take_over(share, existing, results)
        waiting = _waiting(share, results)
        summary = Summary(before=len(share) - len(waiting))
        pool = ProcessPool(out, resources, results, summary)
        try:
            pool.work(waiting, len(share))
        except KeyboardInterrupt as stop:
            pool.stop()
            message = f"stopped; finished runs are kept. Run the same command again to resume ({out})"
            raise Interrupted(message, number_of(stop)) from None
        return summary


def _waiting(specs: Sequence[RunSpec], results: ResultsFile) -> list[RunSpec]:
    """The runs that are not done."""
    done = {row.run: row for row in results if row.status == "done"}
    for spec in specs:
        row = done.get(spec.run)
        if row is None:
            continue
        for what, then, now in (
            ("settings", row.settings, json.loads(json.dumps(spec.settings))),
            ("images", row.fingerprint, spec.fingerprint),
        ):
            if then != now:
                raise InputError(f"{results.path}: has {spec.run} with other {what}: choose another --out")
    return [spec for spec in specs if spec.run not in done]

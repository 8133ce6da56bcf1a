"""A dry run: the plan of a benchmark, and the time it would take, from a measured step of each method."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from pellucid.benchmark.existing_rows import row_for
from pellucid.benchmark.plan import Benchmark, make_plan
from pellucid.benchmark.resources import Resources
from pellucid.benchmark.results import Result
from pellucid.benchmark.run_spec import RunSpec
from pellucid.benchmark.step_time import step_seconds
from pellucid.methods import method_class
from pellucid.recipe import LearningRecipe
from pellucid.report import terminal

OVERHEAD = 10.0
"""Seconds to start a process, read images, denoise and score; filters may take longer."""


def show_dry_run(benchmark: Benchmark, out: Path, resources: Resources, existing: Sequence[Result] = ()) -> float:
    """Print the plan and the time it would take; return that time in seconds.

    Args:
        benchmark: what would be done.
        out: its folder.
        resources: processes and threads.
        existing: finished rows from elsewhere; runs that they hold for are not counted.

    Raises:
        InputError: as `make_plan`.
    """
    done = [row for row in existing if row.status == "done"]
    planned = resources.share(make_plan(benchmark, out))
    specs = [spec for spec in planned if row_for(spec, done) is None]
    if len(specs) < len(planned):
        terminal.say(f"{len(planned) - len(specs)} of {len(planned)} runs would be taken over from the rows given")
    rows, total = [], 0.0
    torch.set_num_threads(resources.threads)
    with terminal.progress_over(list(dict.fromkeys(spec.run.method for spec in specs)), "measuring") as methods:
        for method in methods:
            runs = [spec for spec in specs if spec.run.method == method]
            row, seconds = _row(runs[0], len(runs))
            rows.append(row)
            total += seconds * len(runs)
    columns = ["method", "supervision", "runs", "steps", "batch", "s/step", "time per run"]
    counts = [(len(benchmark.datasets), "dataset"), (len(specs), "run"), (resources.threads, "thread")]
    datasets, runs_in_all, threads = (f"{number} {what}{'s' * (number != 1)}" for number, what in counts)
    where = f"{datasets}, {runs_in_all}, {resources.processes} at once with {threads}"
    terminal.table(f"plan: {where}", columns, rows, terminal.results())
    whole = total / min(resources.processes, max(1, len(specs)))
    terminal.results().print(f"total: about {_duration(whole)} on this machine, without the time of filters")
    return whole


def _row(spec: RunSpec, runs: int) -> tuple[list[str], float]:
    """The row of a method, and the seconds of one run."""
    recipe = spec.make_recipe()
    supervision = method_class(recipe.method).supervision.value
    if not isinstance(recipe, LearningRecipe):
        return [spec.run.method, supervision, str(runs), "–", "–", "–", "–"], OVERHEAD
    step = step_seconds(recipe, spec.device)
    steps = max(1, int(60 * recipe.minutes / step)) if recipe.minutes else recipe.steps
    seconds = steps * step + OVERHEAD
    numbers = [str(runs), str(steps), str(recipe.batch), f"{step:.4f}", _duration(seconds)]
    return [spec.run.method, supervision, *numbers], seconds


def _duration(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {left:02d} s"

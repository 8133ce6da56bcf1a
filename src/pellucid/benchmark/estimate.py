"""What a benchmark would do, and how long it would take, from a measured step of each method."""

from __future__ import annotations

from pathlib import Path

import torch

from pellucid.benchmark.measure import learns, step_seconds
from pellucid.benchmark.plan import Request, left_out, make_plan
from pellucid.benchmark.resources import Effort
from pellucid.benchmark.task import Task
from pellucid.methods import method_class
from pellucid.recipe import LearningRecipe
from pellucid.report import terminal

OVERHEAD = 10.0
"""Seconds for starting a process, reading images, denoising and scoring; filters may take more."""


def show_estimate(request: Request, out: Path, effort: Effort) -> float:
    """Print the plan and the time it would take; that time in seconds.

    Raises:
        InputError: as `make_plan`.
    """
    tasks = effort.share(make_plan(request, out))
    for line in left_out(request, out):
        terminal.warn(line)
    rows, total = [], 0.0
    torch.set_num_threads(effort.threads)
    with terminal.progress_over(list(dict.fromkeys(task.unit.method for task in tasks)), "measuring") as labels:
        for label in labels:
            units = [task for task in tasks if task.unit.method == label]
            row, seconds = _row(units[0], len(units))
            rows.append(row)
            total += seconds * len(units)
    columns = ["method", "supervision", "units", "steps", "batch", "s/step", "time a unit"]
    counts = [(len(request.cases), "case"), (len(tasks), "unit"), (effort.threads, "thread")]
    cases, todo, threads = (f"{number} {what}{'s' * (number != 1)}" for number, what in counts)
    where = f"{cases}, {todo}, {effort.jobs} at once with {threads}"
    terminal.table(f"plan: {where}", columns, rows, terminal.results())
    whole = total / min(effort.jobs, max(1, len(tasks)))
    terminal.results().print(f"in all about {_duration(whole)} on this machine; filters are not counted")
    return whole


def _row(task: Task, units: int) -> tuple[list[str], float]:
    recipe = task.make_recipe()
    supervision = method_class(recipe.method).supervision.value
    if not isinstance(recipe, LearningRecipe):
        return [task.unit.method, supervision, str(units), "–", "–", "–", "–"], OVERHEAD
    step = step_seconds(recipe, task.device)
    steps = recipe.steps if task.seconds is None or not learns(recipe) else max(1, int(task.seconds / step))
    seconds = steps * step + OVERHEAD
    numbers = [str(units), str(steps), str(recipe.batch), f"{step:.4f}", _duration(seconds)]
    return [task.unit.method, supervision, *numbers], seconds


def _duration(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {left:02d} s"

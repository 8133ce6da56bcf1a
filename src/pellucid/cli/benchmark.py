"""`pellucid benchmark`: the group of commands, and the run itself."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cyclopts import App

from pellucid.cli.benchmark_options import BenchmarkOptions, Several, run_methods
from pellucid.cli.commands import BENCHMARK, BENCHMARK_COMMANDS, add_command
from pellucid.cli.options import Settings

DEFAULT = ("noisy", "bm3d", "noise2void", "dncnn", "proposed", "noise-transfer")

group = App(name="benchmark", help_epilogue=BENCHMARK.epilogue, help_format="markdown")
# the other commands of the group, each in its own file
for _name, _command in BENCHMARK_COMMANDS.items():
    add_command(group, _name, f"pellucid.cli.benchmark_{_name}:{_name}", _command)


@group.default
def benchmark(
    *,
    out: Path,
    methods: Several = None,
    set_: Settings = None,
    pairs: Literal["all", "half"] = "all",
    tune_filters: bool = False,
    options: BenchmarkOptions = BenchmarkOptions(),  # noqa: B008
) -> None:
    """Train methods on the same images with the same budget, and score them; the same command again resumes.

    Parameters
    ----------
    out
        Folder for images, trainings and results.
    methods
        Each is a recipe of `pellucid methods`; by default noisy, bm3d, noise2void, dncnn, proposed, noise-transfer.
    set_
        Settings for all methods or for one: `--set width=16 dncnn.depth=10`.
    pairs
        "half": methods that learn from pairs get only those of the noisy half, as many images as unpaired methods.
    tune_filters
        Give each filter the strength that is best on noisy training images with their truth: a bar for other methods.
    """  # noqa: D405, D411, D416 ("methods" is no section)
    from pellucid.benchmark.method_spec import parse_methods  # here: help needs no torch

    chosen = parse_methods(methods or DEFAULT, set_ or (), half=pairs == "half", tuned=tune_filters)
    run_methods(chosen, options, out)

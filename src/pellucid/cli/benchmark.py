"""`pellucid benchmark`: the group of commands, and the run itself."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cyclopts import App

from pellucid.cli.commands import BENCHMARK, BENCHMARK_COMMANDS, add_command
from pellucid.cli.options import Settings
from pellucid.cli.protocol import Protocol, Several, run_entries

METHODS = ("noisy", "bm3d", "noise2void", "dncnn", "iscl", "proposed")

group = App(name="benchmark", help_epilogue=BENCHMARK.epilogue, help_format="markdown")
# the other commands of the group, each in a file of its own
for _name, _command in BENCHMARK_COMMANDS.items():
    add_command(group, _name, f"pellucid.cli.benchmark_{_name}:{_name}", _command)


@group.default
def benchmark(
    *,
    out: Path,
    methods: Several = None,
    set_: Settings = None,
    pairs: Literal["all", "half"] = "all",
    protocol: Protocol = Protocol(),  # noqa: B008
) -> None:
    """Train methods on the same images, folds and exposure, and score them. The same command again goes on.

    Parameters
    ----------
    out
        Folder for images, trainings and results.
    methods
        Recipes, as `pellucid methods` lists them; by default noisy, bm3d, noise2void, dncnn, iscl, proposed.
    set_
        Settings that differ, for all or for one method: `--set width=16 dncnn.depth=10`.
    pairs
        "half": methods that learn from pairs get those of the noisy half alone, as many as unpaired ones.
    """  # noqa: D405, D411, D416 ("methods" is no section)
    from pellucid.benchmark.plan import entries_of  # here: help needs no torch

    run_entries(entries_of(methods or METHODS, set_ or (), half=pairs == "half"), protocol, out)

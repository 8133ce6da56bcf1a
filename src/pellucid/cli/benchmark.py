"""`pellucid benchmark`: the group of commands, and the run itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from pellucid.cli.options import Settings, parse_duration, parse_shard
from pellucid.report import terminal

Several = Annotated[list[str] | None, Parameter(consume_multiple=True)]
Numbers = Annotated[list[int] | None, Parameter(consume_multiple=True)]

METHODS = ("noisy", "bm3d", "dncnn", "iscl", "proposed")
CASES = ("phantom-film",)
SECONDS = 150.0

group = App(name="benchmark")
# the other commands of the group, each in a file of its own


@group.default
def benchmark(
    *,
    out: Path,
    methods: Several = None,
    cases: Several = None,
    data: Path | None = None,
    folds: Numbers = None,
    fold_scheme: Literal["published", "blocks"] = "published",
    seeds: Numbers = None,
    preset: Literal["quick", "paper"] = "quick",
    steps: int | None = None,
    seconds: float | None = None,
    set_: Settings = None,
    pairs: Literal["all", "half"] = "all",
    psnr: float | None = None,
    images: int = 8,
    size: int = 256,
    curve_every: int = 0,
    jobs: int | None = None,
    shard: str | None = None,
    budget: str | None = None,
    dry_run: bool = False,
    device: str = "auto",
) -> None:
    """Train methods on the same images, folds and exposure, and score them. The same command again goes on.

    Example: `pellucid benchmark --methods proposed iscl dncnn --cases phantom-film --steps 500 --out bench`

    Parameters
    ----------
    out
        Folder for images, trainings and results.
    methods
        Recipes, as `pellucid methods` lists them; by default noisy, bm3d, dncnn, iscl, proposed.
    cases
        Data sets: phantom-film, phantom-charge, or those of --data.
    data
        Folder of your own data sets, NAME/clean with noisy/ (real) or simulated/, or neither (case NAME-film, ...);
        or of the published data (tem, sem, simulated_image).
    folds
        Which of the four, 0 to 3; by default 0.
    fold_scheme
        "published", or "blocks" of neighbouring images.
    seeds
        Of the trainings; by default 0.
    preset
        "quick" for a CPU, "paper" for a GPU: every method sees 512,000 tiles.
    steps
        Training steps for all methods.
    seconds
        Computing time for all methods, by default 150 with "quick"; the steps that fit are measured first.
    set_
        Settings that differ, for all or for one method: `--set width=16 dncnn.depth=10`.
    pairs
        "half": methods that learn from pairs get those of the noisy half alone, as many as unpaired ones.
    psnr
        Of simulated noisy images, in dB, as in `--psnr 19`.
    images
        How many phantom images.
    size
        Side of the phantom images.
    curve_every
        Score the test images every so many steps, for a curve; nothing is chosen by it.
    jobs
        Processes at once; by default one a GPU, or one a core up to 4.
    shard
        Only this share of the units, as in 3/8; `pellucid benchmark table` reads all shares.
    budget
        Stop in time, as in 9m; the same command goes on.
    dry_run
        Show the plan and how long it would take; nothing is trained.
    device
        "auto", "cpu", "cuda", "cuda:1", "mps".
    """  # noqa: D405, D411, D416 ("methods" is no section)
    from pellucid.benchmark.cases import PhantomSize, find_case  # here: help needs no torch
    from pellucid.benchmark.effort import Effort
    from pellucid.benchmark.plan import Budget, Request, entries_of

    effort = Effort.of_machine(jobs, parse_shard(shard), parse_duration(budget), device)
    if preset == "quick" and steps is None and seconds is None:
        seconds = SECONDS
    phantom = PhantomSize(images, size)
    request = Request(
        entries=entries_of(methods or METHODS, set_ or (), half=pairs == "half"),
        cases=[find_case(name, data, psnr, phantom) for name in dict.fromkeys(cases or CASES)],
        budget=Budget(preset, steps, seconds),
        folds=folds or (0,),
        scheme=fold_scheme,
        seeds=seeds or (0,),
        curve_every=curve_every,
        device=device,
    )
    if dry_run:
        from pellucid.benchmark.estimate import show_estimate

        show_estimate(request, out, effort)
        return
    from pellucid.benchmark.run import run_benchmark

    run_benchmark(request, out, effort)
    terminal.say(f"results are in {out}. Look at it with: pellucid benchmark table {out}")

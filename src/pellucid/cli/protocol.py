"""What the commands that train for a benchmark share: data sets, folds, budgets, and how the work is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from pellucid.cli.options import parse_duration, parse_shard
from pellucid.report import terminal

if TYPE_CHECKING:
    from pellucid.benchmark.plan import Entry

Several = Annotated[list[str] | None, Parameter(consume_multiple=True)]
Numbers = Annotated[list[int] | None, Parameter(consume_multiple=True)]

SECONDS = 200.0


@Parameter(name="*")
@dataclass(frozen=True)
class Protocol:
    """Options of `pellucid benchmark` and `pellucid benchmark norms`.

    Parameters
    ----------
    cases
        Data sets: phantom-film, phantom-charge, or those of --data; by default all of --data, else phantom-film.
    data
        Folder with clean/ and noisy/ (versions of the clean images by the same names, else real ones without a truth),
        or clean/ and simulated/ (versions), or clean/ alone (case NAME-film, ...); or with such folders by name; or of
        the published data (tem, sem, simulated_image).
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
        Computing time for all methods, by default 200 with "quick"; the steps that fit are measured first.
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
    """

    cases: Several = None
    data: Path | None = None
    folds: Numbers = None
    fold_scheme: Literal["published", "blocks"] = "published"
    seeds: Numbers = None
    preset: Literal["quick", "paper"] = "quick"
    steps: int | None = None
    seconds: float | None = None
    psnr: float | None = None
    images: int = 8
    size: int = 256
    curve_every: int = 0
    jobs: int | None = None
    shard: str | None = None
    budget: str | None = None
    dry_run: bool = False
    device: str = "auto"


def run_entries(entries: Sequence[Entry], protocol: Protocol, out: Path) -> None:
    """Train and test these methods in `out`, or show what that would take.

    Raises:
        InputError: what was asked for cannot be done.
        RunError: units failed, or somebody stopped it.
    """
    from pellucid.benchmark.datasets import PhantomSize, find_cases  # here: help needs no torch
    from pellucid.benchmark.plan import Budget, Request
    from pellucid.benchmark.resources import Effort

    effort = Effort.of_machine(
        protocol.jobs, parse_shard(protocol.shard), parse_duration(protocol.budget), protocol.device
    )
    seconds = protocol.seconds
    if protocol.preset == "quick" and protocol.steps is None and seconds is None:
        seconds = SECONDS
    phantom = PhantomSize(protocol.images, protocol.size)
    request = Request(
        entries=entries,
        cases=find_cases(protocol.cases, protocol.data, protocol.psnr, phantom),
        budget=Budget(protocol.preset, protocol.steps, seconds),
        folds=protocol.folds or (0,),
        scheme=protocol.fold_scheme,
        seeds=protocol.seeds or (0,),
        curve_every=protocol.curve_every,
        device=protocol.device,
    )
    if protocol.dry_run:
        from pellucid.benchmark.estimate import show_estimate

        show_estimate(request, out, effort)
        return
    from pellucid.benchmark.run import run_benchmark

    run_benchmark(request, out, effort)
    terminal.say(f"results are in {out}. Look at it with: pellucid benchmark table {out}")

"""The options that `pellucid benchmark` and `pellucid benchmark norms` have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from pellucid.cli.options import parse_duration, parse_shard
from pellucid.report import terminal

if TYPE_CHECKING:
    from pellucid.benchmark.method_spec import MethodSpec

Several = Annotated[list[str] | None, Parameter(consume_multiple=True)]
Numbers = Annotated[list[int] | None, Parameter(consume_multiple=True)]

Files = Annotated[list[Path] | None, Parameter(consume_multiple=True)]

SECONDS = 200.0
"""Computing time of a training, if nothing else is asked for."""


@Parameter(name="*")
@dataclass(frozen=True)
class BenchmarkOptions:
    """Options of `pellucid benchmark` and `pellucid benchmark norms`.

    Parameters
    ----------
    datasets
        phantom-film, phantom-charge, or datasets of --data; by default all of --data, else phantom-film.
    data
        Folder with clean/ and noisy/ (the clean images with noise, by the same names, or real images of another place),
        with clean/ and simulated/ (the clean images with noise), or with clean/ only (noise is simulated: NAME-film,
        ...); or a folder of such folders; or the published data (tem, sem, simulated_image).
    folds
        Numbers of folds, 0 to 3; by default 0.
    fold_scheme
        "published", or "blocks" of neighbouring images.
    seeds
        Seeds of the trainings; by default 0.
    clean
        Clean images to learn from instead of those of the fold: a folder, or a dataset's folder with clean/ in it.
    clean_scale
        Magnify the clean training images by this factor, as in `--clean-scale 0.7`.
    clean_brightness
        Multiply the grey levels of the clean training images, as in `--clean-brightness 0.85`.
    clean_images
        Train on at most so many clean images.
    noisy_images
        Train on at most so many noisy images.
    preset
        "quick" for a CPU, "paper" for a GPU: every method is trained on 512,000 patches.
    steps
        Number of training steps of every method.
    seconds
        Computing time of every training, by default 200 with "quick"; the number of steps follows.
    psnr
        PSNR of simulated noisy images in dB, as in `--psnr 19`.
    images
        Number of phantom images.
    size
        Side of the phantom images, in pixels.
    curve_every
        Score the test images after every so many steps, for a quality curve; nothing is chosen by it.
    have
        Files of runs (`pellucid benchmark table OUT --runs FILE.csv`): runs that are in them with the same settings,
        images and code are not repeated.
    processes
        Processes at once; by default one a GPU, or one a core up to 4.
    shard
        Do only this share of the runs, as in 3/8; `pellucid benchmark table` reads all shares.
    time_limit
        Save and stop before this time is over, as in 9m; the same command resumes.
    dry_run
        Show the plan and the time it would take; nothing is trained.
    device
        "auto", "cpu", "cuda", "cuda:1", "mps".
    """

    datasets: Several = None
    data: Path | None = None
    folds: Numbers = None
    fold_scheme: Literal["published", "blocks"] = "published"
    seeds: Numbers = None
    clean: Path | None = None
    clean_scale: float = 1.0
    clean_brightness: float = 1.0
    clean_images: int | None = None
    noisy_images: int | None = None
    preset: Literal["quick", "paper"] = "quick"
    steps: int | None = None
    seconds: float | None = None
    psnr: float | None = None
    images: int = 8
    size: int = 256
    curve_every: int = 0
    have: Files = None
    processes: int | None = None
    shard: str | None = None
    time_limit: str | None = None
    dry_run: bool = False
    device: str = "auto"


def run_methods(methods: Sequence[MethodSpec], options: BenchmarkOptions, out: Path) -> None:
    """Train and test methods in the folder `out`, or show the dry run.

    Raises:
        InputError: the benchmark cannot be done.
        RunError: runs failed, or a signal asked to stop.
    """
    from pellucid.benchmark.condition import Condition  # here: help needs no torch
    from pellucid.benchmark.datasets import PhantomSize, find_datasets
    from pellucid.benchmark.plan import Benchmark, Budget
    from pellucid.benchmark.resources import Resources

    resources = Resources.of_machine(
        options.processes, parse_shard(options.shard), parse_duration(options.time_limit), options.device
    )
    seconds = options.seconds
    if options.preset == "quick" and options.steps is None and seconds is None:
        seconds = SECONDS
    phantom = PhantomSize(options.images, options.size)
    benchmark = Benchmark(
        methods=methods,
        datasets=find_datasets(options.datasets, options.data, options.psnr, phantom),
        budget=Budget(options.preset, options.steps, seconds),
        folds=options.folds or (0,),
        scheme=options.fold_scheme,
        seeds=options.seeds or (0,),
        condition=Condition(
            options.clean, options.clean_scale, options.clean_brightness, options.clean_images, options.noisy_images
        ),
        curve_every=options.curve_every,
        device=options.device,
    )
    from pellucid.benchmark.run_records import read_records

    existing = [row for path in options.have or () for row in read_records(path)]
    if options.dry_run:
        from pellucid.benchmark.dry_run import show_dry_run

        show_dry_run(benchmark, out, resources, existing)
        return
    from pellucid.benchmark.runner import run_benchmark

    run_benchmark(benchmark, out, resources, existing)
    terminal.say(f"results are in {out}; to show them: pellucid benchmark table {out}")

"""`pellucid denoise`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pellucid.cli.options import Range, Settings, parse_bytes, parse_settings, parse_sizes
from pellucid.errors import IncompleteError, InputError
from pellucid.report import terminal

if TYPE_CHECKING:
    from pellucid.blockwise.run import Written

How = Literal["exact", "sampled", "trained"]


def denoise(
    input_: str,
    output: Path,
    *,
    model: Path | None = None,
    recipe: str | None = None,
    preset: str | None = None,
    set_: Settings = None,
    estimates: bool = False,
    noise: bool = False,
    only: str | None = None,
    intensity_range: Range = None,
    weights: str | None = None,
    statistics: How = "exact",
    region: str | None = None,
    memory: str | None = None,
    device: str = "auto",
    amp: bool = False,
    cluster: str | None = None,
    chunks: str | None = None,
    shards: str | None = None,
    retries: int = 2,
    dry_run: bool = False,
    overwrite: bool = False,
) -> None:
    """Denoise images with a trained model, or by a method that needs no training; format, dtype, axes, pixel size stay.

    Images may be larger than memory. Stopped at any instant, the same command goes on where it was.

    Parameters
    ----------
    input_
        Image, folder or glob. What cannot be used of a folder or glob is left out and named at the end; exit status 1.
    output
        File for a single image, else a folder.
    model
        Folder of a run.
    recipe
        A method that needs no training, or learns from each image while it denoises: see `pellucid methods`.
    preset
        With --recipe: "quick" (if not given) for a laptop, "paper" for a GPU.
    set_
        With --recipe: settings that differ from the recipe's, as in `--set key=value`.
    estimates
        Also write each estimate of the clean image, under the same name in estimates/NAME/ beside the result: for ISCL
        estimates/F/ and estimates/x-H/, of which the result is the mean.
    noise
        Also write what was removed, as float32, under the same name in noise/ beside the result.
    only
        Compute one of the estimates alone, and take it for the result: for ISCL "F", in a third of the time, or "x-H".
    intensity_range
        Intensities that are black and white: with --model as in training, for images of another pixel type; with
        --recipe instead of what the images hold. `--intensity-range 0 65535`.
    weights
        With --model: "last" or "average"; as the run's recipe says if not given.
    statistics
        Where the networks' norms take their moments from: "exact", each plane's own, whatever the memory; "sampled",
        windows spread over the volume; "trained", the training patches (no measuring at all).
    region
        The part to denoise, in pixels, as in `--region 0:10,512:1024,512:1024` (Z, Y, X) or `512:1024,512:1024` (Y, X).
    memory
        How much may be used, as in 2G (half of what is free if not given), whatever the size of the image.
    device
        "auto", "cpu", "cuda", "cuda:1", "mps".
    amp
        Let the networks compute in bfloat16, with sampled statistics or the training's: faster on processors that can.
    cluster
        Work in several processes: "local:4", or "tcp://host:8786", a running Dask scheduler.
    chunks
        Of an OME-Zarr that is written, as in `--chunks 1,1024,1024`; those of the input if not given.
    shards
        Likewise its shards.
    retries
        How often a failing block is tried again before the others go on without it.
    dry_run
        Print what would be done, with time, memory and disk, and stop.
    overwrite
        Replace files that exist.
    """
    from pellucid.blockwise.plan import DenoiseOptions  # here: help needs no torch
    from pellucid.methods import make_recipe
    from pellucid.model import Model

    if model is not None and recipe is not None:
        raise InputError(
            "both --model and --recipe were given: choose the trained model, or the method without training"
        )
    if model is None and recipe is None:
        raise InputError("denoise needs either --model, the folder of a run, or --recipe (see pellucid denoise --help)")
    if model is not None and (preset is not None or set_):
        raise InputError("--preset and --set go with --recipe: a trained model stays as it was trained")
    if recipe is not None and weights is not None:
        raise InputError("--weights goes with --model: a recipe has no weights")
    limit = parse_bytes(memory)
    if model is not None:
        loaded = Model.load(model, weights=weights, device=device, memory=limit)
        loaded = loaded.with_intensity_range(*intensity_range) if intensity_range is not None else loaded
    else:
        assert recipe is not None
        chosen = make_recipe(recipe, preset or "quick", parse_settings(set_))
        loaded = Model.for_images(chosen, input_, intensity_range=intensity_range, device=device, memory=limit)
    loaded = loaded.only(only) if only is not None else loaded
    terminal.say(f"{loaded.recipe.name} ({loaded.variant}) on {loaded.device}")
    wishes = DenoiseOptions(
        statistics=statistics,
        region=region,
        estimates=estimates,
        noise=noise,
        amp=amp,
        overwrite=overwrite,
        chunks=parse_sizes("--chunks", chunks),
        shards=parse_sizes("--shards", shards),
        retries=retries,
    )
    if dry_run:
        loaded.dry_run(input_, output, wishes)
        return
    try:
        _tell(loaded.denoise_files(input_, output, wishes, cluster=cluster))
    except IncompleteError as problem:
        _tell(problem.done)
        raise


def _tell(files: Sequence[Written]) -> None:
    from pellucid.blockwise.run import padding_of
    from pellucid.evaluation import RemovedNoise  # here: help needs no torch

    for written in files:
        _tell_of(written)
    if len(files) > 1:
        terminal.say(f"all {len(files)} files: {sum((file.removed for file in files), RemovedNoise())}")
    if padding := padding_of(files):
        terminal.say(padding)


def _tell_of(written: Written) -> None:
    terminal.say(f"{written.path}  {written.clipped}; {written.removed}")
    if written.missing:
        terminal.warn(f"{written.path}: {written.missing:,} pixels are no numbers and were kept so")
    if written.chunks and written.chunks[0]:
        missing, chunks = written.chunks
        terminal.warn(f"{written.path}: {missing:,} of {chunks:,} chunks were missing in the input, then as now")
    for warning in written.removed.warnings():
        terminal.warn(f"{written.path}: {warning}")
    for note in written.notes:
        terminal.warn(f"{written.path}: {note}")

"""`pellucid denoise`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pellucid.cli.denoise_summary import files_values, model_values, trust_values
from pellucid.cli.json_output import show_json
from pellucid.cli.options import Bytes, Range, Settings, Sizes, parse_settings
from pellucid.cli.trust import assess_and_tell
from pellucid.errors import IncompleteError
from pellucid.io.frames import Frames
from pellucid.report import terminal

if TYPE_CHECKING:
    from pellucid.blockwise.denoised_files import DenoisedFile

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
    frames: Frames = "separate",
    order: str | None = None,
    memory: Bytes = None,
    device: str = "auto",
    amp: bool = False,
    cluster: str | None = None,
    chunks: Sizes = None,
    shards: Sizes = None,
    retries: int = 2,
    trust: Path | None = None,
    dry_run: bool = False,
    json: bool = False,
    overwrite: bool = False,
) -> None:
    """Denoise images with a trained model, the one in the box, or a filter; format, dtype, axes, pixel size stay.

    Images may be larger than memory. Stopped at any instant, the same command goes on where it was.

    Parameters
    ----------
    input_
        Image, folder or glob. What cannot be used of a folder or glob is left out and named at the end; exit status 1.
    output
        File for a single image, else a folder.
    model
        Folder of a run, or a model.zip that `pellucid export` wrote.
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
        With --model: "best", "last" or "average"; the best if it is known, else as the run's recipe says.
    statistics
        Where the networks' norms take their moments from: "exact", each plane's own, whatever the memory; "sampled",
        windows spread over the volume; "trained", the training patches (no measuring at all).
    region
        The part to denoise, in pixels, as in `--region 0:10,512:1024,512:1024` (Z, Y, X) or `512:1024,512:1024` (Y, X).
    frames
        Planes along T, else along Z, that show one place: "separate", each an image, or "average", their mean.
    order
        Of the sections in a folder, which share statistics: "natural" (s2 before s10), "name", "time", or a text file
        with a name a line.
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
    trust
        Also write a page that says how far the results can be trusted, as in `--trust trust.html` (`pellucid trust`).
    dry_run
        Print what would be done, with time, memory and disk, and stop.
    json
        Also print a summary as JSON on standard output.
    overwrite
        Replace files that exist.
    """
    from pellucid.blockwise.plan import DenoiseOptions  # here: help needs no torch
    from pellucid.data.order import in_order
    from pellucid.data.source import open_usable
    from pellucid.model import open_model

    options = DenoiseOptions(
        statistics=statistics,
        region=region,
        frames=frames,
        estimates=estimates,
        noise=noise,
        amp=amp,
        overwrite=overwrite,
        chunks=chunks,
        shards=shards,
        retries=retries,
        cluster=cluster,
    )
    source = open_usable(input_, frames)
    source = in_order(source, order) if order is not None else source
    opened = open_model(
        source,
        model=model,
        recipe=recipe,
        preset=preset,
        settings=parse_settings(set_),
        weights=weights,
        intensity_range=intensity_range,
        device=device,
        memory=memory,
    )
    opened = opened.only(only) if only is not None else opened
    terminal.say(f"{opened.recipe.name} ({opened.variant}) on {opened.device}")
    if opened.boxed:
        terminal.say(
            f"{opened.name} (digest {opened.digest[:12]}) has never seen your images. A model trained on them does "
            "better (pellucid train). To see how far this one can be trusted: --trust trust.html"
        )
    if dry_run:
        needs = opened.dry_run(source, output, options)
        if json:
            show_json({**model_values(opened), "dry_run": needs})
        return
    if trust is not None:
        from pellucid.assessment.page import check_page  # needs SciPy, which nothing else here does

        check_page(trust, overwrite=overwrite)
    try:
        written, failed = opened.denoise_files(source, output, options), None
    except IncompleteError as problem:
        written, failed = list(problem.done), problem
    _tell(written)
    found = None
    if trust is not None and failed is None:
        found = assess_and_tell(opened, source.planes, None, model, trust)
        terminal.say(found.verdict)
    if json:
        told = files_values(written, opened.warned, str(failed) if failed else None)
        show_json({**model_values(opened), **told, **trust_values(found)})
    if failed is not None:
        raise failed


def _tell(files: Sequence[DenoisedFile]) -> None:
    from pellucid.blockwise.denoised_files import padding_of, warnings_of
    from pellucid.evaluation import RemovedNoise  # here: help needs no torch

    for file in files:
        terminal.say(str(file))
    for warning in warnings_of(files):
        terminal.warn(warning)
    if len(files) > 1:
        terminal.say(f"all {len(files)} files: {sum((file.removed for file in files), RemovedNoise())}")
    if padding := padding_of(files):
        terminal.say(padding)

"""`pellucid denoise`."""

from __future__ import annotations

from pathlib import Path

from pellucid.cli.options import Range, Settings, parse_bytes, parse_settings
from pellucid.errors import InputError
from pellucid.report import terminal


def denoise(
    input_: str,
    output: Path,
    *,
    model: Path | None = None,
    recipe: str | None = None,
    preset: str | None = None,
    set_: Settings = None,
    parts: bool = False,
    noise: bool = False,
    range_: Range = None,
    weights: str | None = None,
    memory: str | None = None,
    device: str = "auto",
    overwrite: bool = False,
) -> None:
    """Denoise images with a trained model, or by a method that needs no training; format, dtype, axes, pixel size stay.

    Parameters
    ----------
    input_
        Image, folder or glob.
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
    parts
        Also write each estimate of the clean image: for ISCL `_F` and `_x-H`, of which the result is the mean.
    noise
        Also write what was removed, `_noise`, as float32.
    range_
        Intensities that are black and white: with --model as in training, for images of another pixel type; with
        --recipe instead of what the images hold. `--range 0 65535`.
    weights
        With --model: "last" or "average"; as the run's recipe says if not given.
    memory
        How much the networks may use, as in 2G; larger images are cut into tiles that show no seams.
    device
        "auto", "cpu", "cuda", "cuda:1", "mps".
    overwrite
        Replace files that exist.
    """
    from pellucid.methods import make_recipe  # here: help needs no torch
    from pellucid.runs.model import Model

    if (model is None) == (recipe is None):
        raise InputError("denoise needs either --model, the folder of a run, or --recipe (see pellucid denoise --help)")
    if model is not None and (preset is not None or set_):
        raise InputError("--preset and --set go with --recipe: a trained model stays as it was trained")
    if recipe is not None and weights is not None:
        raise InputError("--weights goes with --model: a recipe has no weights")
    limit = parse_bytes(memory)
    if model is not None:
        loaded = Model.load(model, weights=weights, device=device, memory=limit)
        loaded = loaded.with_intensity(*range_) if range_ is not None else loaded
    else:
        assert recipe is not None
        chosen = make_recipe(recipe, preset or "quick", parse_settings(set_))
        loaded = Model.for_images(chosen, input_, intensity=range_, device=device, memory=limit)
    terminal.say(f"{loaded.recipe.name} ({loaded.variant}) on {loaded.device}")
    for written in loaded.denoise_files(input_, output, parts=parts, noise=noise, overwrite=overwrite):
        terminal.say(f"{written.path}  {written.clipped}")
        for note in written.notes:
            terminal.warn(f"{written.path}: {note}")

"""`pellucid denoise`."""

from __future__ import annotations

from pathlib import Path

from pellucid.cli.options import Range, parse_bytes
from pellucid.report import terminal


def denoise(
    input_: str,
    output: Path,
    *,
    model: Path,
    parts: bool = False,
    noise: bool = False,
    range_: Range = None,
    weights: str | None = None,
    memory: str | None = None,
    device: str = "auto",
    overwrite: bool = False,
) -> None:
    """Denoise images with a trained model; format, dtype, axes and pixel size stay.

    Example: `pellucid denoise noisy/ denoised/ --model run`

    Parameters
    ----------
    input_
        Image, folder or glob.
    output
        File for a single image, else a folder.
    model
        Folder of a run.
    parts
        Also write each estimate of the clean image: for ISCL `_F` and `_x-H`, of which the result is the mean.
    noise
        Also write what was removed, `_noise`, as float32.
    range_
        Intensities that are as black and as white as in training, for images of another pixel type: `--range 0 65535`.
    weights
        "last" or "average"; as the run's recipe says if not given.
    memory
        How much the networks may use, as in 2G; larger images are cut into tiles that show no seams.
    device
        "auto", "cpu", "cuda", "cuda:1", "mps".
    overwrite
        Replace files that exist.
    """
    from pellucid.runs.model import Model  # here: help needs no torch

    loaded = Model.load(model, weights=weights, device=device, memory=parse_bytes(memory))
    if range_ is not None:
        loaded = loaded.with_intensity(*range_)
    terminal.say(f"{loaded.recipe.name} ({weights or loaded.recipe.weights} weights) on {loaded.device}")
    for written in loaded.denoise_files(input_, output, parts=parts, noise=noise, overwrite=overwrite):
        terminal.say(f"{written.path}  {written.clipped}")
        for note in written.notes:
            terminal.warn(f"{written.path}: {note}")

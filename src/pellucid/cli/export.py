"""`pellucid export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from pellucid.report import terminal

Authors = Annotated[list[str] | None, Parameter(consume_multiple=True)]


def export(
    run: Path,
    target: Path,
    *,
    format_: Annotated[Literal["pellucid", "onnx", "bioimageio"] | None, Parameter(name="--format")] = None,
    weights: str | None = None,
    licence: str | None = None,
    description: str | None = None,
    authors: Authors = None,
    thumbnails: bool = False,
    frozen: bool = False,
    overwrite: bool = False,
) -> None:
    """Write a trained model into one file, to give it to others.

    It holds statistics of the training images, but no names of files, folders, people or machines except those given
    here.

    Parameters
    ----------
    run
        Folder of a run, or a model that was exported for Pellucid.
    target
        model.zip for Pellucid; model.onnx for other programs; model.bioimageio.zip for bioimage.io.
    format_
        "pellucid", "onnx" or "bioimageio", whatever the name of the target.
    weights
        "last" or "average"; as the run's recipe says if not given.
    licence
        Under which others may use it: an identifier of the SPDX list, as in `--licence CC-BY-4.0`, or words.
    description
        What others should know, as in `--description "Mouse cortex, SBEM, 10 nm"`.
    authors
        Names to be credited, as in `--authors "A. Author" "B. Author"`.
    thumbnails
        Also store the last preview of the run. It shows crops of your images.
    frozen
        For other programs: use the moments of the training patches where norms measure each image. The results differ
        from Pellucid's own.
    overwrite
        Replace a file that exists.
    """
    from pellucid.methods.digest import short  # here: help needs no torch
    from pellucid.model import Model
    from pellucid.sharing.pixel_network import measures_images
    from pellucid.sharing.targets import ExportOptions, export_model, format_of

    if (format_ or format_of(target)) != "pellucid":
        terminal.say("translating the network and comparing it with Pellucid's own result; about a minute")
    model = Model.load(run, weights=weights, device="cpu")
    options = ExportOptions(format_, licence, description, authors, thumbnails, frozen, overwrite)
    written = export_model(model, target, options)
    terminal.say(f"{written}: {model.recipe.name} ({model.variant}), digest {short(model.digest)}")
    if thumbnails:
        terminal.warn(f"{written} holds thumbnails, which show crops of the training images")
    if frozen and measures_images(model.denoiser):
        terminal.warn("norms use the moments of the training patches: results differ from those of pellucid denoise")
    if not model.stored.origin.licence and licence is None:
        terminal.say("no licence is stated, so others may not know whether they may use it: --licence CC-BY-4.0")

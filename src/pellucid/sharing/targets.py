"""What a model is exported to, by the name of the target."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pellucid.errors import InputError
from pellucid.files import check_free, replacing
from pellucid.model import Model
from pellucid.runs.stored_model import StoredModel
from pellucid.sharing.bioimage import bioimage_bytes
from pellucid.sharing.onnx_file import onnx_bytes
from pellucid.sharing.pixel_network import PixelNetwork

Format = Literal["pellucid", "onnx", "bioimageio"]
WRITERS: Mapping[str, Callable[[StoredModel, PixelNetwork], bytes]] = {
    "onnx": onnx_bytes,
    "bioimageio": bioimage_bytes,
}
"""Formats of other programs, each with what makes the file."""


@dataclass(frozen=True)
class ExportOptions:
    """How a model is exported.

    Attributes:
        format: "pellucid", "onnx" or "bioimageio"; by the name of the target if not given.
        licence: under which others may use it: an SPDX identifier such as "CC-BY-4.0", or words.
        description: what others should know.
        authors: names to be credited.
        thumbnails: for Pellucid, also store crops before and after, which show the training images.
        frozen: for other programs, take the norms' moments of the training patches instead of each image's.
        overwrite: replace a file that exists.
    """

    format: Format | None = None
    licence: str | None = None
    description: str | None = None
    authors: Sequence[str] | None = None
    thumbnails: bool = False
    frozen: bool = False
    overwrite: bool = False


def export_model(model: Model, target: str | Path, options: ExportOptions) -> Path:
    """Write a trained model for others: a zip or folder for Pellucid, an ONNX file, or a package for bioimage.io.

    Args:
        model: as `Model.load` returns it.
        target: ends in .onnx, .bioimageio.zip or .zip, or is a folder, unless the format is given.
        options: how.

    Returns:
        The target.

    Raises:
        InputError: a target that exists, a model or option that the format cannot take, or a library that is missing.
        RunError: the disk is full, or the file would give other pixels than Pellucid.
    """
    path, kind = Path(target), options.format or format_of(target)
    if kind not in WRITERS:
        if options.frozen:
            raise InputError("frozen moments are for other programs: Pellucid measures each image")
        return model.save(
            path,
            licence=options.licence,
            description=options.description,
            authors=options.authors,
            thumbnails=options.thumbnails,
            overwrite=options.overwrite,
        )
    if options.thumbnails:
        raise InputError("thumbnails go with a .zip for Pellucid: other formats have no place for them")
    check_free(path, overwrite=options.overwrite)  # before what takes long
    stored = model.stored.signed(options.licence, options.description, options.authors)
    content = WRITERS[kind](stored, PixelNetwork(stored, frozen=options.frozen))
    with replacing(path, overwrite=options.overwrite) as temporary:
        temporary.write_bytes(content)
    return path


def format_of(target: str | Path) -> Format:
    """Return the format that the name of a target asks for."""
    name = Path(target).name.lower()
    if name.endswith(".onnx"):
        return "onnx"
    return "bioimageio" if name.endswith(".bioimageio.zip") else "pellucid"

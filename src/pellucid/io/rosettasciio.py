"""Formats that are read through rosettasciio, if the user has installed it; Pellucid itself never needs it.

It gives arrays with a description of their axes, of which two are those of the image. Nothing else is taken.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.errors import InputError
from pellucid.io.handles import Handle
from pellucid.io.image import ArrayImage
from pellucid.io.layout import named_layout
from pellucid.io.manifest import WholeFiles
from pellucid.io.pixel_size import pixel_size_of


def reader_of(file: Path) -> Any:
    """The reader that rosettasciio has for a file; None if it is not installed, or has none or several."""
    if not file.is_file() or find_spec("rsciio") is None:
        return None
    extension = file.suffix[1:].lower()
    readers = import_module("rsciio").IO_PLUGINS
    found = [one for one in readers if extension in {each.lower() for each in one["file_extensions"]}]
    return found[0] if len(found) == 1 else None


def open_file(path: str) -> ArrayImage:
    """Open the only image in a file.

    Raises:
        InputError: It has none or several, or its planes are no images, as in scans of diffraction patterns or spectra.
    """
    reader = reader_of(Path(path))
    found = [one for one in _read(reader, path) if np.ndim(one["data"]) >= 2]
    if len(found) != 1:
        raise InputError(f"{path}: has {len(found)} images; export one of them as TIFF")
    axes = sorted(found[0]["axes"], key=lambda axis: axis["index_in_array"])
    letters = _letters(axes, path)
    layout = named_layout(letters, np.shape(found[0]["data"]), path)
    image = ArrayImage(path, Handle(partial(_pixels, reader, path)), layout)
    described = {letter: axis for letter, axis in zip(letters, axes, strict=True) if letter in "ZYX"}
    sizes = {letter: abs(float(axis.get("scale", 0))) for letter, axis in described.items()}
    units = {letter: str(axis.get("units", "")) for letter, axis in described.items()}
    image.pixel_size = pixel_size_of(sizes, units)
    image.files = WholeFiles(path, image.shape, lambda: [Path(path)])
    image.read_as = f"{reader['name']}, by rosettasciio; pixels and their size alone"
    image.extension = ".tif"
    return image


def _letters(axes: list[dict[str, Any]], path: str) -> str:
    """The axes in stored order: two that are shown, and at most one along which there are several images."""
    along = [axis for axis in axes if axis.get("navigate")]
    if len(axes) - len(along) != 2 or len(along) > 1:
        raise InputError(f"{path}: holds {len(axes)} dimensions, not an image or a series of them; export one as TIFF")
    shown = iter("YX")
    series = "T" if along and str(along[0].get("name", "")).lower().startswith(("t", "frame")) else "Z"
    return "".join(series if axis.get("navigate") else next(shown) for axis in axes)


def _read(reader: Any, path: str) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = import_module(reader["api"]).file_reader(path)
    return read


def _pixels(reader: Any, path: str) -> Any:
    return next(one["data"] for one in _read(reader, path) if np.ndim(one["data"]) >= 2)

"""Files to layers: every format of Pellucid but PNG and JPEG, which napari itself reads as well and in colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pellucid.errors import InputError
from pellucid.io.image import Image
from pellucid.io.registry import format_of, open_image, split
from pellucid.napari_plugin.calibration import calibration
from pellucid.napari_plugin.pixels import lazy_pixels

LayerData = tuple[Any, dict[str, Any], str]
"""Pixels, attributes of the layer, and its type, as napari passes them to plugins and back."""

FILE = "pellucid_file"
"""Key in a layer's metadata: the file that its pixels are those of, axis by axis."""
LEFT = ("PNG", "JPEG", "raw")
"""Formats that napari reads as well, or that cannot be read without more being said."""
SHARED = ("TIFF", "NPY", "OME-Zarr", "HDF5")
"""Formats of which napari reads images that Pellucid does not use, such as those in colour."""


def get_reader(path: str | Sequence[str]) -> Callable[[str], list[LayerData]] | None:
    """The function that reads a file or a folder of an image; None if it is left to napari.

    Args:
        path: of one file; of several, which napari would stack, none is taken.
    """
    if not isinstance(path, str):
        return None
    known = format_of(split(path)[0])
    if known is None or known.name in LEFT:
        return None
    if known.name in SHARED:
        try:
            open_image(path)
        except InputError:
            return None
    return read_layers


def read_layers(path: str) -> list[LayerData]:
    """The layers of a file: one, or one for each channel; pixels are read when they are shown.

    Raises:
        InputError: the file cannot be used.
    """
    image = open_image(path)
    attributes = calibration(image) | {"name": _name(path)}
    pixels = lazy_pixels(image)
    if "C" not in image.axes:
        return [(pixels, attributes | {"metadata": {FILE: image.path}}, "image")]
    return [_channel(image, attributes, pixels, number) for number in range(image.shape[image.axes.index("C")])]


def _channel(image: Image, attributes: dict[str, Any], pixels: Any, number: int) -> LayerData:
    at = image.axes.index("C")
    alone = {
        name: value[:at] + value[at + 1 :] if isinstance(value, list) else f"{value} {number}"
        for name, value in attributes.items()
    }
    return pixels[(slice(None),) * at + (number,)], alone | {"blending": "additive"}, "image"


def _name(path: str) -> str:
    file, inner = split(path)
    return f"{Path(file).name}:{inner}" if inner else Path(file).name

"""A layer as an image of Pellucid: its pixels, axes and calibration at one moment."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pellucid.data.source import SMALLEST
from pellucid.errors import InputError
from pellucid.io.formats.zarr_metadata import ZarrStyle
from pellucid.io.handles import Handle
from pellucid.io.image import ArrayImage
from pellucid.napari_plugin.calibration import layout_of, pixel_size, plain_scale, translation
from pellucid.napari_plugin.pixels import are_of_file, is_lazy
from pellucid.napari_plugin.reader import FILE

_OWN = ("name", "metadata", "multiscale", "locked_data_level", "rgb", "data")
"""Attributes of a layer that are not those of a layer made of it."""


@dataclass(frozen=True)
class Snapshot:
    """An image layer when work on it began; later changes in the viewer do not matter.

    Attributes:
        name: of the layer.
        pixels: its array, of full resolution.
        attributes: as napari passes them to plugins.
        image: the same for Pellucid.
    """

    name: str
    pixels: Any
    attributes: Mapping[str, Any]
    image: ArrayImage

    @classmethod
    def of(cls, pixels: Any, attributes: Mapping[str, Any]) -> Snapshot:
        """The snapshot of what napari calls layer data.

        Raises:
            InputError: a layer in colour, or with other axes or another pixel type than an image.
        """
        name = str(attributes.get("name", "layer"))
        if attributes.get("rgb"):
            raise InputError(
                f"{name}: is in colour; Pellucid takes one channel at a time: right-click the layer, then Split RGB"
            )
        finest = pixels[0] if attributes.get("multiscale") else pixels
        layout = layout_of(attributes, finest.shape, name)
        image = ArrayImage(name, Handle(lambda: finest), layout)
        image.pixel_size = pixel_size(attributes, layout)
        scale = plain_scale(attributes, layout) | dict(image.pixel_size.values if image.pixel_size else {})
        units = plain_scale(attributes, layout)
        shift = {axis: at * scale[axis] / units[axis] for axis, at in translation(attributes, layout).items()}
        image.style = ZarrStyle(scale=scale, translation=shift)
        return cls(name, finest, attributes, image)

    @property
    def is_lazy(self) -> bool:
        """Whether its pixels are in a file, or computed when they are needed."""
        return is_lazy(self.pixels)

    @property
    def bytes(self) -> int:
        """The size of all pixels."""
        return math.prod(self.image.shape) * self.image.dtype.itemsize

    @property
    def file(self) -> str | None:
        """The file that its pixels are those of, all of them and in this order; None if there is none."""
        named = (self.attributes.get("metadata") or {}).get(FILE)
        return str(named) if named and are_of_file(self.pixels) else None

    def refuse_small(self) -> None:
        """Raise InputError if the layer is too small to be denoised."""
        height, width = self.image.plane_shape
        if min(height, width) < SMALLEST:
            raise InputError(f"{self.name}: is {height}×{width} pixels, but {SMALLEST}×{SMALLEST} are needed")

    def derived(self, name: str) -> dict[str, Any]:
        """The attributes of a layer that is made of this one: the same place, axes, contrast and colours."""
        kept = {key: value for key, value in self.attributes.items() if key not in _OWN}
        return kept | {"name": f"{self.name}, {name}"}

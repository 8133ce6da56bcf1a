"""The part of a layer that is visible in the viewer."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pellucid.errors import InputError
from pellucid.inference.tiles import Box
from pellucid.napari_plugin.snapshot import Snapshot


class Region(NamedTuple):
    """A rectangle in one plane.

    Attributes:
        leading: position of the plane along the leading axes of the image.
        box: the rectangle.
    """

    leading: tuple[int, ...]
    box: Box


def visible_region(noisy: Snapshot, layer: Any, dims: Any) -> Region:
    """The part of a layer that the canvas shows.

    Args:
        noisy: the layer's snapshot.
        layer: of napari; the canvas keeps its `corner_pixels`.
        dims: of the viewer.

    Raises:
        InputError: the viewer shows no planes of the layer, or a part without it.
    """
    stored, axes, shape = noisy.image.layout.stored, noisy.image.axes, noisy.image.shape
    beyond = dims.ndim - layer.ndim
    shown = {stored[axis - beyond] for axis in dims.displayed if axis >= beyond}
    if dims.ndisplay != 2 or shown != {"Y", "X"}:
        raise InputError(f"{noisy.name}: switch to the 2-D view of its planes (Y, X): these are what is denoised")
    at = np.rint(layer.world_to_data(np.asarray(dims.point)[beyond:])).astype(int)
    leading = tuple(int(at[stored.index(axis)]) for axis in axes[:-2])
    if not all(0 <= place < size for place, size in zip(leading, shape, strict=False)):
        raise InputError(f"{noisy.name}: has no plane at this position: move the slider")
    factors = np.asarray(layer.downsample_factors[layer.data_level]) if layer.multiscale else np.ones(layer.ndim)
    first, last = (layer.corner_pixels * factors).astype(int)
    rows, columns = stored.index("Y"), stored.index("X")
    step = factors.astype(int)
    box = Box(
        int(first[rows]), int(last[rows] + step[rows]), int(first[columns]), int(last[columns] + step[columns])
    ).common(Box(0, shape[-2], 0, shape[-1]))
    if box.top >= box.bottom or box.left >= box.right:
        raise InputError(f"{noisy.name}: is not in view: move or zoom the canvas")
    return Region(leading, box)

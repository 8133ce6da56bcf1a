"""Scale, units, translation and names of axes: as napari has them, and as Pellucid has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.errors import InputError
from pellucid.io.axis_names import axis_letters
from pellucid.io.image import Image
from pellucid.io.layout import Layout, default_layout, named_layout
from pellucid.io.output_spec import Style
from pellucid.io.pixel_size import PixelSize, pixel_size_of

NONE = "pixel"
"""The unit of axes without a length, in napari."""


def calibration(image: Image) -> dict[str, Any]:
    """What an image says of its axes, as attributes of a layer; the names are t, c, z, y and x."""
    size = image.pixel_size
    scale = {axis: _told(image.style, "scale").get(axis, 1.0) for axis in image.axes} | dict(
        size.values if size else {}
    )
    shift = _told(image.style, "translation")
    return {
        "scale": [scale[axis] for axis in image.axes],
        "units": [size.unit if size and axis in size.values else NONE for axis in image.axes],
        "translate": [shift.get(axis, 0.0) for axis in image.axes],
        "axis_labels": [axis.lower() for axis in image.axes],
    }


def _told(style: Style, what: str) -> Mapping[str, float]:
    """The scale or the translation by axis that a Zarr, N5 or precomputed volume states; empty for others."""
    found: Any = getattr(style, what, {})
    return found if isinstance(found, Mapping) else {}


def layout_of(attributes: Mapping[str, Any], shape: Sequence[int], name: str) -> Layout:
    """The axes of a layer: by their names if Y and X are among these, else by their number.

    Raises:
        InputError: the layer has other axes than an image, or more.
    """
    letters = axis_letters(attributes.get("axis_labels") or ())
    if letters and len(letters) == len(shape):
        return named_layout(letters, shape, name)
    # a last axis of 3 or 4 is no colour here: napari knows which layers are in colour
    return default_layout((*shape[:-1], 16), name)


def pixel_size(attributes: Mapping[str, Any], layout: Layout) -> PixelSize | None:
    """The pixel size of a layer; None if its axes have no length."""
    if attributes.get("scale") is None or attributes.get("units") is None:
        return None
    units = {axis: str(unit) for axis, unit in zip(layout.stored, attributes["units"], strict=True)}
    return pixel_size_of(_by_axis(attributes["scale"], layout), units)


def translation(attributes: Mapping[str, Any], layout: Layout) -> dict[str, float]:
    """The position of the first pixel along the axes where it is not 0, in the units of the layer."""
    told = attributes.get("translate")
    return {} if told is None else {axis: shift for axis, shift in _by_axis(told, layout).items() if shift}


def plain_scale(attributes: Mapping[str, Any], layout: Layout) -> dict[str, float]:
    """The scale along every axis, in the units of the layer; 1 where none is told."""
    told = attributes.get("scale")
    return dict.fromkeys(layout.stored, 1.0) if told is None else _by_axis(told, layout)


def refuse_turned(attributes: Mapping[str, Any], name: str) -> None:
    """Raise InputError if a layer is rotated, sheared or otherwise transformed beyond its scale and position."""
    for what in ("rotate", "affine", "shear"):
        told = np.asarray(attributes[what] if attributes.get(what) is not None else [], dtype=float)
        plain = np.eye(*told.shape) if told.ndim == 2 else np.zeros(told.shape)  # shear is a list of numbers
        if not np.allclose(told, plain):
            raise InputError(f"{name}: is transformed ({what}), which cannot be kept here: reset it")


def _by_axis(values: Sequence[float], layout: Layout) -> dict[str, float]:
    return {axis: float(value) for axis, value in zip(layout.stored, values, strict=True)}

"""From intensities to what a screen shows: grey levels, colours of an error, PNG bytes. Lossless, never smoothed."""

from __future__ import annotations

import io
import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pellucid.errors import InputError

Range = tuple[float, float]
Bytes = NDArray[np.uint8]

COLOUR_MAP = "magma"


def plane(image: ArrayLike, name: str) -> NDArray[Any]:
    """The image as a real array (Y, X).

    Raises:
        InputError: another number of dimensions, no pixels, or a dtype other than real numbers.
    """
    array: NDArray[Any] = np.asarray(image)
    if array.ndim != 2 or array.size == 0:
        raise InputError(f"{name} has shape {array.shape}: give one plane (Y, X) at a time")
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name} has dtype {array.dtype}: give real numbers")
    return array


def grey_range(image: ArrayLike, given: Range | None) -> Range:
    """The intensities shown as black and white: `given`, else 0 and 255 for uint8.

    Raises:
        InputError: nothing is given for another dtype, or black is not below white.
    """
    if given is None:
        dtype = np.asarray(image).dtype
        if dtype != np.uint8:
            raise InputError(f"{dtype} images need a display range: give the intensities of black and white")
        return 0.0, 255.0
    black, white = float(given[0]), float(given[1])
    if not (math.isfinite(black) and math.isfinite(white) and black < white):
        raise InputError(f"display range ({black}, {white}) cannot be used: black must be below white")
    return black, white


def display_range_of(*images: ArrayLike, percent: float = 0.5) -> Range:
    """A display range for images of any dtype: only `percent` of the pixels are clipped at each end."""
    low = min(float(np.percentile(np.asarray(image), percent)) for image in images)
    high = max(float(np.percentile(np.asarray(image), 100 - percent)) for image in images)
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def grey(image: ArrayLike, display_range: Range) -> Bytes:
    """Grey levels 0 to 255, linear between black and white, clipped beyond. uint8 over (0, 255) is unchanged."""
    black, white = display_range
    scaled = (np.asarray(image, dtype=np.float64) - black) * (255 / (white - black))
    return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)


def absolute_difference(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """|a − b| in the units of the images, without the wrap-around of unsigned integers.

    Raises:
        InputError: the shapes differ.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape:
        raise InputError(f"images of shapes {first.shape} and {second.shape} differ: give images of one shape")
    return np.abs(first - second)


def difference_limit(*differences: NDArray[np.float64]) -> float:
    """The end of a colour bar: above 99.5 % of the pixels, so that a few outliers do not darken the rest."""
    limit = max(float(np.percentile(difference, 99.5)) for difference in differences)
    return limit if limit > 0 else 1.0


def levels(difference: NDArray[np.float64], limit: float) -> Bytes:
    """Positions 0 to 255 in the colour map of differences from 0 to `limit`."""
    return grey(difference, (0.0, limit))


@cache
def colour_table() -> Bytes:
    """The colour map as 256 RGB triples, from small to large differences."""
    import matplotlib

    table: Bytes = matplotlib.colormaps[COLOUR_MAP](np.arange(256), bytes=True)[:, :3]
    return table


def png(pixels: Bytes, colours: Bytes | None = None) -> bytes:
    """Pixels as a lossless PNG: grey (Y, X), RGB (Y, X, 3), or (Y, X) positions in a table of 256 `colours`."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(pixels))
    if colours is not None:
        image = image.convert("P")
        image.putpalette(colours.tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()

"""Tiles of images as the browser shows them: 8-bit PNG at any zoom, of one image or of the difference of two."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import imagecodecs
import numpy as np
import numpy.typing as npt

from pellucid.app.open_images import Opened, OpenImages
from pellucid.errors import InputError
from pellucid.io.layout import Array

SIDE = 256
"""Pixels along each side of a tile."""
SHOWN = (0.2, 99.8)
"""The percentiles of the pixels that are black and white at first."""
_WINDOWS = 4
_WINDOW = 256
_FINEST = 1024

Shown = npt.NDArray[np.uint8]


class Window(NamedTuple):
    """Intensities that are shown black and white, in the units of the image."""

    black: float
    white: float

    def apply(self, pixels: Array) -> Shown:
        """Grey levels from 0 to 255; NaN is black."""
        span = self.white - self.black
        grey = (pixels.astype(np.float64) - self.black) * (255 / span if span else 0.0)
        shown: Shown = np.nan_to_num(np.clip(np.rint(grey), 0, 255)).astype(np.uint8)
        return shown


class Box(NamedTuple):
    """A part of an image that is in view, in its pixels; it may reach beyond the image."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Place:
    """Which tile.

    Attributes:
        power: its pixels are squares of 2**power pixels of the image.
        row, column: counted in tiles.
    """

    power: int
    row: int
    column: int

    def __post_init__(self) -> None:
        if not (0 <= self.power < 40 and 0 <= self.row < 1 << 30 and 0 <= self.column < 1 << 30):
            raise InputError("no such tile")

    @property
    def box(self) -> tuple[slice, slice]:
        """Rows and columns at its own resolution."""
        return (
            slice(self.row * SIDE, (self.row + 1) * SIDE),
            slice(self.column * SIDE, (self.column + 1) * SIDE),
        )


def tile(images: OpenImages, specs: list[str], plane: int, place: Place, window: Window) -> bytes:
    """A tile as a PNG.

    Args:
        images: that are open.
        specs: what opens the image; of two, the second is subtracted from the first.
        plane: number of the plane.
        place: of the tile.
        window: black and white.

    Raises:
        InputError: an image that cannot be shown or read, planes that do not exist, or images of different sizes.
    """
    pixels = [read_plane(images, spec, plane, place.power, place.box) for spec in specs]
    if len(pixels) == 2 and pixels[0].shape != pixels[1].shape:
        raise InputError(f"{specs[1]}: has another size than {specs[0]}; choose results of the same image")
    shown = pixels[0] if len(pixels) == 1 else pixels[0].astype(np.float64) - pixels[1]
    if 0 in shown.shape:
        raise InputError("no such tile")
    return png(shown, window)


def png(pixels: Array, window: Window) -> bytes:
    """Pixels (Y, X) as an 8-bit PNG."""
    return bytes(imagecodecs.png_encode(window.apply(pixels), level=1))


def read_plane(images: OpenImages, spec: str, plane: int, power: int, box: tuple[slice, slice]) -> Array:
    """Part of a plane of an image, see `OpenImages.read`.

    Raises:
        InputError: the image cannot be shown or read, or has no such plane.
    """
    opened = images.open(spec)
    count = len(opened.image.planes)
    if not 0 <= plane < count:
        raise InputError(f"{spec}: has {count} planes, and {plane + 1} is asked for")
    return images.read(opened, plane, power, box)


def limits(images: OpenImages, opened: Opened, plane: int) -> tuple[Window, Window]:
    """What to show at first, and the darkest and brightest that a sample of the plane has.

    Raises:
        InputError: the plane cannot be read.
    """
    sample = np.concatenate([part.ravel() for part in _sampled(images, opened, plane)])
    sample = sample[np.isfinite(sample)] if sample.dtype.kind == "f" else sample
    if sample.size == 0:
        return Window(0, 1), Window(0, 1)
    low, high = (float(value) for value in np.percentile(sample.astype(np.float64), SHOWN))
    least, most = float(sample.min()), float(sample.max())
    if opened.image.dtype == np.uint8:
        least, most = 0.0, 255.0
    if low >= high:
        low, high = least, most if most > least else least + 1
    return Window(low, high), Window(least, max(most, least + 1e-9))


def difference_window(images: OpenImages, specs: list[str], plane: int) -> Window:
    """Black and white for the difference of two images: 0 is middle grey.

    Raises:
        InputError: they cannot be read, or differ in size.
    """
    first, second = ([*_sampled(images, images.open(spec), plane)] for spec in specs)
    if [part.shape for part in first] != [part.shape for part in second]:
        raise InputError(f"{specs[1]}: has another size than {specs[0]}; choose results of the same image")
    differences = np.concatenate([(a.astype(np.float64) - b).ravel() for a, b in zip(first, second, strict=True)])
    reach = float(np.nanpercentile(np.abs(differences), SHOWN[1])) or 1.0
    return Window(-reach, reach)


def _sampled(images: OpenImages, opened: Opened, plane: int) -> list[Array]:
    """All of a small plane, or windows spread over a larger one."""
    height, width = opened.image.plane_shape
    if max(height, width) <= _FINEST:
        return [images.read(opened, plane, 0, (slice(0, height), slice(0, width)))]
    tops, lefts = (
        np.linspace(0, max(0, size - _WINDOW), min(_WINDOWS, math.ceil(size / _WINDOW))) for size in (height, width)
    )
    boxes = [
        (slice(int(top), min(int(top) + _WINDOW, height)), slice(int(left), min(int(left) + _WINDOW, width)))
        for top in tops
        for left in lefts
    ]
    return [images.read(opened, plane, 0, box) for box in boxes]

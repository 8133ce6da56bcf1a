"""Conversion of noisy images to the networks' scale, [−1, 1]."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pellucid.blockwise.denoiser_spec import DenoiserSpec
from pellucid.data.intensity_range import IntensityRange
from pellucid.inference import View
from pellucid.inference.tiles import Box
from pellucid.io.image import Image
from pellucid.io.layout import Array


def to_unit(intensity_range: IntensityRange, pixels: Array) -> NDArray[np.float32]:
    """Pixels scaled to [−1, 1]; masked and non-finite pixels come out non-finite."""
    unit = intensity_range.normalize(np.ma.getdata(pixels))
    if np.ma.isMaskedArray(pixels):
        unit[np.ma.getmaskarray(pixels)] = np.nan
    return unit


def view_of(cleaner: DenoiserSpec, image: Image, plane: int) -> View:
    """A plane of an image, read piece by piece."""
    pixels = image.planes[plane]

    def read(box: Box) -> NDArray[np.float32]:
        return to_unit(cleaner.intensity_range, pixels[box.slices])

    return View(pixels.shape, cleaner.denoiser.stride, read, cleaner.denoiser.device)


def view_of_part(cleaner: DenoiserSpec, part: Array, at: Box, shape: tuple[int, int]) -> View:
    """A plane of which only a part, (h, w) at `at`, is in memory, and no more is needed."""

    def read(box: Box) -> NDArray[np.float32]:
        return to_unit(cleaner.intensity_range, part[box.within(at).slices])

    return View(shape, cleaner.denoiser.stride, read, cleaner.denoiser.device)

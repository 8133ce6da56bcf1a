"""Noise that was recorded where there is no specimen, put on clean images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from pellucid.errors import InputError
from pellucid.simulation.noise.levels import GreyLevels, Pixels, intensity_range, to_intensity

How = Literal["multiply", "add"]


def blend(
    plane: Pixels,
    rng: np.random.Generator,
    strength: float,
    *,
    noise_images: Sequence[GreyLevels],
    how: How = "multiply",
) -> Pixels:
    """Intensities with a random crop of one of `noise_images` multiplied or added.

    Args:
        plane: intensities (Y, X) from 0 to 1.
        rng: chooses the noise image, the position of the crop and its flips.
        strength: 1 uses the noise as recorded, 0 leaves the plane unchanged.
        noise_images: images (Y, X) or a stack (N, Y, X); integers, or floats from 0 to 1.
        how: "multiply" as Lee and Jeong (2021), clean · noise / white, which also darkens by the noise's mean;
            "add" the noise less the mean of its image; an image smaller than the plane goes on mirrored.

    Raises:
        InputError: no noise images, one that is too small (smaller than the plane to multiply, than half its height or
            width to add), or another `how`.
    """
    if len(noise_images) == 0:
        raise InputError("captured noise needs at least one noise image")
    image = np.asarray(noise_images[int(rng.integers(len(noise_images)))])
    levels = intensity_range(image)
    if how == "multiply":
        crop = to_intensity(_crop(image, plane.shape, rng), levels)
        return np.asarray(plane * (1 + strength * (crop - 1)))
    if how == "add":
        mean = to_intensity(image, levels).mean()
        crop = to_intensity(_crop(_mirrored(image, plane.shape), plane.shape, rng), levels)
        return np.asarray(plane + strength * (crop - mean))
    raise InputError(f"unknown way {how!r} of combining captured noise with an image: give 'multiply' or 'add'")


def _mirrored(image: GreyLevels, shape: tuple[int, ...]) -> GreyLevels:
    """The image, mirrored at its lower and right edge as far as the shape asks for, at most once."""
    if image.ndim != len(shape):
        return image  # refused where it is cropped
    beyond = [min(max(want - have, 0), have) for have, want in zip(image.shape, shape, strict=True)]
    return np.pad(image, [(0, pixels) for pixels in beyond], mode="symmetric")


def _crop(image: GreyLevels, shape: tuple[int, ...], rng: np.random.Generator) -> GreyLevels:
    if image.ndim != 2:
        raise InputError(f"a noise image has axes {image.shape}: give images (Y, X) or a stack (N, Y, X)")
    room = [have - want for have, want in zip(image.shape, shape, strict=True)]
    if min(room) < 0:
        raise InputError(
            f"noise image of {image.shape[0]}×{image.shape[1]} px is smaller than the clean image of "
            f"{shape[0]}×{shape[1]} px: give larger noise images or cut the clean ones"
        )
    top, left = (int(rng.integers(r + 1)) for r in room)
    flip_y, flip_x = (1 - 2 * int(f) for f in rng.integers(2, size=2))
    return np.asarray(image[top : top + shape[0], left : left + shape[1]][::flip_y, ::flip_x])

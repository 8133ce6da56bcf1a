"""Pseudo-pairs: clean images with the noise of the noisy ones. Their truth is known, so any denoiser can be scored.

No denoiser takes part in measuring the noise (`made_noise.py`), so that none is favoured.

All images are float32 in [−1, 1].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from pellucid.assessment.made_noise import measured_noise
from pellucid.data.crops import crops_of
from pellucid.data.intensity_range import IntensityRange
from pellucid.errors import InputError
from pellucid.io.image import Plane
from pellucid.methods.noise_model.model import NoiseModel
from pellucid.seeding import seeded

Image = NDArray[np.float32]
"""(Y, X) in [−1, 1]."""
Images = NDArray[np.float32]
"""(N, Y, X) in [−1, 1]."""

CROPS = 16
"""Number of crops of up to 512 pixels that are read of large images."""
PAIRS = 16
SIDE = 256
"""Side of a pair, in pixels, unless the images are smaller."""
SMALLEST = 64
MULTIPLE = 32
"""The side is a multiple of it."""
MEASURED = 64
"""Number of patches of each kind in which the noise is measured, of `SIDE`; more if they are smaller."""
BATCH = 4


@dataclass(frozen=True)
class Pairs:
    """Noisy images and their truth, each (N, Y, X)."""

    noisy: Images
    truth: Images

    def __len__(self) -> int:
        return len(self.truth)

    def some(self, count: int, side: int) -> Pairs:
        """The first pairs, of each the upper left corner."""
        part = slice(count), slice(side), slice(side)
        return Pairs(self.noisy[part], self.truth[part])


@dataclass(frozen=True)
class PseudoPairs(Pairs):
    """Pairs that were made.

    Attributes:
        noise: the model of the noise that was put on the truth.
    """

    noise: NoiseModel


def make_pseudo_pairs(
    noisy: Sequence[Image], clean: Sequence[Image], count: int = PAIRS, seed: int = 0, largest: int = SIDE
) -> PseudoPairs:
    """Measure the noise of noisy images, and put it on clean ones.

    Args:
        noisy: images in which the noise is measured.
        clean: images that show no noise, of other places.
        count: number of pairs.
        seed: of the places and the noise.
        largest: side of the pairs, in pixels, unless the images are smaller.

    Raises:
        InputError: no image has a side of 64 pixels.
    """
    side = min(largest, _side(noisy, "noisy"), _side(clean, "clean"))
    draws = np.random.Generator(np.random.Philox(seed))
    with seeded(seed):
        batches = range(MEASURED * SIDE**2 // (side**2 * BATCH))
        noise = measured_noise(
            [(_patches(noisy, BATCH, side, draws), _patches(clean, BATCH, side, draws)) for _ in batches]
        )
        truth = noise.matched(_patches(clean, count, side, draws))
        made = torch.cat([noise(truth[start : start + BATCH]) for start in range(0, count, BATCH)])
    return PseudoPairs(made[:, 0].numpy(), truth[:, 0].numpy(), noise)


def cut_pairs(noisy: Sequence[Image], truth: Sequence[Image], count: int, seed: int, side: int) -> Pairs:
    """Pairs from noisy images and the truth of each.

    Raises:
        InputError: no image has a side of 64 pixels.
    """
    side = min(side, _side(noisy, "noisy"))
    drawn = (_patches(images, count, side, np.random.Generator(np.random.Philox(seed))) for images in (noisy, truth))
    return Pairs(*(patches[:, 0].numpy() for patches in drawn))


def read_crops(planes: Sequence[Plane], intensity_range: IntensityRange) -> list[Image]:
    """Some crops of planes of any size, in [−1, 1].

    Raises:
        InputError: they show nothing but padding, or cannot be read.
    """
    crops = [pixels for pixels, _ in crops_of(planes, CROPS)]
    if not crops:
        others = f" and {len(planes) - 1} more" if len(planes) > 1 else ""
        raise InputError(
            f"{planes[0].name}{others}: no area of {SMALLEST}×{SMALLEST} pixels without padding, in which noise can be "
            "measured: give larger images"
        )
    return [np.clip(intensity_range.network_input(pixels), -1, 1) for pixels in crops]


def _side(images: Sequence[Image], kind: str) -> int:
    """The side of a pair that fits into some of the images."""
    largest = max((min(image.shape) for image in images), default=0)
    if largest < SMALLEST:
        raise InputError(
            f"the {kind} images are smaller than {SMALLEST}×{SMALLEST} pixels, in which noise cannot be measured: give "
            "larger ones"
        )
    return largest // MULTIPLE * MULTIPLE


def _patches(images: Sequence[Image], count: int, side: int, draws: np.random.Generator) -> torch.Tensor:
    """Patches (N, 1, side, side) of random places, every pixel equally likely; images that are too small have none."""
    large = [image for image in images if min(image.shape) >= side]
    areas = np.array([image.size for image in large], np.float64)
    patches = np.empty((count, 1, side, side), np.float32)
    for patch in patches:
        image = large[draws.choice(len(large), p=areas / areas.sum())]
        top, left = (int(draws.integers(size - side + 1)) for size in image.shape)
        patch[0] = image[top : top + side, left : left + side]
    return torch.from_numpy(patches)

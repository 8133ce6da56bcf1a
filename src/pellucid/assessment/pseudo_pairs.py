"""Pseudo-pairs: clean images with the noise of the noisy ones. Their truth is known, so any denoiser can be scored.

No denoiser takes part in measuring the noise (`made_noise.py`), so that none is favoured.

All images are float32 in [−1, 1]. For a denoiser that sees slices, images are stacks, each slice with noise of its own;
the truth is that of the middle one.
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
from pellucid.methods.slices import apart, middle, stacked
from pellucid.seeding import seeded

Image = NDArray[np.float32]
"""(Y, X) in [−1, 1]."""
Images = NDArray[np.float32]
"""(N, Y, X) in [−1, 1]."""
Stack = NDArray[np.float32]
"""(slices, Y, X) in [−1, 1]: an image, in the middle, and those before and after it."""
Stacks = NDArray[np.float32]
"""(N, slices, Y, X) in [−1, 1]."""

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
    """Noisy images and their truth.

    Attributes:
        stacks: noisy images with those before and after, (N, slices, Y, X).
        truth: of those in the middle, (N, Y, X).
    """

    stacks: Stacks
    truth: Images

    @property
    def noisy(self) -> Images:
        """The noisy images, (N, Y, X)."""
        return self.seen(1)[:, 0]

    def seen(self, slices: int) -> Stacks:
        """What a denoiser sees that sees so many slices, at most those that there are: (N, slices, Y, X)."""
        first = (self.stacks.shape[1] - slices) // 2
        return self.stacks[:, first : first + slices]

    def __len__(self) -> int:
        return len(self.truth)

    def some(self, count: int, side: int) -> Pairs:
        """The first pairs, of each the upper left corner."""
        return Pairs(self.stacks[:count, :, :side, :side], self.truth[:count, :side, :side])


@dataclass(frozen=True)
class PseudoPairs(Pairs):
    """Pairs that were made.

    Attributes:
        noise: the model of the noise that was put on the truth.
    """

    noise: NoiseModel


def make_pseudo_pairs(
    noisy: Sequence[Image], clean: Sequence[Image | Stack], count: int = PAIRS, seed: int = 0, largest: int = SIDE
) -> PseudoPairs:
    """Measure the noise of noisy images, and put it on clean ones.

    Args:
        noisy: images in which the noise is measured.
        clean: images that show no noise, of other places; or stacks of as many slices each.
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
            [(_patches(noisy, BATCH, side, draws), middle(_patches(clean, BATCH, side, draws))) for _ in batches]
        )
        drawn = _patches(clean, count, side, draws)
        slices = drawn.shape[1]
        truth = noise.matched(apart(drawn))
        made = torch.cat([noise(part) for part in torch.split(truth, BATCH * slices)])
    return PseudoPairs(stacked(made, slices).numpy(), middle(stacked(truth, slices))[:, 0].numpy(), noise)


def cut_pairs(noisy: Sequence[Image | Stack], truth: Sequence[Image], count: int, seed: int, side: int) -> Pairs:
    """Pairs from noisy images, or stacks, and the truth of each.

    Raises:
        InputError: no image has a side of 64 pixels.
    """
    side = min(side, _side(noisy, "noisy"))
    drawn = (_patches(images, count, side, np.random.Generator(np.random.Philox(seed))) for images in (noisy, truth))
    stacks, true = (patches.numpy() for patches in drawn)
    return Pairs(stacks, true[:, 0])


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


def _side(images: Sequence[Image | Stack], kind: str) -> int:
    """The side of a pair that fits into some of the images."""
    largest = max((min(image.shape[-2:]) for image in images), default=0)
    if largest < SMALLEST:
        raise InputError(
            f"the {kind} images are smaller than {SMALLEST}×{SMALLEST} pixels, in which noise cannot be measured: give "
            "larger ones"
        )
    return largest // MULTIPLE * MULTIPLE


def _patches(images: Sequence[Image | Stack], count: int, side: int, draws: np.random.Generator) -> torch.Tensor:
    """Patches (N, slices, side, side) of random places, every pixel equally likely; too small images have none."""
    large = [image for image in images if min(image.shape[-2:]) >= side]
    areas = np.array([image.shape[-2] * image.shape[-1] for image in large], np.float64)
    slices = large[0].shape[0] if large[0].ndim == 3 else 1
    patches = np.empty((count, slices, side, side), np.float32)
    for patch in patches:
        image = large[draws.choice(len(large), p=areas / areas.sum())]
        top, left = (int(draws.integers(size - side + 1)) for size in image.shape[-2:])
        patch[:] = image[..., top : top + side, left : left + side]
    return torch.from_numpy(patches)

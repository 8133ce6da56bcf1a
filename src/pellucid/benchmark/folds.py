"""Cross-validation: which images a method is trained on clean, which noisy, and which it is tested on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pellucid.errors import InputError, nearest

FOLDS = 4
SEED = 2019


@dataclass(frozen=True)
class Fold:
    """The images of a fold, by index.

    Attributes:
        test: images whose noisy versions are denoised and scored.
        clean: training images that are used clean.
        noisy: training images that are used noisy; no image is in both.
    """

    test: tuple[int, ...]
    clean: tuple[int, ...]
    noisy: tuple[int, ...]

    @property
    def training(self) -> tuple[int, ...]:
        """All training images, in order."""
        return (*self.clean, *self.noisy)


def make_folds(scheme: str, count: int) -> list[Fold]:
    """Split `count` images into four folds.

    Args:
        scheme: "published", as in Lee and Jeong's code: a permutation of seed 2019 is cut into four; each quarter is
            the test images of a fold; of the others in order, the first half is clean and the second noisy. If four
            does not divide the count, the last images are not used. "blocks": the same with four blocks of neighbouring
            images as test images, for slices of a volume, which resemble their neighbours; all images are used.
        count: number of images.

    Raises:
        InputError: an unknown scheme, or fewer images than folds.
    """
    if scheme not in ("published", "blocks"):
        raise InputError(f"unknown fold scheme {scheme!r}: {nearest(scheme, ('published', 'blocks'))}")
    if count < FOLDS:
        raise InputError(f"{count} images are fewer than the {FOLDS} folds: give at least {FOLDS} images")
    used = count - dropped(scheme, count)
    everything = np.random.RandomState(SEED).permutation(used) if scheme == "published" else np.arange(used)
    return [_fold(test.tolist(), used) for test in np.array_split(everything, FOLDS)]


def dropped(scheme: str, count: int) -> int:
    """The number of images at the end that a scheme does not use."""
    return count % FOLDS if scheme == "published" else 0


def _fold(test: Sequence[int], count: int) -> Fold:
    others = sorted(set(range(count)) - set(test))
    half = len(others) // 2
    return Fold(tuple(test), tuple(others[:half]), tuple(others[half:]))

"""Cross-validation: which images a training sees clean, which noisy, and which it is tested on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pellucid.errors import InputError, nearest

FOLDS = 4
SEED = 2019


@dataclass(frozen=True)
class Fold:
    """Indices of images.

    Attributes:
        test: whose noisy versions are denoised and scored.
        clean: of the others, those that are learned from clean.
        noisy: of the others, those that are learned from noisy: no image is in both.
    """

    test: tuple[int, ...]
    clean: tuple[int, ...]
    noisy: tuple[int, ...]

    @property
    def training(self) -> tuple[int, ...]:
        """All that are not test images, in their order."""
        return (*self.clean, *self.noisy)


def make_folds(scheme: str, count: int) -> list[Fold]:
    """Four folds over `count` images.

    Args:
        scheme: "published" as Lee and Jeong's code has it: one permutation of seed 2019, whose four rows are the test
            images; of the others in their order the first half is clean, the second noisy. Where four does not divide
            the count, the last images are left out of everything. "blocks": the same with four runs of neighbouring
            images as test images (none is left out), for slices of a volume and tiles of a frame, which resemble their
            neighbours.
        count: of images.

    Raises:
        InputError: an unknown scheme, or fewer images than folds.
    """
    if scheme not in ("published", "blocks"):
        raise InputError(f"unknown folds {scheme!r}: {nearest(scheme, ('published', 'blocks'))}")
    if count < FOLDS:
        raise InputError(f"{count} images are fewer than the {FOLDS} folds: give at least {FOLDS} images")
    used = count - dropped(scheme, count)
    everything = np.random.RandomState(SEED).permutation(used) if scheme == "published" else np.arange(used)
    return [_fold(test.tolist(), used) for test in np.array_split(everything, FOLDS)]


def dropped(scheme: str, count: int) -> int:
    """How many of the last images a scheme leaves out."""
    return count % FOLDS if scheme == "published" else 0


def _fold(test: Sequence[int], count: int) -> Fold:
    others = sorted(set(range(count)) - set(test))
    half = len(others) // 2
    return Fold(tuple(test), tuple(others[:half]), tuple(others[half:]))

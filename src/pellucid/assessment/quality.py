"""How good denoisers are on pseudo-pairs: PSNR and SSIM of each pair, and their means with intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pellucid.assessment.pseudo_pairs import Images, Pairs
from pellucid.evaluation import psnr, ssim
from pellucid.evaluation.interval import Interval, mean_with_interval

DATA_RANGE = 2.0
"""From black to white in [−1, 1]: PSNR is that of the intensity range, 255 for images of 8 bits."""

HIGHEST = 100.0
"""PSNR in dB of results that equal the truth: infinite ones have no mean that tells anything."""


@dataclass(frozen=True)
class Quality:
    """The quality of one denoiser on pseudo-pairs.

    Attributes:
        name: of the denoiser.
        psnrs: PSNR of each pair, in dB of the intensity range from black to white.
        ssims: SSIM of each pair.
    """

    name: str
    psnrs: NDArray[np.float64]
    ssims: NDArray[np.float64]

    @property
    def psnr(self) -> Interval:
        """Mean PSNR in dB, with its interval over pairs."""
        return mean_with_interval(self.psnrs)

    @property
    def ssim(self) -> Interval:
        """Mean SSIM, with its interval over pairs."""
        return mean_with_interval(self.ssims)

    def gain_over(self, other: Quality) -> Interval:
        """Mean difference of PSNR to another denoiser on the same pairs, in dB, with its interval."""
        return mean_with_interval(self.psnrs - other.psnrs)


def quality(name: str, denoised: Images, pairs: Pairs) -> Quality:
    """The quality of what a denoiser made of the noisy images of pairs.

    Args:
        name: of the denoiser.
        denoised: (N, Y, X) in [−1, 1]; values outside are clipped, as they are in files.
        pairs: N pairs.
    """
    couples = list(zip(np.clip(denoised, -1, 1) + 1, pairs.truth + 1, strict=True))  # SSIM counts from black
    return Quality(
        name,
        np.array([min(psnr(result, truth, DATA_RANGE), HIGHEST) for result, truth in couples]),
        np.array([ssim(result, truth, DATA_RANGE) for result, truth in couples]),
    )


def quality_of_noisy(pairs: Pairs) -> Quality:
    """The quality of the noisy images themselves."""
    return quality("noisy", pairs.noisy, pairs)

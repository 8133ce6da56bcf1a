"""Brightness, contrast and polarity before and after denoising, in places rather than over the whole image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, uniform_filter

from pellucid.assessment.pseudo_pairs import Images
from pellucid.assessment.removed import correlation

PLACE = 16
"""Side of the places whose brightness is compared, in pixels: so large that their means contain little noise."""
COARSE = 4.0
"""σ of the Gaussian, in pixels, through which the direction of edges is compared."""


@dataclass(frozen=True)
class Tone:
    """How a result compares with its noisy image.

    Attributes:
        offset: mean brightness after less that before, in units of [−1, 1].
        contrast: standard deviation of local means after, as a multiple of that before.
        polarity: correlation of the gradients of both through a Gaussian: 1 if all edges point the same way, −1 if the
            result is the negative of the image.
    """

    offset: float
    contrast: float
    polarity: float

    @property
    def inverted(self) -> bool:
        """Whether the result is a negative."""
        return self.polarity < 0


def tone(noisy: Images, denoised: Images) -> Tone:
    """Compare images (N, Y, X) with their results."""
    before, after = (np.stack([uniform_filter(image, PLACE) for image in images]) for images in (noisy, denoised))
    spread = float(before.std())
    return Tone(
        offset=float(denoised.mean(dtype=np.float64) - noisy.mean(dtype=np.float64)),
        contrast=float(after.std()) / spread if spread > 0 else 1.0,
        polarity=correlation(_gradients(noisy), _gradients(denoised)),
    )


def _gradients(images: Images) -> np.ndarray:
    smooth = np.stack([gaussian_filter(image.astype(np.float64), COARSE) for image in images])
    return np.stack(np.gradient(smooth, axis=(1, 2)))

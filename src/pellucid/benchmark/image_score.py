"""The score of one denoised image: PSNR and SSIM, and whether brightness, contrast and flat places are kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.evaluation import psnr, ssim

Image = NDArray[Any]
Floats = NDArray[np.float64]

SQUARE = 16
"""Side in pixels of the squares that contrast and flatness are measured on.

In their means noise and fine detail are averaged away: a Gaussian filter of 2 pixels leaves 0.92 of the contrast on
squares of 8 pixels, 0.95 on these (fly tissue, film noise).
"""

FLATTEST = 0.1
"""The share of squares that counts as flat."""

ROUNDING = 1 / 12
"""Variance of rounding to grey levels: without it, exactly constant squares would give infinite ratios."""


@dataclass(frozen=True)
class ImageScore:
    """The score of one image, on the scale 0 to 255.

    Attributes:
        name: name of the image.
        psnr: in dB.
        ssim: with scikit-image's defaults.
        offset: mean of the result minus mean of the truth, in grey levels.
        contrast: slope of the result over the truth, by least squares over the means of squares of 16 pixels: 1 if the
            contrast of coarse structure is kept, less if it is compressed. Noise does not change it.
        flat: standard deviation of the result in the tenth of the squares of 16 pixels where the truth varies least,
            relative to the truth's there: above 1, grain is left or structure was made up; below, texture was removed.
    """

    name: str
    psnr: float
    ssim: float
    offset: float
    contrast: float
    flat: float


def score_image(name: str, result: Image, truth: Image) -> ImageScore:
    """Score a result (Y, X) against the truth (Y, X), both from 0 to 255."""
    made, true = result.astype(np.float64), truth.astype(np.float64)
    return ImageScore(
        name=Path(name).stem,
        psnr=psnr(made, true, 255),
        ssim=ssim(made, true, 255),
        offset=float(made.mean() - true.mean()),
        contrast=_slope(_squares(made).mean(1), _squares(true).mean(1)),
        flat=_flat_ratio(_squares(made), _squares(true)),
    )


def _squares(image: Floats) -> Floats:
    """The squares of an image as rows of pixels; what is left at the lower and right edge does not count."""
    side = min(SQUARE, *image.shape)
    down, right = (size // side for size in image.shape)
    cells = image[: down * side, : right * side].reshape(down, side, right, side)
    return cells.swapaxes(1, 2).reshape(down * right, side * side)


def _slope(made: Floats, true: Floats) -> float:
    """The slope of a straight line through (true, made); 1 where the truth has no contrast to keep."""
    deviation = true - true.mean()
    spread = float(deviation @ deviation)
    return float(deviation @ made) / spread if spread > 0 else 1.0


def _flat_ratio(made: Floats, true: Floats) -> float:
    variance = true.var(1)
    flattest = np.argsort(variance, kind="stable")[: max(1, round(FLATTEST * len(variance)))]
    return float(np.sqrt((made.var(1)[flattest].mean() + ROUNDING) / (variance[flattest].mean() + ROUNDING)))

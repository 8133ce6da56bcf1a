"""How structures look in an image, noise aside: which way they are contrasted, and how large they are, in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from pellucid.images.layout import Array

Field = npt.NDArray[np.float64]

_SIDE = 768  # a crop from the middle: structures are judged, not whole frames
_RIDGE_SIGMAS = (3.0, 4.0)  # px; film noise is correlated over 1 to 3 px and charge noise along lines over fewer
_SCALE_SIGMA, _TREND_SIGMA = 4.0, 128.0
#: Half length of the autocorrelation that white noise has after smoothing: exp(−r² / 4σ²) = 1/2.
_NOISE_HALF = 2 * _SCALE_SIGMA * np.sqrt(np.log(2))


@dataclass(frozen=True)
class Looks:
    """The looks of a source, from the planes that were judged.

    Attributes:
        ridges: Strength of dark lines less that of bright lines, −1 to 1; positive: dark membranes.
        ridges_error: Its standard error over the planes (0 for one).
        skew: Skewness of the smoothed intensities; negative: the dark tail is the longer.
        scale: Distance in pixels over which the smoothed image stays alike (half length of its autocorrelation).
        scale_range: That of the plane with the smallest and of that with the largest; ``scale`` is the median.
    """

    ridges: float
    ridges_error: float
    skew: float
    scale: float
    scale_range: tuple[float, float]

    @property
    def polarity(self) -> str | None:
        """``"dark"`` or ``"bright"``: the thin lines (membranes) in the image; None where neither clearly prevails."""
        if abs(self.ridges) < max(0.04, 2 * self.ridges_error):
            return None
        return "dark" if self.ridges > 0 else "bright"

    @property
    def tail(self) -> str | None:
        """``"dark"`` or ``"bright"``: the clearly longer tail of the smoothed histogram."""
        if abs(self.skew) < 0.5:
            return None
        return "dark" if self.skew < 0 else "bright"


def look(planes: Sequence[Array]) -> Looks | None:
    """Judge (Y, X) arrays of any dtype; None if all are constant."""
    crops = [_crop(plane) for plane in planes]
    crops = [crop for crop in crops if crop.std() > 0]
    if not crops:
        return None
    ridges = np.array([_ridges(crop) for crop in crops])
    scales = [_half_length(crop) for crop in crops]
    error = float(ridges.std(ddof=1) / np.sqrt(ridges.size)) if ridges.size > 1 else 0.0
    return Looks(
        float(ridges.mean()),
        error,
        float(np.mean([_skew(ndimage.gaussian_filter(crop, _RIDGE_SIGMAS[0])) for crop in crops])),
        float(np.median(scales)),
        (min(scales), max(scales)),
    )


def _crop(plane: Array) -> Field:
    top, left = (max(0, (size - _SIDE) // 2) for size in plane.shape)
    return plane[top : top + _SIDE, left : left + _SIDE].astype(np.float64)


def _ridges(image: Field) -> float:
    """Dark against bright lines: the signed square of the anisotropic part of the Hessian, relative to its square.

    Symmetric noise has lines of both signs alike, so it only weakens the number.
    """
    scores = []
    for sigma in _RIDGE_SIGMAS:
        yy, xx, xy = (ndimage.gaussian_filter(image, sigma, order=order) for order in ((2, 0), (0, 2), (1, 1)))
        line = ((yy - xx) / 2) ** 2 + xy**2
        scores.append(float((line * np.sign(yy + xx)).sum() / max(line.sum(), np.finfo(float).tiny)))
    return float(np.mean(scores))


def _skew(image: Field) -> float:
    centred = image - image.mean()
    deviation = centred.std()
    return float((centred**3).mean() / deviation**3) if deviation > 0 else 0.0


def _half_length(image: Field) -> float:
    """Half length in pixels of the autocorrelation of the smoothed, detrended image, less what smoothed noise has."""
    half_size = _binned(image)  # the smoothing leaves nothing that this loses
    smooth = ndimage.gaussian_filter(half_size, _SCALE_SIGMA / 2) - ndimage.gaussian_filter(half_size, _TREND_SIGMA / 2)
    window = np.outer(np.hanning(smooth.shape[0]), np.hanning(smooth.shape[1]))
    correlation = _autocorrelation((smooth - smooth.mean()) * window)
    overlap = _autocorrelation(window)
    profile = _radial(correlation / np.maximum(overlap, 1e-3 * overlap[0, 0]), min(smooth.shape) // 2)
    below = np.flatnonzero(profile < profile[0] / 2)
    if below.size == 0:
        return float(2 * profile.size)
    after = int(below[0])
    before, drop = profile[after - 1], profile[after - 1] - profile[after]
    half = 2 * (after - 1 + (before - profile[0] / 2) / drop)
    return float(np.sqrt(max(half**2 - _NOISE_HALF**2, 1.0)))


def _binned(image: Field) -> Field:
    """Means of 2×2 pixels; an odd last row or column is left out."""
    height, width = (size // 2 for size in image.shape)
    binned: Field = image[: 2 * height, : 2 * width].reshape(height, 2, width, 2).mean(axis=(1, 3))
    return binned


def _autocorrelation(image: Field) -> Field:
    """By FFT, zero-padded so that it does not wrap."""
    shape = [2 * size for size in image.shape]
    correlation: Field = np.fft.irfft2(np.abs(np.fft.rfft2(image, shape)) ** 2, shape)
    return correlation


def _radial(image: Field, length: int) -> Field:
    """Means over rings of one pixel around the corner, which is the centre of an FFT's output."""
    y, x = (np.fft.fftfreq(size, 1 / size) for size in image.shape)
    radius = np.hypot(y[:, None], x[None, :]).astype(int).ravel()
    sums = np.bincount(radius, image.ravel(), minlength=length)
    means: Field = (sums / np.maximum(np.bincount(radius, minlength=length), 1))[:length]
    return means

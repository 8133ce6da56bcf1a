"""Measurements on a crop of an image: noise, structure, lines, size of structures, traces of JPEG compression.

All functions take (Y, X) arrays of float64 in any units, 64×64 pixels or more.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Field = npt.NDArray[np.float64]

_NOISE_SIGMA, _NOISE_BLOCK = 2.0, 8  # px; film noise is correlated over 1 to 3 px
_RIDGE_SIGMAS = (3.0, 4.0)
_ENERGY_SIGMAS = (1.5, 3.0)
_SURROGATES = 2
_SMOOTH = 4.0
_TREND = 24.0
_PROPORTIONAL = 1.65
#: Half length of the autocorrelation that white noise has after smoothing: exp(−r² / 4σ²) = 1/2.
_NOISE_HALF = 2 * _SMOOTH * np.sqrt(np.log(2))
_JPEG = 8


def noise_level(image: Field) -> float:
    """σ of noise, white or correlated over a few pixels: median over 8×8 blocks of the deviation of fine detail.

    Fine structure counts as noise if it fills more than half of the image.
    """
    fine = image - without_noise(image)
    return float(np.median(_blocks(fine, _NOISE_BLOCK).std(axis=(1, 3))))


def without_noise(image: Field) -> Field:
    """The smoothed image, which contains little noise."""
    smooth: Field = ndimage.gaussian_filter(image, _NOISE_SIGMA)
    return smooth


def structure(image: Field) -> float:
    """How much more unevenly details are spread than in noise of the same spectrum: about 0 for any Gaussian noise.

    Tissue has edges in some places and none in others. Noise of one spectrum, white or not, is alike everywhere; such
    noise is simulated (the same spectrum with random phases) and measured in the same way (Theiler et al. 1992).
    """
    flat = image - _box(image, 8 * max(_ENERGY_SIGMAS))
    if not flat.any():
        return 0.0
    generator = np.random.default_rng(0)
    noise = np.mean([_unevenness(_same_spectrum(flat, generator)) for _ in range(_SURROGATES)])
    return float(_unevenness(flat) - noise)


def ridges(image: Field) -> float:
    """Prevalence of dark over bright lines, −1 to 1, positive for dark: signed, squared anisotropy of the Hessian.

    The squares are normalised by their unsigned sum. Symmetric noise has lines of both signs equally, so it only
    weakens the result.
    """
    centred, scores = image - image.mean(), []  # truncated filters do not fully cancel an offset
    for sigma in _RIDGE_SIGMAS:
        yy, xx, xy = (ndimage.gaussian_filter(centred, sigma, order=order) for order in ((2, 0), (0, 2), (1, 1)))
        line = ((yy - xx) / 2) ** 2 + xy**2
        scores.append(float((line * np.sign(yy + xx)).sum() / max(line.sum(), np.finfo(float).tiny)))
    return float(np.mean(scores))


def skewness(image: Field) -> float:
    """The third standardised moment of an array; 0 if it is constant (as scipy.stats.skew, which is slow to import)."""
    centred = image - image.mean()
    deviation = centred.std()
    return float((centred**3).mean() / deviation**3) if deviation > 0 else 0.0


def structure_size(image: Field) -> float:
    """Approximate size of structures in pixels, from two measures of the smoothed image that noise hardly affects.

    One is the half length of its autocorrelation, dominated by large structures; the other is its deviation divided by
    its slope, dominated by fine ones. Smoothing makes both grow more slowly than the magnification; the power corrects
    this: the result roughly doubles when an image is magnified twice.
    """
    half_size = _blocks(image, 2).mean(axis=(1, 3))  # loses nothing that the smoothing would keep
    smooth = ndimage.gaussian_filter(half_size, _SMOOTH / 2) - ndimage.gaussian_filter(half_size, _TREND / 2)
    return float((_half_length(smooth) * _deviation_over_slope(smooth)) ** _PROPORTIONAL)


def blockiness(image: Field) -> float:
    """Steps across the borders of JPEG's 8×8 blocks divided by steps elsewhere: 1 without compression.

    The grid may begin anywhere. The smaller of the values along rows and columns counts, as scan lines make steps
    along one of them.
    """
    return min(_grid_steps(image), _grid_steps(image.T))


def _blocks(image: Field, side: int) -> Field:
    """The image as (rows of blocks, side, columns of blocks, side); incomplete blocks at the ends are dropped."""
    height, width = (size // side for size in image.shape)
    return image[: side * height, : side * width].reshape(height, side, width, side)


def _unevenness(image: Field) -> float:
    """Standard deviation of the logarithm of the local energy of details, averaged over two scales."""
    values = []
    for sigma in _ENERGY_SIGMAS:
        detail = ndimage.gaussian_filter(image, sigma, truncate=3) - _box(image, 6 * sigma)
        edge = int(4 * sigma)
        energy = _box(detail**2, 8 * sigma)[edge:-edge, edge:-edge]
        values.append(np.log(energy + 1e-6 * energy.mean()).std())
    return float(np.mean(values))


def _box(image: Field, side: float) -> Field:
    means: Field = ndimage.uniform_filter(image, int(side))
    return means


def _same_spectrum(image: Field, generator: np.random.Generator) -> Field:
    phases = np.fft.rfft2(generator.standard_normal(image.shape))
    noise: Field = np.fft.irfft2(np.abs(np.fft.rfft2(image)) * phases / np.abs(phases), image.shape)
    return noise


def _half_length(smooth: Field) -> float:
    """Half length of the autocorrelation minus that of smoothed noise, in full-resolution pixels."""
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


def _deviation_over_slope(smooth: Field) -> float:
    """Standard deviation divided by the RMS slope, in full-resolution pixels."""
    edge = int(_SMOOTH)
    slopes = (np.gradient(smooth, axis=axis)[edge:-edge, edge:-edge] / 2 for axis in (0, 1))
    slope = sum(float(np.mean(along**2)) for along in slopes)
    return float(np.sqrt(smooth[edge:-edge, edge:-edge].var() / slope)) if slope > 0 else 1.0


def _autocorrelation(image: Field) -> Field:
    """The autocorrelation by FFT, zero-padded so that it does not wrap around."""
    shape = [2 * size for size in image.shape]
    correlation: Field = np.fft.irfft2(np.abs(np.fft.rfft2(image, shape)) ** 2, shape)
    return correlation


def _radial(image: Field, length: int) -> Field:
    """Means over rings one pixel wide around the corner, where an FFT puts the origin."""
    y, x = (np.fft.fftfreq(size, 1 / size) for size in image.shape)
    radius = np.hypot(y[:, None], x[None, :]).astype(int).ravel()
    sums = np.bincount(radius, image.ravel(), minlength=length)
    means: Field = (sums / np.maximum(np.bincount(radius, minlength=length), 1))[:length]
    return means


def _grid_steps(image: Field) -> float:
    curved = np.abs(image[:, 3:] - 3 * image[:, 2:-1] + 3 * image[:, 1:-2] - image[:, :-3])  # of steps, not of slopes
    columns = curved.mean(axis=0)
    steps = np.array([np.median(columns[phase::_JPEG]) for phase in range(_JPEG)])
    return float(steps.max() / max(np.median(steps), np.finfo(float).tiny))

"""Fourier ring correlation: how far two images of one place agree, from coarse to fine detail.

After Saxton & Baumeister (J. Microsc. 127, 1982). For each ring of spatial frequencies of two images with the Fourier
transforms A and B

    FRC = Re Σ A·conj(B) / sqrt(Σ|A|² · Σ|B|²)

with all sums over the ring and over all places. Only images that were taken independently are compared: halves of one
image share its noise, and halves of one result what the network expects.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pellucid.assessment.pseudo_pairs import Images

Floats = NDArray[np.float64]
Transforms = NDArray[np.complex128]

RING = 2
"""Width of a ring, in frequencies of the discrete transform."""
CRITERION = 1 / 7
"""Correlation down to which detail counts as resolved, as is usual for two independent images."""
ERRORS = 3
"""Standard errors by which two frames must agree in a ring for the correlation with the truth to be known there."""


@dataclass(frozen=True)
class Rings:
    """Correlations in rings of frequencies, from low to high.

    Attributes:
        frequency: of each ring, in cycles per pixel.
        frames: correlation of the two noisy frames.
        results: of the results of the two frames.
        truth: of results with the truth, as each result and the other frame tell; NaN where the frames do not agree.
    """

    frequency: Floats
    frames: Floats
    results: Floats
    truth: Floats

    @property
    def detail_of_frames(self) -> float:
        """Size of the finest detail in which the frames agree, in pixels; 2 if they do up to the last ring."""
        return 1 / crossing(self.frequency, self.frames)

    @property
    def detail_of_results(self) -> float:
        """Likewise of the results."""
        return 1 / crossing(self.frequency, self.results)


def ring_correlations(frames: tuple[Images, Images], results: tuple[Images, Images]) -> Rings:
    """Correlate two frames and their results, (N, side, side) each, over N places."""
    x, y = (_transforms(images) for images in frames)
    d, e = (_transforms(images) for images in results)
    shared = _sums(x, y)
    between = shared / np.sqrt(_sums(x, x) * _sums(y, y))
    own = (_sums(d, d) + _sums(e, e)) / 2
    known = between > ERRORS / np.sqrt(len(x) * _counts(x.shape[-1]) / 2)
    with_truth = (_sums(d, y) + _sums(e, x)) / 2 / np.sqrt(own * np.where(known, shared, np.nan))
    return Rings(
        _means(_radius(x.shape[-1])),
        between,
        _sums(d, e) / np.sqrt(_sums(d, d) * _sums(e, e)).clip(1e-20),
        with_truth,
    )


def crossing(frequency: Floats, correlation: Floats) -> float:
    """The first frequency at which a curve falls below the criterion, interpolated; 0.5 if it never does."""
    below = np.flatnonzero(correlation[1:] < CRITERION) + 1  # the first ring holds what the window leaves of the mean
    if not len(below):
        return 0.5
    after = below[0]
    if after == 1:
        return float(frequency[1])
    (low, high), (above, under) = frequency[after - 1 : after + 1], correlation[after - 1 : after + 1]
    return float(low + (high - low) * (above - CRITERION) / (above - under))


def _transforms(images: Images) -> Transforms:
    """Fourier transforms, without the mean and with a window, so that the borders of the squares make no structure."""
    side = images.shape[-1]
    window = np.hanning(side)[:, None] * np.hanning(side)
    centred = images - images.mean((1, 2), keepdims=True, dtype=np.float64)
    found: Transforms = np.fft.fft2(centred * window)
    return found


def _sums(one: Transforms, other: Transforms) -> Floats:
    """Re Σ A·conj(B) over each ring, and over places."""
    return _by_ring((one * other.conj()).real.sum(0))


def _by_ring(values: Floats) -> Floats:
    ring, side = _rings(len(values)), len(values)
    sums = np.bincount(ring.ravel(), values.ravel())[: side // (2 * RING)]
    return sums.astype(np.float64)


def _means(values: Floats) -> Floats:
    return _by_ring(values) / _counts(len(values))


def _counts(side: int) -> Floats:
    return _by_ring(np.ones((side, side)))


def _rings(side: int) -> NDArray[np.int64]:
    return (_radius(side) * side / RING).astype(np.int64)


def _radius(side: int) -> Floats:
    """Frequency of each value of a transform, in cycles per pixel."""
    along = np.fft.fftfreq(side)
    radius: Floats = np.hypot(along[:, None], along)
    return radius

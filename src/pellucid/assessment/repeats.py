"""Two frames of one place: the error of a result without its truth, and without any model of the noise.

x and y are frames of the same specimen s whose noise is independent and of mean 0, d is the result of x. Since y and
what is random in d are independent,

    mean (d − s)² = mean (d² − 2·d·y + x·y)

which is the squared difference of d and y less the noise of y. The same is done the other way round, and both are
averaged: no strength of the noise need be known, nor the same in both frames. Brightness that differs between the
frames is taken out before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pellucid.assessment.alignment import shift_between
from pellucid.assessment.fourier_rings import Rings, ring_correlations
from pellucid.assessment.places import common_side, cut_places
from pellucid.assessment.planted import Denoise
from pellucid.assessment.pseudo_pairs import CROPS, SMALLEST, Images
from pellucid.assessment.quality import DATA_RANGE, HIGHEST
from pellucid.assessment.squares import square_means
from pellucid.data.intensity_range import IntensityRange
from pellucid.data.sample import evenly_spaced
from pellucid.errors import InputError
from pellucid.evaluation import match_planes
from pellucid.evaluation.interval import Interval, mean_with_interval
from pellucid.io.image import Plane

PART = 128
"""Side of the squares over which the interval is taken, in pixels."""
SHIFTED = 0.75
"""Shift in pixels from which frames are refused; from `TOLD` on it is told."""
TOLD = 0.5


class Frames(NamedTuple):
    """Two frames of N places, (N, side, side) each, in units of [−1, 1].

    Attributes:
        first: of the noisy images.
        second: their repeats, as bright on average as the first of the same image.
        brighter: by how much the second frames were brighter, on average over images.
        shift: the largest shift between the frames of an image, in pixels.
    """

    first: Images
    second: Images
    brighter: float
    shift: float


@dataclass(frozen=True)
class MeasuredError:
    """The error of a denoiser as two frames tell it.

    Attributes:
        name: of the denoiser.
        squares: mean squared error of each part of the frames, in units of [−1, 1]; negative ones are chance.
    """

    name: str
    squares: NDArray[np.float64]

    @cached_property
    def mean_square(self) -> Interval:
        """Mean squared error, with its interval over parts."""
        return mean_with_interval(self.squares)

    @property
    def psnr(self) -> Interval:
        """The same as PSNR in dB of the intensity range from black to white."""
        mean, low, high = self.mean_square
        return Interval(_psnr(mean), None if high is None else _psnr(high), None if low is None else _psnr(low))

    def is_better_than(self, other: MeasuredError) -> bool:
        """Whether the error is smaller on the same frames, beyond chance."""
        low = mean_with_interval(other.squares - self.squares).low
        return low is not None and low > 0


@dataclass(frozen=True)
class Repeats:
    """What two frames of each place tell.

    Attributes:
        noisy: error of the noisy frames themselves.
        denoised: error of the model.
        filters: error of filters.
        brighter: by how much the second frames are brighter than the first.
        change: by how much the results are brighter than the frames.
        shift: the largest shift between the frames of an image that was accepted, in pixels.
        rings: correlation of the frames and of the results by fineness.
        places: number of places that were compared.
    """

    noisy: MeasuredError
    denoised: MeasuredError
    filters: Sequence[MeasuredError]
    brighter: float
    change: float
    shift: float
    rings: Rings
    places: int

    @property
    def shifted(self) -> bool:
        """Whether the frames are shifted by so much that it counts as an error of fine detail."""
        return self.shift >= TOLD


def read_frames(noisy: Sequence[Plane], repeats: Sequence[Plane], intensity_range: IntensityRange) -> Frames:
    """Read the same places of noisy images and of their repeats.

    Args:
        noisy: planes of noisy images.
        repeats: planes of second frames, of the same names or in the same order.
        intensity_range: of both.

    Raises:
        InputError: numbers, names, pixel types or sizes that do not match, images that are too small, equal frames, or
            frames that are shifted or show different places.
    """
    pairs = match_planes(noisy, repeats, ("noisy image", "repeat"))
    for one, other in pairs:
        if one.shape != other.shape or one.dtype != other.dtype:
            raise InputError(
                f"{other.name}: has {_described(other)}, but {one.name} has {_described(one)}: give a second frame of "
                "the same place, taken and saved in the same way"
            )
    large = [pair for pair in pairs if min(pair[0].shape) >= SMALLEST]
    chosen = [large[number] for number in evenly_spaced(len(large), CROPS)] if large else []
    side = common_side([plane for plane, _ in chosen]) if chosen else None
    found = [
        _frames(one, other, places)
        for one, other in chosen
        if side is not None
        if (places := cut_places((one, other), side, -(-CROPS // len(chosen)), intensity_range))
    ]
    if not found:
        raise InputError(
            f"{pairs[0][0].name}: no square of {SMALLEST} pixels without padding in both frames: give larger ones"
        )
    return Frames(
        np.concatenate([each.first for each in found]),
        np.concatenate([each.second for each in found]),
        float(np.mean([each.brighter for each in found])),
        max(each.shift for each in found),
    )


def measure_repeats(frames: Frames, denoise: Denoise, name: str, filters: Mapping[str, Denoise]) -> Repeats:
    """Measure the error of a model and of filters on two frames of each place.

    Args:
        frames: of N places.
        denoise: the model.
        name: of the model.
        filters: by name.
    """
    both = frames.first, frames.second
    denoised = denoise(both[0]), denoise(both[1])
    return Repeats(
        noisy=MeasuredError("noisy", _squares(both, both)),
        denoised=MeasuredError(name, _squares(both, denoised)),
        filters=[
            MeasuredError(each, _squares(both, (apply(both[0]), apply(both[1])))) for each, apply in filters.items()
        ],
        brighter=frames.brighter,
        change=float(np.mean([after.mean() - before.mean() for before, after in zip(both, denoised, strict=True)])),
        shift=frames.shift,
        rings=ring_correlations(both, denoised),
        places=len(frames.first),
    )


def _frames(one: Plane, other: Plane, places: Sequence[Images]) -> Frames:
    """The frames of one image, if they show the same place."""
    first, second = (np.stack([place[number] for place in places]) for number in (0, 1))
    if np.array_equal(first, second):
        raise InputError(f"{other.name}: has the same pixels as {one.name}: give another frame of the same place")
    shift = shift_between(first, second)
    if not shift.clear:
        raise InputError(
            f"{other.name}: shows nothing in common with {one.name}: give a second frame of the same place (or the "
            "noise hides all structure)"
        )
    if shift.size >= SHIFTED:
        raise InputError(
            f"{other.name}: is shifted against {one.name} by {shift.down:.1f} pixels down and {shift.right:.1f} to the "
            "right: align the frames first"
        )
    brighter = float(second.mean(dtype=np.float64) - first.mean(dtype=np.float64))
    return Frames(first, second - np.float32(brighter), brighter, shift.size)


def _squares(frames: tuple[Images, Images], results: tuple[Images, Images]) -> NDArray[np.float64]:
    """Mean squared error of the results in each part of the frames."""
    x, y, d, e = (images.astype(np.float64) for images in (*frames, *results))
    return _parts((d**2 - 2 * d * y + e**2 - 2 * e * x) / 2 + x * y)


def _parts(images: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means over squares of `PART` pixels, or over the whole if it is smaller."""
    return square_means(images, min(PART, images.shape[-1])).ravel()


def _psnr(mean_square: float) -> float:
    return min(10 * float(np.log10(DATA_RANGE**2 / max(mean_square, 1e-30))), HIGHEST)


def _described(plane: Plane) -> str:
    return f"{plane.shape[0]}×{plane.shape[1]} pixels of {plane.dtype.name}"

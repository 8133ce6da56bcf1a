"""Flicker: what a denoiser changes from section to section although the noisy images do not change so.

For each section are measured its mean brightness, its contrast and the brightness of its places. Specimens
change too: milling steps, charging, drift. Therefore the change of the result from one section to the next is compared
with that of the noisy image, and only what does not follow it counts:

    added = change of the result − slope · change of the noisy image

with the slope that leaves least. A denoiser that evens out such changes has a slope near 0, and adds nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pellucid.assessment.places import common_side, cut_places
from pellucid.assessment.planted import Denoise
from pellucid.assessment.pseudo_pairs import Images
from pellucid.assessment.removed import correlation
from pellucid.assessment.squares import square_means
from pellucid.assessment.tone import PLACE
from pellucid.blockwise.z_series import ZSeries
from pellucid.data.intensity_range import IntensityRange
from pellucid.io.image import Plane

Floats = NDArray[np.float64]

SECTIONS = 12
"""Number of neighbouring sections that are compared."""
FEWEST = 4
SAME = 0.3
"""Correlation of the places of neighbours from which they show the same structures."""
BRIGHTNESS = 0.02
"""Added change of mean brightness, in units of [−1, 1], from which it is told. Of results that are steady, on a phantom
volume with many seeds of the noise, it is at most 0.014 (`performance/flicker.py`)."""
BY_CHANCE = 3
"""Multiple of the change of brightness by the noise alone that counts as chance: at most 1.9 in the same results."""
CONTRAST = 0.1
"""Added relative change of contrast from which it is told: in the same results at most 0.071, beside charging; without
it 0.014."""


@dataclass(frozen=True)
class Change:
    """Root mean square of the change of something from section to section.

    Attributes:
        noisy: in the noisy images.
        denoised: in the results.
        added: in the results, without what follows that of the noisy images.
    """

    noisy: float
    denoised: float
    added: float


@dataclass(frozen=True)
class Flicker:
    """What changes from section to section; intensities in units of [−1, 1].

    Attributes:
        sections: number of neighbours that were compared.
        alike: correlation of their places: how much of the structure goes through.
        brightness: of the mean of each section.
        contrast: of the standard deviation of its places, relative.
        places: of the brightness of places of 16 pixels; structure changes it too, so that nothing follows from it.
        noise: standard deviation of what is removed.
        by_chance: change of mean brightness that the noise alone makes.
    """

    sections: int
    alike: float
    brightness: Change
    contrast: Change
    places: Change
    noise: float
    by_chance: float

    @property
    def known(self) -> bool:
        """Whether neighbours show the same structures, so that changes between them tell something."""
        return self.alike >= SAME

    @property
    def in_brightness(self) -> bool:
        """Whether the brightness flickers so that it is seen, and not by chance."""
        return self.known and self.brightness.added > max(BRIGHTNESS, BY_CHANCE * self.by_chance)

    @property
    def in_contrast(self) -> bool:
        """Whether the contrast flickers so that it is seen."""
        return self.known and self.contrast.added > CONTRAST


def neighbours(planes: Sequence[Plane]) -> list[Plane]:
    """Neighbouring sections of one shape from the middle of the longest series; fewer than `FEWEST` if there is none.

    Series go along Z, else T, else from image to image.
    """
    images = list({id(plane.image): plane.image for plane in planes}.values())
    longest = max(ZSeries(images).planes, key=len)
    found = [images[image].planes[plane] for image, plane in longest.tolist()]
    first = (len(found) - min(len(found), SECTIONS)) // 2
    middle = found[first : first + SECTIONS]
    return [plane for plane in middle if plane.shape == middle[len(middle) // 2].shape]


def measure_flicker(sections: Sequence[Plane], intensity_range: IntensityRange, denoise: Denoise) -> Flicker | None:
    """Denoise a place of neighbouring sections, and compare the changes between them.

    Args:
        sections: in order, of one shape.
        intensity_range: that is scaled to [−1, 1].
        denoise: the denoiser.

    Returns:
        None if there are too few sections, they are too small, or padding is everywhere.
    """
    side = common_side(sections) if len(sections) >= FEWEST else None
    places = cut_places(sections, side, 1, intensity_range) if side is not None else []
    return flicker_of(places[0], denoise(places[0])) if places else None


def flicker_of(noisy: Images, denoised: Images) -> Flicker:
    """Compare the changes between neighbouring sections (N, Y, X), before and after denoising."""
    before, after = _places(noisy), _places(denoised)
    removed = noisy.astype(np.float64) - denoised
    chance = _places(removed) - removed.mean((1, 2))[:, None]
    return Flicker(
        sections=len(noisy),
        alike=float(np.median([correlation(one, other) for one, other in pairwise(before)])),
        brightness=_change(before.mean(1), after.mean(1)),
        contrast=_change(*(np.log(np.maximum(places.std(1), 1e-6)) for places in (before, after))),
        places=_change(before, after),
        noise=float(removed.std()),
        by_chance=float(np.sqrt(2 * chance.var(1).mean() / before.shape[1])),
    )


def _change(noisy: Floats, denoised: Floats) -> Change:
    """Changes along the first axis."""
    one, other = np.diff(noisy, axis=0), np.diff(denoised, axis=0)
    power = float((one**2).sum())
    slope = max(float((one * other).sum()) / power, 0.0) if power > 0 else 0.0
    free = max(1.0, one.size - 1.0) / one.size
    added = np.sqrt(((other - slope * one) ** 2).mean() / free)
    return Change(float(np.sqrt((one**2).mean())), float(np.sqrt((other**2).mean())), float(added))


def _places(images: Images | Floats) -> Floats:
    """Brightness of places of `PLACE` pixels, (N, places)."""
    return square_means(images.astype(np.float64), PLACE).reshape(len(images), -1)

"""Clipped noise: pixels at the lowest or the highest value that lie scattered among others.

Where the range of a detector or a file ends, noise is cut off on one side: the mean of the pixels is no longer the
brightness of the specimen, and what lay beyond is lost. Areas of one value are something else: canvas, masks,
saturated structure; only their outlines could be taken for clipped noise, so that pixels within them do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pellucid.data.crops import crops_of
from pellucid.io.image import Plane
from pellucid.io.layout import Array

Values = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

LEAST = 0.01
"""Share of clipped pixels that matters. Where the truth is at the end of the range, half of the noise is clipped, and
the mean moves by 0.4 σ: below this share, that is less than 2 % of the area."""
_BROKEN = 0.001
"""Share of pixels at each end that may be dead, hot or hit by a ray, and lie beyond the value noise is clipped at."""
_NEXT_LEVELS = 1 / 128
_PROMINENT = 3.0
_AROUND = 8
"""Pixels this close to padding may belong to its border, to letters or to a scale bar."""


class Clipping(NamedTuple):
    """Clipped noise of some images.

    Attributes:
        black, white: share of the pixels that are clipped at each end.
        lowest, highest: the values there, in the units of the pixels; None if nothing is clipped, or at several values.
    """

    black: float = 0.0
    white: float = 0.0
    lowest: float | None = None
    highest: float | None = None

    @property
    def matters(self) -> bool:
        """Whether enough pixels are clipped to change the brightness of a part of the image."""
        return max(self.black, self.white) > LEAST

    @property
    def text(self) -> str:
        """What is clipped, what follows, and what to do, in one line; only if it matters."""
        ends = [
            f"{100 * share:.1f} % of the pixels at {end if value is None else f'{value:g} ({end})'}"
            for share, value, end in ((self.black, self.lowest, "black"), (self.white, self.highest, "white"))
            if share > LEAST
        ]
        return (
            f"the noise is clipped, {' and '.join(ends)}: what lay beyond cannot be restored, noise goes one way only "
            "there, and results may be too bright or too dark in such places; use the originals from before the "
            "contrast was stretched, or record with another offset or a lower gain"
        )


class _End(NamedTuple):
    """One end of the range of a crop: how many of how many pixels are clipped, and at which value."""

    clipped: int
    pixels: int
    value: float


def clipping_of(planes: Sequence[Plane] | Sequence[Array]) -> Clipping:
    """Measure a few crops of (Y, X) planes of any dtype, without padding and what is close to it."""
    crops = [(image, _far_from_padding(valid)) for image, valid in crops_of(planes)]
    crops = [(image, valid) for image, valid in crops if valid.any() and np.ptp(image[valid]) > 0]
    black, lowest = _summary([_scattered(image, valid) for image, valid in crops])
    white, highest = _summary([_scattered(-image, valid) for image, valid in crops])
    return Clipping(black, white, lowest, None if highest is None else -highest)


def share_of_lowest(values: Values) -> float:
    """The share of the lowest value if it stands out from those just above it, else 0.

    The lowest value is that of more than a few broken pixels. Small counts, of which each value is a level of its own,
    stand out only if there are more at the lowest than the fall of the next levels lets expect.
    """
    lowest, highest = _lowest(values), -_lowest(-values)
    at = int(np.count_nonzero(values == lowest))
    above = values[values > lowest]
    near = int(np.count_nonzero(above <= lowest + _NEXT_LEVELS * (highest - lowest)))
    return at / values.size if at > _PROMINENT * max(near, _expected(above)) else 0.0


def _expected(above: Values) -> float:
    """How many pixels the next two levels let expect at the level below them; all if there are fewer levels."""
    if not above.size or above.min() == above.max():
        return float("inf")
    first = above.min()
    second = above[above > first].min()
    once, twice = np.count_nonzero(above == first), np.count_nonzero(above == second)
    return float(once * max(1.0, once / twice))


def _lowest(values: Values) -> float:
    """The lowest value but for those of a few broken pixels."""
    number = int(_BROKEN * values.size)
    return float(np.partition(values, number)[number])


def _scattered(image: Values, valid: Mask) -> _End:
    """Pixels of the lowest value, if it stands out, of which not all neighbours have it as well."""
    values = image[valid]
    lowest = _lowest(values)
    if not share_of_lowest(values):
        return _End(0, values.size, lowest)
    clipped = valid & (image == lowest)
    return _End(int(np.count_nonzero(clipped & ~_within(clipped))), values.size, lowest)


def _summary(ends: Sequence[_End]) -> tuple[float, float | None]:
    """The share of all pixels that are clipped, and the value, if crops in which it matters agree on one."""
    if not ends:
        return 0.0, None
    values = {end.value for end in ends if end.clipped > LEAST * end.pixels}
    return sum(end.clipped for end in ends) / sum(end.pixels for end in ends), values.pop() if len(
        values
    ) == 1 else None


def _far_from_padding(valid: Mask) -> Mask:
    """The valid pixels that are not close to invalid ones."""
    if not valid.all():
        for _ in range(_AROUND):
            valid = _within(valid)
    return valid


def _within(area: Mask) -> Mask:
    """Pixels of which all neighbours belong to the area as well; beyond the border of the image everything does."""
    wide = np.pad(area, 1, constant_values=True)
    rows = wide[:-2] & wide[1:-1] & wide[2:]
    within: Mask = rows[:, :-2] & rows[:, 1:-1] & rows[:, 2:]
    return within

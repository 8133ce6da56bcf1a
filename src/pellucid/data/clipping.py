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
PADDED = 0.01
"""Share of padding beyond which extremes may be its border, letters or scale bars."""
_NEXT_LEVELS = 1 / 128
_PROMINENT = 3.0


class Clipping(NamedTuple):
    """Clipped noise of some images.

    Attributes:
        black, white: share of the pixels that are clipped at each end.
        lowest, highest: the values there, in the units of the pixels.
    """

    black: float = 0.0
    white: float = 0.0
    lowest: float = 0.0
    highest: float = 0.0

    @property
    def matters(self) -> bool:
        """Whether enough pixels are clipped to change the brightness of a part of the image."""
        return max(self.black, self.white) > LEAST

    @property
    def text(self) -> str:
        """What is clipped, what follows, and what to do, in one line; only if it matters."""
        ends = [
            f"{100 * share:.1f} % of the pixels at {value:g} ({end})"
            for share, value, end in ((self.black, self.lowest, "black"), (self.white, self.highest, "white"))
            if share > LEAST
        ]
        return (
            f"the noise is clipped, {' and '.join(ends)}: what lay beyond cannot be restored, noise goes one way only "
            "there, and results may be too bright or too dark in such places; use the originals from before the "
            "contrast was stretched, or record with another offset or a lower gain"
        )


def clipping_of(planes: Sequence[Plane] | Sequence[Array]) -> Clipping:
    """Measure a few crops of (Y, X) planes of any dtype; nothing counts as clipped if more than 1 % is padding."""
    crops = [crop for crop in crops_of(planes) if np.ptp(crop[0]) > 0]
    if not crops or np.mean([valid.mean() for _, valid in crops]) < 1 - PADDED:
        return Clipping()
    return Clipping(
        black=float(np.mean([_scattered(image, valid) for image, valid in crops])),
        white=float(np.mean([_scattered(-image, valid) for image, valid in crops])),
        lowest=float(min(image.min() for image, _ in crops)),
        highest=float(max(image.max() for image, _ in crops)),
    )


def share_of_lowest(values: Values) -> float:
    """The share of the lowest value if it stands out from those just above it, else 0."""
    lowest, highest = values.min(), values.max()
    at = float(np.mean(values == lowest))
    above = (values > lowest) & (values <= lowest + _NEXT_LEVELS * (highest - lowest))
    return at if at > _PROMINENT * float(np.mean(above)) else 0.0


def _scattered(image: Values, valid: Mask) -> float:
    """The share of pixels of the lowest value, if it stands out, of which not all neighbours have it as well."""
    if not share_of_lowest(image[valid]):
        return 0.0
    lowest = valid & (image == image[valid].min())
    return float(np.mean((lowest & ~_within(lowest))[valid]))


def _within(area: Mask) -> Mask:
    """Pixels of which all neighbours belong to the area as well; beyond the border of the image everything does."""
    wide = np.pad(area, 1, constant_values=True)
    rows = wide[:-2] & wide[1:-1] & wide[2:]
    within: Mask = rows[:, :-2] & rows[:, 1:-1] & rows[:, 2:]
    return within

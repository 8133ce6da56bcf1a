"""Parts of images that are kept from a training, so that something is left to judge it by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pellucid.data.sample import evenly_spaced
from pellucid.io.image import Plane
from pellucid.io.layout import Array

SHARE = 8
"""One in so many planes is held out whole; of fewer planes this share of each."""
MOST = 8
"""Largest number of planes that are held out."""
LEAST = 64
"""Smallest height of a part, in rows."""


class PlanePart(Plane):
    """Some rows of a plane, as a plane."""

    __slots__ = ("rows", "whole")

    def __init__(self, plane: Plane, rows: slice) -> None:
        super().__init__(plane.image, plane.index)
        self.whole, self.rows = plane, rows

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X) in pixels."""
        return self.rows.stop - self.rows.start, self.whole.shape[1]

    def __getitem__(self, window: tuple[slice, slice]) -> Array:
        start, stop, step = window[0].indices(self.shape[0])
        rows = slice(self.rows.start + start, self.rows.start + max(start, stop), step)
        return self.whole[rows, window[1]]


class Split(NamedTuple):
    """Planes to learn from, and those that are held out; the latter are empty if there is too little."""

    kept: Sequence[Plane]
    held: Sequence[Plane]


def hold_out(planes: Sequence[Plane], slices: int = 1) -> Split:
    """Hold out an eighth: whole planes if there are eight and more, else the last rows of each.

    Planes of the same number and shapes are split alike, so pairs stay pairs. Where several slices are seen at once,
    the planes that are held out are neighbours, the last ones: so stacks end where they begin, and none has a slice of
    the other part.
    """
    if len(planes) >= SHARE:
        count = min(len(planes) // SHARE, MOST)
        last = range(len(planes) - max(count, min(slices, len(planes) // 2)), len(planes))
        held = set(evenly_spaced(len(planes), count) if slices == 1 else last)
        numbers = range(len(planes))
        return Split([planes[n] for n in numbers if n not in held], [planes[n] for n in sorted(held)])
    heights = [plane.shape[0] for plane in planes]
    if min(heights) < SHARE * LEAST:
        return Split(planes, [])
    cuts = [height - height // SHARE for height in heights]
    return Split(
        [PlanePart(plane, slice(0, cut)) for plane, cut in zip(planes, cuts, strict=True)],
        [PlanePart(plane, slice(cut, h)) for plane, cut, h in zip(planes, cuts, heights, strict=True)],
    )

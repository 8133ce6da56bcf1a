"""Places of neighbouring slices, for a denoiser that sees several at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.assessment.places import common_side, cut_places
from pellucid.assessment.pseudo_pairs import CROPS, Image, Stack, read_crops
from pellucid.data.intensity_range import IntensityRange
from pellucid.data.neighbours import have_neighbours, neighbours_among
from pellucid.data.sample import evenly_spaced
from pellucid.errors import InputError
from pellucid.io.image import Plane


def read_seen(planes: Sequence[Plane], intensity_range: IntensityRange, slices: int) -> Sequence[Image | Stack]:
    """Some crops of planes as a denoiser sees them, in [−1, 1]: images, or stacks of so many slices.

    Raises:
        InputError: they show nothing but padding, cannot be read, or have no neighbours where slices are seen.
    """
    return read_crops(planes, intensity_range) if slices == 1 else read_stacks(planes, intensity_range, slices)


def read_stacks(planes: Sequence[Plane], intensity_range: IntensityRange, slices: int) -> list[Stack]:
    """Squares of some planes with those before and after, (slices, side, side) in [−1, 1].

    Raises:
        InputError: no plane has a neighbour, or none a place without padding.
    """
    if not have_neighbours(planes):
        raise InputError(
            f"{planes[0].name}: has no neighbouring slices, of which this model sees {slices}: give a volume, or a "
            "folder of slices in their order"
        )
    around = neighbours_among(planes, slices)
    whole = around[(np.diff(around, axis=1) != 0).all(1)]  # without those at the ends of a stack, if there are others
    rows = whole if len(whole) else around
    chosen = [[planes[number] for number in rows[at]] for at in evenly_spaced(len(rows), CROPS)]
    side = common_side([plane for stack in chosen for plane in stack])
    each = -(-CROPS // len(chosen))
    found = [place for stack in chosen if side for place in cut_places(stack, side, each, intensity_range)]
    if not found:
        raise InputError(f"{planes[0].name}: no square of 64 pixels is without padding in {slices} slices: give others")
    return [np.clip(place, -1, 1) for place in found]

"""Whether the slices of images are close enough for a denoiser that sees neighbours to gain from them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from pellucid.data.neighbours import have_neighbours, neighbours_among
from pellucid.data.padding import is_valid
from pellucid.data.sample import evenly_spaced
from pellucid.errors import InputError
from pellucid.io.image import Plane

ALIKE = 0.75
"""Correlation of neighbouring slices below which little is gained by them."""
NOISY_ALIKE = 0.55
"""Likewise for what is measured in noisy ones: of the phantom, it is as far apart."""
LOOKED_AT = 8
"""Number of places along Z at which slices are compared."""
SIDE = 512
"""Largest side of what is compared, in pixels."""
BACKGROUND = 31
"""Side of the squares whose mean is taken from a pixel: shading goes through all slices and is no structure."""
FEWEST, SURE = 3, 3.0
"""Places that must be compared, and the covariance of noisy slices, in its standard errors, that is not by chance."""

Triple = Sequence[NDArray[np.float64]]
"""The middle parts of three slices that follow one another."""


def check_slices(planes: Mapping[str, Sequence[Plane]], slices: int) -> list[str]:
    """What to say of the slices of a training's images, a line each.

    Args:
        planes: of each kind: "noisy", and "clean" or "pairs".
        slices: how many are seen at once.

    Raises:
        InputError: several are seen, but none of the images has a neighbour.
    """
    if slices == 1:
        return []
    found = []
    for kind, of_kind in planes.items():
        if not have_neighbours(of_kind):
            raise InputError(
                f"slices={slices}: the {kind} images have no neighbouring slices ({of_kind[0].name}): give volumes, or "
                "slices of one shape in the order of their names, or leave out slices"
            )
        far = _noisy_are_far(of_kind) if kind == "noisy" else _are_far(of_kind)
        if far:
            found.append(
                f"slices={slices}: neighbouring slices of the {kind} images hardly correlate: below about 0.8, without "
                "noise, nothing is gained, and results may be worse than with slices=1; are they slices of one volume, "
                "in their order, and not too far apart?"
            )
    return found


def _are_far(planes: Sequence[Plane]) -> bool:
    alike = _likeness(planes)
    return alike is not None and alike < ALIKE


def _noisy_are_far(planes: Sequence[Plane]) -> bool:
    alike = _noisy_likeness(planes)
    return alike is not None and alike < NOISY_ALIKE


def _likeness(planes: Sequence[Plane]) -> float | None:
    """The median correlation of neighbouring slices, of images without noise; None if none has structure."""
    found = [float(np.corrcoef(one.ravel(), other.ravel())[0, 1]) for one, other, _ in _triples(planes)]
    return float(np.median(found)) if found else None


def _noisy_likeness(planes: Sequence[Plane]) -> float | None:
    """The covariance of noisy slices two apart, divided by that of neighbours; 0 if these have nothing in common.

    Noise is independent in each slice: it lowers how slices correlate, but not their covariance.
    """
    near, far = [], []
    for triple in _triples(planes):
        one, other, third = (each - uniform_filter(each, BACKGROUND) for each in triple)
        near.append(float((one * other).mean() + (other * third).mean()) / 2)
        far.append(float((one * third).mean()))
    if len(near) < FEWEST:
        return None
    chance = float(np.std(near, ddof=1)) / math.sqrt(len(near))
    return float(np.mean(far) / np.mean(near)) if np.mean(near) > SURE * chance else 0.0


def _triples(planes: Sequence[Plane]) -> list[Triple]:
    """The middles of some triples of slices; those with padding are left out."""
    around = neighbours_among(planes, 3)
    whole = around[(np.diff(around, axis=1) != 0).all(1)]
    rows = [whole[at] for at in evenly_spaced(len(whole), LOOKED_AT)] if len(whole) else []
    triples = [[_middle(planes[number]) for number in row] for row in rows]
    return [[each.astype(np.float64) for each in triple] for triple in triples if all(map(_shows, triple))]


def _middle(plane: Plane) -> NDArray[np.generic]:
    top, left = (max(0, (size - SIDE) // 2) for size in plane.shape)
    return plane[top : top + SIDE, left : left + SIDE]


def _shows(pixels: NDArray[np.generic]) -> bool:
    """Whether all is image."""
    return bool(is_valid(pixels).all())

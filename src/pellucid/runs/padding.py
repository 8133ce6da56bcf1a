"""Where the images of a training are padding or hold no numbers, so that no patch is cut that shows much of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.data.padding import Mask, is_valid
from pellucid.data.patches import Coverage, Patches
from pellucid.errors import InputError
from pellucid.io.image import Plane
from pellucid.launch import leads
from pellucid.report import terminal

Covers = dict[int, list[Coverage]]
"""By number of the image; those without padding are not in it."""


def covers_of(
    planes: Mapping[str, Sequence[Plane]], images: Mapping[str, Sequence[Any]], patch: int
) -> dict[str, Covers]:
    """What knows of the padding in the images of each kind; pairs are cut where both are image.

    Args:
        planes: of each kind.
        images: the same, held ready.
        patch: side of the patches that will be cut.
    """
    covers = {kind: _cover(kind, planes[kind], images[kind], patch) for kind in images}
    if "pairs" in covers:
        noisy, pairs = covers["noisy"], covers["pairs"]
        both = {number: noisy.get(number, []) + pairs.get(number, []) for number in noisy.keys() | pairs.keys()}
        covers["noisy"] = covers["pairs"] = both
    return covers


def refuse_covered(patches: Mapping[str, Patches], planes: Mapping[str, Sequence[Plane]]) -> None:
    """Raise InputError if there is no place for a patch of some kind."""
    for kind, of_a_kind in patches.items():
        if not of_a_kind.positions.exist:
            raise InputError(
                f"{planes[kind][0].image.path}: in the {kind} images no square of {of_a_kind.size} pixels is free "
                "enough of padding (areas of one value) and of what is no number: crop the images, or take smaller "
                "patches (--set patch=...)"
            )


def _cover(kind: str, planes: Sequence[Plane], images: Sequence[Any], patch: int) -> Covers:
    covers: Covers = {}
    padded = 0
    for number, (plane, image) in enumerate(zip(planes, images, strict=True)):
        valid = _valid(plane, image)
        if not valid.all():
            covers[number] = [Coverage(~valid, patch)]
            padded += int((~valid).sum())
    if padded and leads():
        share = 100 * padded / sum(image.size for image in images)
        terminal.warn(
            f"{kind} images: {share:.3g} % of all pixels are padding (areas of one value: canvas, bars) or no numbers, "
            f"in {len(covers)} of {len(images)}: no patch is cut that shows much of it"
        )
    return covers


def _valid(plane: Plane, image: Any) -> Mask:
    """Where an image shows something; masks are lost where it is held."""
    return is_valid(plane.read() if np.ma.isMaskedArray(plane[:1, :1]) else image)

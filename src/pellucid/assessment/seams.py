"""Seams of tiles: how much steeper an image is across the borders of tiles than at the same places without borders.

Images that do not fit into memory are denoised in tiles. The same image is denoised in tiles and as a whole; a denoiser
that is never shown more than a square, in squares that lie elsewhere. So edges of the specimen are no seams.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pellucid.assessment.pseudo_pairs import Image
from pellucid.inference import affordable_side, denoise_plane
from pellucid.methods import Denoiser

TILE = 128
"""Side of the tiles, in pixels, unless the images are smaller: smaller ones than those of a run, so more borders."""
LOOKED_AT = 2
"""Number of images that are denoised once more."""
RATIO = 1.03
"""Steps across borders, as a multiple of those without them, from which a seam is told."""
STEP = 0.01
"""Likewise the step that the borders add, in units of [−1, 1]: half a per cent of the distance from black to white."""


@dataclass(frozen=True)
class Seams:
    """What tiles do to a result.

    Attributes:
        side: of the tiles, in pixels.
        ratio: mean step from pixel to pixel across their borders, divided by that elsewhere, relative to the same
            without borders there; 1 if there are no seams.
        step: mean absolute step that the borders add, in units of [−1, 1].
    """

    side: int
    ratio: float
    step: float

    @property
    def visible(self) -> bool:
        """Whether a grid may be seen."""
        return self.ratio > RATIO or self.step > STEP


def measure_seams(denoiser: Denoiser, noisy: Sequence[Image]) -> Seams | None:
    """Compare tiles with what has no borders at their places.

    Args:
        denoiser: in evaluation mode.
        noisy: images in [−1, 1]; the largest are used.

    Returns:
        None if the method takes images only as a whole, or all are too small to be cut.
    """
    images = sorted(noisy, key=np.size, reverse=True)[:LOOKED_AT]
    side = _side(denoiser, images)
    if side is None:
        return None
    with_borders, without = [], []
    for image in images:
        margin = side // 2 if denoiser.window else 0
        rest = image[margin:, margin:]
        with_borders.append(_Steps(_in_tiles(denoiser, image, side)[margin:, margin:], side, margin))
        without.append(_Steps(denoise_plane(denoiser, rest, math.inf).image, side, margin))
    added = [each.at - other.at for each, other in zip(with_borders, without, strict=True)]
    return Seams(
        side,
        _ratio(with_borders) / max(_ratio(without), 1e-9),
        float(np.abs(np.concatenate(added)).mean()),
    )


def _side(denoiser: Denoiser, images: Sequence[Image]) -> int | None:
    """Side of tiles of which each image has several; None if there are none."""
    if not images or not denoiser.networks() or denoiser.whole:
        return None
    smallest = min(min(image.shape) for image in images)
    side = denoiser.square((smallest, smallest))
    if side is None:
        wanted = min(TILE, smallest // 2) // denoiser.stride * denoiser.stride
        side = affordable_side(denoiser, _memory(denoiser, wanted))
    return side if smallest >= 1.5 * side else None


def _memory(denoiser: Denoiser, side: int) -> float:
    """Bytes that a tile of this side takes with its halo."""
    return denoiser.bytes_per_pixel * (side + 2 * denoiser.halo) ** 2


def _in_tiles(denoiser: Denoiser, image: Image, side: int) -> Image:
    memory = math.inf if denoiser.window else min(_memory(denoiser, side), denoiser.bytes_per_pixel * (image.size - 1))
    return denoise_plane(denoiser, image, memory).image


class _Steps:
    """Steps from pixel to pixel, down and to the right.

    Args:
        image: (Y, X).
        side: of the tiles.
        start: row and column of the first pixel, counted from a border of tiles.

    Attributes:
        at: steps across the borders of tiles.
        elsewhere: mean absolute step.
    """

    def __init__(self, image: Image, side: int, start: int) -> None:
        at: list[NDArray[np.float64]] = []
        rest: list[NDArray[np.float64]] = []
        for plane in (image.astype(np.float64), image.T.astype(np.float64)):
            steps = np.diff(plane, axis=0)
            border = (np.arange(1, len(plane)) + start) % side == 0
            at.append(steps[border].ravel())
            rest.append(np.abs(steps[~border]).ravel())
        self.at = np.concatenate(at)
        self.elsewhere = float(np.concatenate(rest).mean())


def _ratio(steps: Sequence[_Steps]) -> float:
    across = float(np.mean([np.abs(each.at).mean() for each in steps]))
    return across / max(float(np.mean([each.elsewhere for each in steps])), 1e-9)

"""A plane as the networks see it, read piece by piece: in [−1, 1], and mirrored up to a multiple of their stride.

Invalid pixels (padding, not-a-number, masked) are middle grey to the networks and are excluded from all statistics.
A denoiser that sees slices is shown the planes before and after too; where one of these is invalid, the plane itself
takes its place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.data.intensity_range import IntensityRange
from pellucid.data.padding import HALO, Borders, Mask, is_valid
from pellucid.inference.tiles import Box
from pellucid.io.image import Plane
from pellucid.io.layout import Array
from pellucid.methods import Denoiser
from pellucid.methods.slices import slices_of

Unit = NDArray[np.float32]
"""Pixels (Y, X) scaled to [−1, 1], not clipped; masked and not-a-number pixels are not finite."""
Seen = tuple[Unit, Mask]
"""Pixels of a box, and which of them are valid."""
Look = Callable[[Box], Seen]
"""Reads a box within a plane."""
_SIDE = 1024
"""Side of the pieces in which a plane is searched for valid pixels."""


class Piece(NamedTuple):
    """Pixels of a box of a view.

    Attributes:
        pixels: (1, slices, h, w), in channels-last layout.
        valid: (1, 1, h, w), true where pixels are valid; None where they all are.
    """

    pixels: Tensor
    valid: Tensor | None


class View:
    """A plane of any size, of which only what is asked for is read.

    Args:
        shape: (Y, X) of the plane.
        stride: of the networks; `height` and `width` are multiples of it.
        looks: of the plane, or of it and its neighbours; the plane is in the middle.
        device: of the tensors.
    """

    def __init__(
        self, shape: tuple[int, int], stride: int, looks: Sequence[Look], device: torch.device | None = None
    ) -> None:
        self.shape = shape
        self.height, self.width = (-(-side // stride) * stride for side in shape)
        self._looks = looks
        self._look = looks[len(looks) // 2]
        self._device = device or torch.device("cpu")

    @classmethod
    def of_array(cls, unit: Unit, stride: int, device: torch.device | None = None, slices: int = 1) -> View:
        """A view of a whole plane (Y, X) in memory, scaled to [−1, 1], which is its own neighbours."""
        height, width = unit.shape
        look = _seen(unit, Box(0, height, 0, width), (height, width))
        return cls((height, width), stride, [look] * slices, device)

    @classmethod
    def of_part(
        cls,
        slices: Sequence[Array],
        at: Box,
        shape: tuple[int, ...],
        intensity_range: IntensityRange,
        denoiser: Denoiser,
    ) -> View:
        """A view of a plane of which a part is in memory; it is scaled, and its padding detected, once.

        Args:
            slices: the part of the plane and of its neighbours, the plane in the middle, each (Y, X). It reaches
                `HALO` pixels beyond what will be asked for.
            at: position of the part.
            shape: (Y, X) of the plane.
            intensity_range: of the pixels.
            denoiser: for which the view is.
        """
        height, width = shape
        looks = {  # a plane without neighbours is given several times
            id(pixels): _seen(normalize(pixels, intensity_range), at, (height, width)) for pixels in slices
        }
        return cls((height, width), denoiser.stride, [looks[id(pixels)] for pixels in slices], denoiser.device)

    @classmethod
    def of_plane(cls, plane: Plane, intensity_range: IntensityRange, denoiser: Denoiser) -> View:
        """A view of a plane in a file, which may be larger than memory, to measure; it is its own neighbours."""

        def look(box: Box) -> Seen:
            around = box.grown(HALO).common(Box(0, plane.shape[0], 0, plane.shape[1]))
            unit = normalize(plane[around.slices], intensity_range)
            return _seen(unit, around, plane.shape)(box)

        return cls(plane.shape, denoiser.stride, [look] * slices_of(denoiser), denoiser.device)

    @property
    def whole(self) -> Box:
        """The plane with what is mirrored."""
        return Box(0, self.height, 0, self.width)

    def __call__(self, box: Box) -> Tensor:
        """The pixels of a box, (1, slices, h, w), in channels-last layout."""
        return self.piece(box).pixels

    def piece(self, box: Box) -> Piece:
        """The pixels of a box, and which of them are valid."""
        there = Box(box.top, min(box.bottom, self.shape[0]), box.left, min(box.right, self.shape[1]))
        unit, valid = self._look(there)
        beyond = ((0, box.bottom - there.bottom), (0, box.right - there.right))
        shown = unit if valid.all() else np.where(valid, unit, np.float32(0))
        stack = [shown if look is self._look else _shown(look(there), shown) for look in self._looks]
        return Piece(self._tensor(stack, beyond), None if valid.all() else self._tensor([valid], beyond))

    def valid(self, box: Box) -> Mask:
        """Which pixels of a box within the plane are valid, (h, w)."""
        return self._look(box)[1]

    def is_blank(self) -> bool:
        """Whether no pixel of the plane is valid."""
        plane = Box(0, self.shape[0], 0, self.shape[1])
        return not any(self.valid(piece).any() for piece in plane.cut(_SIDE))

    def _tensor(self, slices: Sequence[NDArray[np.generic]], beyond: tuple[tuple[int, int], tuple[int, int]]) -> Tensor:
        padded = np.stack([np.pad(plane, beyond, mode="symmetric") for plane in slices])
        tensor = torch.from_numpy(padded).to(self._device)[None]
        return tensor.contiguous(memory_format=torch.channels_last)


def _shown(neighbour: Seen, plane: Unit) -> Unit:
    """A neighbour as the networks see it beside a plane."""
    unit, valid = neighbour
    return unit if valid.all() else np.where(valid, unit, plane)


def _seen(unit: Unit, at: Box, shape: tuple[int, int]) -> Look:
    """Reads boxes of a part of a plane, whose padding is detected once."""
    valid = is_valid(unit, Borders.of(*at.slices, shape))

    def look(box: Box) -> Seen:
        inner = box.within(at).slices
        return unit[inner], valid[inner]

    return look


def normalize(pixels: Array, intensity_range: IntensityRange) -> Unit:
    """Pixels scaled to [−1, 1]; masked pixels become not-a-number."""
    unit = intensity_range.normalize(np.ma.getdata(pixels))
    if np.ma.isMaskedArray(pixels):
        unit[np.ma.getmaskarray(pixels)] = np.nan
    return unit

"""A plane as the networks see it, read piece by piece: in [−1, 1], and mirrored up to a multiple of their stride.

Invalid pixels (padding, not-a-number, masked) are middle grey to the networks and are excluded from all statistics.
"""

from __future__ import annotations

from collections.abc import Callable
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

Unit = NDArray[np.float32]
"""Pixels (Y, X) scaled to [−1, 1], not clipped; masked and not-a-number pixels are not finite."""
Seen = tuple[Unit, Mask]
"""Pixels of a box, and which of them are valid."""
_SIDE = 1024
"""Side of the pieces in which a plane is searched for valid pixels."""


class Piece(NamedTuple):
    """Pixels of a box of a view.

    Attributes:
        pixels: (1, 1, h, w), in channels-last layout.
        valid: (1, 1, h, w), true where pixels are valid; None where they all are.
    """

    pixels: Tensor
    valid: Tensor | None


class View:
    """A plane of any size, of which only what is asked for is read.

    Args:
        shape: (Y, X) of the plane.
        stride: of the networks; `height` and `width` are multiples of it.
        look: returns the pixels of a box within the plane.
        device: of the tensors.
    """

    def __init__(
        self, shape: tuple[int, int], stride: int, look: Callable[[Box], Seen], device: torch.device | None = None
    ) -> None:
        self.shape = shape
        self.height, self.width = (-(-side // stride) * stride for side in shape)
        self._look = look
        self._device = device or torch.device("cpu")

    @classmethod
    def of_array(cls, unit: Unit, stride: int, device: torch.device | None = None) -> View:
        """A view of a whole plane (Y, X) in memory, scaled to [−1, 1]."""
        height, width = unit.shape
        return cls((height, width), stride, _seen(unit, Box(0, height, 0, width), (height, width)), device)

    @classmethod
    def of_part(
        cls, pixels: Array, at: Box, shape: tuple[int, ...], intensity_range: IntensityRange, denoiser: Denoiser
    ) -> View:
        """A view of a plane of which a part is in memory; it is scaled, and its padding detected, once.

        Args:
            pixels: the part, which reaches `HALO` pixels beyond what will be asked for.
            at: position of the part.
            shape: (Y, X) of the plane.
            intensity_range: of the pixels.
            denoiser: for which the view is.
        """
        height, width = shape
        unit = normalize(pixels, intensity_range)
        return cls((height, width), denoiser.stride, _seen(unit, at, (height, width)), denoiser.device)

    @classmethod
    def of_plane(cls, plane: Plane, intensity_range: IntensityRange, denoiser: Denoiser) -> View:
        """A view of a plane in a file, which may be larger than memory."""

        def look(box: Box) -> Seen:
            around = box.grown(HALO).common(Box(0, plane.shape[0], 0, plane.shape[1]))
            unit = normalize(plane[around.slices], intensity_range)
            return _seen(unit, around, plane.shape)(box)

        return cls(plane.shape, denoiser.stride, look, denoiser.device)

    @property
    def whole(self) -> Box:
        """The plane with what is mirrored."""
        return Box(0, self.height, 0, self.width)

    def __call__(self, box: Box) -> Tensor:
        """The pixels of a box, (1, 1, h, w), in channels-last layout."""
        return self.piece(box).pixels

    def piece(self, box: Box) -> Piece:
        """The pixels of a box, and which of them are valid."""
        there = Box(box.top, min(box.bottom, self.shape[0]), box.left, min(box.right, self.shape[1]))
        unit, valid = self._look(there)
        beyond = ((0, box.bottom - there.bottom), (0, box.right - there.right))
        if valid.all():
            return Piece(self._tensor(unit, beyond), None)
        return Piece(self._tensor(np.where(valid, unit, np.float32(0)), beyond), self._tensor(valid, beyond))

    def valid(self, box: Box) -> Mask:
        """Which pixels of a box within the plane are valid, (h, w)."""
        return self._look(box)[1]

    def is_blank(self) -> bool:
        """Whether no pixel of the plane is valid."""
        plane = Box(0, self.shape[0], 0, self.shape[1])
        return not any(self.valid(piece).any() for piece in plane.cut(_SIDE))

    def _tensor(self, plane: NDArray[np.generic], beyond: tuple[tuple[int, int], tuple[int, int]]) -> Tensor:
        padded = np.ascontiguousarray(np.pad(plane, beyond, mode="symmetric"))
        tensor = torch.from_numpy(padded).to(self._device)[None, None]
        return tensor.contiguous(memory_format=torch.channels_last)


def _seen(unit: Unit, at: Box, shape: tuple[int, int]) -> Callable[[Box], Seen]:
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

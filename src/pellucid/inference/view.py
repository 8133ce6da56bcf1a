"""An image as the networks see it, read piece by piece: in [−1, 1], and mirrored up to a multiple of their stride.

What is no image, because it is padding or no number, is middle grey to them, and counts for nothing in statistics.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.data.padding import HALO, Borders, Mask, is_valid
from pellucid.inference.tiles import Box

Plane = NDArray[np.float32]
_SIDE = 1024
"""Of what is read at once when all is looked at."""


class Piece(NamedTuple):
    """What a view shows of a box, and what of that is image.

    Attributes:
        pixels: (1, 1, h, w), in channels-last layout.
        valid: (1, 1, h, w), true where they are image; None where they all are.
    """

    pixels: Tensor
    valid: Tensor | None


class View:
    """A plane of any size, of which only what is asked for is read, and `HALO` pixels around it.

    Args:
        shape: (Y, X) of the plane.
        stride: of the networks; `height` and `width` are multiples of it.
        read: gives the pixels of a box within the plane, (h, w), around [−1, 1], not finite where they are no numbers.
        device: where pieces are wanted.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        stride: int,
        read: Callable[[Box], Plane],
        device: torch.device | None = None,
    ) -> None:
        self.shape = shape
        self.height, self.width = (-(-side // stride) * stride for side in shape)
        self._read = read
        self._device = device or torch.device("cpu")

    @classmethod
    def of_array(cls, plane: Plane, stride: int, device: torch.device | None = None) -> View:
        """A view of a plane (Y, X) in memory."""
        return cls((plane.shape[0], plane.shape[1]), stride, lambda box: plane[box.slices], device)

    @property
    def whole(self) -> Box:
        """All of it, what is mirrored included."""
        return Box(0, self.height, 0, self.width)

    def __call__(self, box: Box) -> Tensor:
        """The pixels of a box, (1, 1, h, w), in channels-last layout."""
        return self.piece(box).pixels

    def piece(self, box: Box) -> Piece:
        """The pixels of a box, and which of them are image."""
        there = Box(box.top, min(box.bottom, self.shape[0]), box.left, min(box.right, self.shape[1]))
        plane, valid = self._look(there)
        beyond = ((0, box.bottom - there.bottom), (0, box.right - there.right))
        if valid.all():
            return Piece(self._tensor(plane, beyond), None)
        return Piece(self._tensor(np.where(valid, plane, np.float32(0)), beyond), self._tensor(valid, beyond))

    def valid(self, box: Box) -> Mask:
        """Which pixels of a box within the plane are image, (h, w)."""
        return self._look(box)[1]

    def is_blank(self) -> bool:
        """Whether no pixel of the plane is image."""
        plane = Box(0, self.shape[0], 0, self.shape[1])
        return not any(self.valid(piece).any() for piece in plane.cut(_SIDE))

    def _look(self, box: Box) -> tuple[Plane, Mask]:
        around = box.grown(HALO).common(Box(0, self.shape[0], 0, self.shape[1]))
        pixels = self._read(around)
        inner = box.within(around).slices
        return pixels[inner], is_valid(pixels, Borders.of(*around.slices, self.shape))[inner]

    def _tensor(self, plane: NDArray[np.generic], beyond: tuple[tuple[int, int], tuple[int, int]]) -> Tensor:
        padded = np.ascontiguousarray(np.pad(plane, beyond, mode="symmetric"))
        tensor = torch.from_numpy(padded).to(self._device)[None, None]
        return tensor.contiguous(memory_format=torch.channels_last)

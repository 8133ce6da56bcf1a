"""An image as the networks see it, read piece by piece: in [−1, 1], and mirrored up to a multiple of their stride."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.inference.tiles import Box

Plane = NDArray[np.float32]
_SIDE = 1024
"""Of what is read at once when all is looked at."""


class View:
    """A plane of any size, of which only what is asked for is read.

    Args:
        shape: (Y, X) of the plane.
        stride: of the networks; `height` and `width` are multiples of it.
        read: gives the pixels of a box within the plane, (h, w), around [−1, 1].
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

    def is_constant(self, box: Box | None = None) -> bool:
        """Whether all pixels of a box within the plane, or of the plane, are equal."""
        part = box or Box(0, self.shape[0], 0, self.shape[1])
        low, high = np.inf, -np.inf
        for piece in part.cut(_SIDE):
            pixels = self._read(piece)
            low, high = min(low, pixels.min()), max(high, pixels.max())
            if low < high:
                return False
        return True

    def __call__(self, box: Box) -> Tensor:
        """The pixels of a box, (1, 1, h, w), in channels-last layout."""
        there = Box(box.top, min(box.bottom, self.shape[0]), box.left, min(box.right, self.shape[1]))
        plane = self._read(there)
        beyond = [(0, box.bottom - there.bottom), (0, box.right - there.right)]
        padded = np.ascontiguousarray(np.pad(plane, beyond, mode="symmetric"))
        piece = torch.from_numpy(padded).to(self._device)[None, None]
        return piece.contiguous(memory_format=torch.channels_last)

"""Patches cut from images in a GPU's memory, bit-identical to those cut in main memory."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pellucid.data.patches.coordinates import ORIENTATIONS, Numbers, fill, orient
from pellucid.data.patches.patches import Patches, Pixels, native

_STORED = {"uint8": torch.int8, "int8": torch.int8, "uint16": torch.int16, "int16": torch.int16}
"""Pixel types that are stored unchanged, and the torch type of the same size that every device supports."""


def _walks(squares: Numbers) -> Numbers:
    """The first value of each square (n, 2, 2), and the steps to the next value down and to the right."""
    first, right, down = squares[:, 0, 0], squares[:, 0, 1], squares[:, 1, 0]
    return np.stack([first, down - first, right - first], axis=1)


_ROWS, _COLUMNS = (
    _walks(np.array([orient(square, which) for which in range(ORIENTATIONS)])) for square in np.indices((2, 2))
)
"""For each orientation: the corner where reading begins, and the steps down and to the right."""


def on_gpu(patches: Patches, device: torch.device, budget_bytes: int) -> Patches | GpuPatches:
    """The patches with their images on the device if it is a GPU with room for them, else unchanged."""
    pixels = int(_sides(patches).prod(axis=1).sum())
    if device.type != "cuda" or pixels * _stored_dtype(patches).itemsize > budget_bytes:
        return patches
    return GpuPatches(patches, device)


class GpuPatches:
    """The images of `patches` on a device, as one array of pixels.

    Integers of 8 and 16 bits are stored unchanged and normalized by a table; pixels of other types are normalized when
    they are stored.
    """

    mapped = False

    def __init__(self, patches: Patches, device: torch.device) -> None:
        self.positions = patches.positions
        sides = _sides(patches)
        ends = np.cumsum(sides.prod(axis=1))
        self._widths, self._starts = sides[:, 1], ends - sides.prod(axis=1)
        self._pixels = torch.empty(int(ends[-1]), dtype=_stored_dtype(patches), device=device)
        for image, start, end in zip(patches.images, self._starts, ends, strict=True):
            self._pixels[start:end] = torch.from_numpy(_as_stored(image, patches).reshape(-1))
        table = _table(patches)
        self._table = None if table is None else table.to(device)
        self._rows, self._columns = (walk * (patches.size - 1, 1, 1) for walk in (_ROWS, _COLUMNS))
        self._right = torch.arange(patches.size, device=device)
        self._down = self._right[:, None]

    def draw(self, random: np.random.Generator, count: int) -> Numbers:
        """Random positions of `count` patches, as in `Patches`."""
        return self.positions.draw(random, count)

    def cut(self, numbers: Numbers) -> Tensor:
        """The patches at n positions: (n, 1, size, size), in [−1, 1]."""
        walks = torch.from_numpy(self._walks(numbers)).to(self._pixels.device, non_blocking=True)
        start, down, right = walks[:, :, None, None, None].unbind(1)
        pixels = self._pixels[torch.addcmul(torch.addcmul(start, down, self._down), right, self._right)]
        return pixels if self._table is None else self._table[pixels.long()]

    def _walks(self, numbers: Numbers) -> Numbers:
        """For each patch, (n, 3): the index of its first pixel, and the steps to the next one down and to the right."""
        image, y, x, which = self.positions.locate(numbers)
        width = self._widths[image]
        walks = self._rows[which] * width[:, None] + self._columns[which]
        walks[:, 0] += self._starts[image] + y * width + x
        return walks


def _sides(patches: Patches) -> Numbers:
    """Height and width of each image, (n, 2), after padding to the size of a patch."""
    return np.maximum(np.array(patches.positions.shapes, np.int64), patches.size)


def _stored_dtype(patches: Patches) -> torch.dtype:
    return torch.float32 if patches.dtype is None else _STORED.get(patches.dtype.name, torch.float32)


def _as_stored(image: Pixels, patches: Patches) -> Pixels:
    filled, stored = fill(native(image), patches.size), _stored_dtype(patches)
    if stored == torch.float32:
        return np.array(patches.normalize(filled), order="C")
    return np.array(filled, order="C").view(f"i{stored.itemsize}")


def _table(patches: Patches) -> Tensor | None:
    """The normalized value of each integer, ordered by its bits: negative ones index from the end."""
    stored = _stored_dtype(patches)
    if patches.dtype is None or stored == torch.float32:
        return None
    bits = np.arange(1 << 8 * stored.itemsize, dtype=f"u{stored.itemsize}")
    return torch.from_numpy(patches.normalize(bits.view(patches.dtype)))

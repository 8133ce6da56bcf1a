"""Palettes, of which only those of greys are read: as the grey that is shown."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.io.image import Image
from pellucid.io.layout import Array, first_grey


def shown_values(palette: Array) -> Array:
    """What a palette shows for each number, (numbers,) if all are grey, else (numbers, 3).

    Args:
        palette: (numbers, 3) of uint8 or uint16; 16-bit values that were made of 8 bits become 8 bits again.
    """
    for step in (1, 256, 257):  # 255 stands for white, or 65280, or 65535
        low = palette // step
        if palette.max() <= 255 * step and np.array_equal(low * step, palette):
            palette = low.astype(np.uint8)
            break
    is_grey = (palette == palette[:, :1]).all()
    return palette[:, 0] if is_grey else palette


def is_identity(shown: Array) -> bool:
    """Whether each number is shown as the grey that it is."""
    return shown.ndim == 1 and shown.dtype == np.uint8 and np.array_equal(shown, np.arange(shown.size))


class PaletteImage(Image):
    """An image whose pixels are numbers in a palette, read as the greys that it shows."""

    def __init__(self, numbers: Image, shown: Array) -> None:
        super().__init__(numbers.path, numbers.layout, numbers.layout.stored_shape(sizes(numbers)), shown.dtype)
        self.chunks = numbers.chunks
        self._numbers = numbers
        self._shown = shown
        self.planes[0].read()  # refuses colour

    def read_window(self, index: tuple[int, ...], rows: slice, columns: slice) -> Array:
        """See ``Image.read_window``."""
        return self._grey(self._numbers.read_window(index, rows, columns))

    def read_stored(self, leading: tuple[slice, ...], rows: slice, columns: slice) -> Array:
        """See ``Image.read_stored``."""
        return self._grey(self._numbers.read_stored(leading, rows, columns))

    def release(self) -> None:
        """See ``Image.release``."""
        self._numbers.release()

    def close(self) -> None:
        """See ``Image.close``."""
        self._numbers.close()

    def _grey(self, block: Any) -> Array:
        shown = self._shown[block]
        return shown if self._shown.ndim == 1 else first_grey(shown, self.path)


def sizes(image: Image) -> dict[str, int]:
    """The size of every axis."""
    return dict(zip(image.axes, image.shape, strict=True))

"""The data bar below the picture of a scanning electron microscope, where its maker's text tells how high it is.

Makers write the text into the file or beside it (``maker_text``). Some tell the height of the bar, the others the size
of the picture alone: what the file has more is the bar. If the sizes do not fit, because the image was cut or scaled
since, the text tells nothing; the bar is then found by its shape, if at all (`pellucid.data.padding`).
"""

from __future__ import annotations

import re

from pellucid.io.maker_text import picture_size, texts_beside

#: The height of the bar: Tescan.
_STRIP = re.compile(r"^\s*ImageStripSize\s*=\s*(\d{1,9})\s*$", re.MULTILINE)


def bar_in_text(text: str, shape: tuple[int, int]) -> int:
    """The height of the data bar in an image of this shape (Y, X), in rows; 0 if the text tells of none."""
    if picture := picture_size(text):
        return bar_below(*picture, shape)
    strip = _STRIP.search(text)
    return bar_below(shape[0] - int(strip[1]), shape[1], shape) if strip else 0


def bar_below(height: int, width: int, shape: tuple[int, int]) -> int:
    """The rows of an image (Y, X) below a picture of this size; 0 if it is no picture with a bar below it."""
    bar = shape[0] - height
    return bar if width == shape[1] and 0 < bar < height else 0


def bar_beside(path: str, shape: tuple[int, int]) -> int:
    """The height of the data bar, in rows, by the text file that Hitachi, JEOL and Tescan put beside an image."""
    return next((bar for text in texts_beside(path) if (bar := bar_in_text(text, shape))), 0)

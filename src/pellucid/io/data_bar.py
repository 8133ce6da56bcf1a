"""The data bar below the picture of a scanning electron microscope, where its maker's text tells how high it is.

Makers write the text into the file or beside it. Some tell the height of the bar, the others the size of the picture
alone: what the file has more is the bar. If the sizes do not fit, because the image was cut or scaled since, the text
tells nothing; the bar is then found by its shape, if at all (`pellucid.data.padding`).
"""

from __future__ import annotations

import re
from pathlib import Path

#: The width and height of the picture alone: Hitachi, JEOL.
_PICTURE = re.compile(r"^\s*(?:DataSize\s*=|\$CM_FULL_SIZE\s)\s*(\d{1,9})\s*[xX\s]\s*(\d{1,9})\s*$", re.MULTILINE)
#: The height of the bar: Tescan.
_STRIP = re.compile(r"^\s*ImageStripSize\s*=\s*(\d{1,9})\s*$", re.MULTILINE)
#: How these texts begin, so that no other text file is taken for one.
_BEGINNINGS = ("[SemImageFile]", "$CM_", "$$SM_", "[MAIN]")
_LONGEST = 1 << 16


def bar_in_text(text: str, shape: tuple[int, int]) -> int:
    """The height of the data bar in an image of this shape (Y, X), in rows; 0 if the text tells of none."""
    if picture := _PICTURE.search(text):
        return bar_below(int(picture[2]), int(picture[1]), shape)
    strip = _STRIP.search(text)
    return bar_below(shape[0] - int(strip[1]), shape[1], shape) if strip else 0


def bar_below(height: int, width: int, shape: tuple[int, int]) -> int:
    """The rows of an image (Y, X) below a picture of this size; 0 if it is no picture with a bar below it."""
    bar = shape[0] - height
    return bar if width == shape[1] and 0 < bar < height else 0


def bar_beside(path: str, shape: tuple[int, int]) -> int:
    """The height of the data bar, in rows, by the text file that Hitachi, JEOL and Tescan put beside an image."""
    file = Path(path)
    beside = (file.with_suffix(".txt"), file.with_name(f"{file.stem}-{file.suffix[1:]}.hdr"), file.with_suffix(".hdr"))
    return next((bar for text in beside if (bar := bar_in_text(_text(text), shape))), 0)


def _text(file: Path) -> str:
    """The text of a maker's file, in one byte a letter or in UTF-16; empty if it is another, or not there."""
    try:
        if not file.is_file():  # opening a pipe would wait for ever
            return ""
        with file.open("rb") as opened:
            stored = opened.read(_LONGEST)
    except (OSError, ValueError):  # a name with a zero
        return ""
    coding = "utf-16" if stored[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin-1"
    text = stored.decode(coding, "replace").removeprefix("ï»¿").lstrip()  # UTF-8's mark, read as Latin-1
    return text if text.startswith(_BEGINNINGS) else ""

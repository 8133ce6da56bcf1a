"""What makers of scanning electron microscopes write, into an image or a text file beside it, of the picture's size."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pellucid.io.pixel_size import PixelSize, metres, positive, square

#: How these texts begin, so that no other text file is taken for one.
_BEGINNINGS = ("[SemImageFile]", "$CM_", "$$SM_", "[MAIN]")
_LONGEST = 1 << 16
_NUMBER = r"([\d.]+(?:[eE][-+]?\d+)?)"
#: The width and height of the picture alone: Hitachi, JEOL.
_PICTURE = re.compile(r"^\s*(?:DataSize\s*=|\$CM_FULL_SIZE\s)\s*(\d{1,9})\s*[xX\s]\s*(\d{1,9})\s*$", re.MULTILINE)


def texts_beside(path: str) -> Iterator[str]:
    """The texts that Hitachi, JEOL and Tescan put beside an image."""
    file = Path(path)
    beside = (file.with_suffix(".txt"), file.with_name(f"{file.stem}-{file.suffix[1:]}.hdr"), file.with_suffix(".hdr"))
    return filter(None, map(_text, beside))


def picture_size(text: str) -> tuple[int, int] | None:
    """The height and width of the picture without its data bar, in pixels; None if a text does not tell."""
    found = _PICTURE.search(text)
    return (int(found[2]), int(found[1])) if found else None


def size_beside(path: str, shape: tuple[int, int]) -> PixelSize | None:
    """The pixel size of an image (Y, X) by a text beside it; None if there is none, or the image was scaled since."""
    for text in texts_beside(path):
        _, width = picture_size(text) or shape
        size = tescan_size(text) or described_size(text)
        if size and width == shape[1]:
            return size
    return None


def tescan_size(text: str) -> PixelSize | None:
    """Tescan: metres."""
    x, y = (re.search(rf"^\s*PixelSize{axis}\s*=\s*{_NUMBER}", text, re.MULTILINE) for axis in "XY")
    return metres(x[1], y[1]) if x and y else None


def described_size(text: str) -> PixelSize | None:
    """Hitachi and JEOL, whose text may be a TIFF's description."""
    return _hitachi(text) or _jeol(text)


def _hitachi(text: str) -> PixelSize | None:
    """Hitachi: nanometres unless a unit is named."""
    found = re.search(rf"^\s*PixelSize\s*=\s*{_NUMBER}[ \t]*([^\s\d]*)\s*$", text, re.MULTILINE)
    if not found or not (found[2] or text.lstrip().startswith("[SemImageFile]")):
        return None
    return square(found[1], found[2] or "nm")


def _jeol(text: str) -> PixelSize | None:
    """JEOL: the length of the scale bar, in pixels and as written beside it."""
    pixels = re.search(rf"^\$+SM_MICRON_BAR\s+{_NUMBER}\s*$", text, re.MULTILINE)
    length = re.search(rf"^\$+SM_MICRON_MARKER\s+{_NUMBER}\s*(\S+)\s*$", text, re.MULTILINE)
    if not pixels or not length or not positive(pixels[1]):
        return None
    return square(positive(length[1]) / positive(pixels[1]), length[2])


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

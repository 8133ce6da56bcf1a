"""Tags of a TIFF that are copied as they are: texts, and what makers of microscopes and cameras write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

#: Code, type, count, value, whether only the first page has it: as tifffile writes it.
Tag = tuple[int, int, int, bytes | tuple[int, ...], bool]
_TEXTS = {269: "document name", 271: "make", 272: "model", 285: "page name", 306: "date", 315: "artist"}
_TEXTS |= {316: "computer", 33432: "copyright", 700: "XMP", 33723: "IPTC", 34675: "colour profile"}
_MAKERS = {34118: "Zeiss", 34119: "Zeiss", 34680: "FEI", 34682: "FEI", 50431: "Tescan", 37706: "TVIPS"}
_MAKERS |= {33471: "Olympus", 33560: "Olympus"}
_LIMITS = (280, 281, 340, 341)  # the range of the pixels, which depends on their type
# what describes how pixels are stored, or is written from the image: 2xx and 3xx up to JPEG's tables, ImageJ's, LERC's
_WRITTEN = {*range(254, 263), 266, 270, 273, 274, *range(277, 280), 282, 283, 284, 290, 291, 292, 293, 296, 297, 301}
_WRITTEN |= {305, 317, 318, 319, 320, *range(322, 326), 330, 338, 339, 347, *range(512, 533), 32997, 32998}
_WRITTEN |= {50838, 50839, 50674}
# what holds positions in the file, which become wrong: Exif and GPS, and data of Olympus, MetaMorph, LSM, DNG
_POSITIONS = {34665: "Exif", 34853: "GPS", 40965: "Exif", 33560: "Olympus data", 400: "global parameters"}
_POSITIONS |= {**dict.fromkeys(range(33628, 33632), "MetaMorph data"), 34412: "LSM data", 50740: "DNG data"}
_POSITIONS |= {33471: "Olympus data", 43314: "NIH Image data", 34361: "FluoView data", 34362: "FluoView data"}
_TOLD_OF_PAGES = (285, 306)  # by name
_BYTES = (1, 2, 7)  # types of text, though only the second should be
_FRACTIONS = (5, 10)  # types of two 32-bit numbers, without and with a sign
_PROFILE, _GREY = 34675, (0, 1)
_TVIPS = 37706  # of 32-bit numbers in the byte order of the file, whatever its type


def kept_tags(tif: Any, page: Any) -> tuple[tuple[Tag, ...], tuple[str, ...]]:
    """The tags of a page that are copied, and in words those that are not."""
    found = [tag for tag in page.tags if tag.code not in _WRITTEN]
    dropped = [tag for tag in found if tag.code in _POSITIONS or not _holds(tif, page, tag)]
    names = sorted({_POSITIONS.get(tag.code) or _TEXTS.get(tag.code) or f"{_MAKERS[tag.code]} tags" for tag in dropped})
    return tuple(_as_written(tif, tag) for tag in found if tag not in dropped), tuple(names)


def fitting(tags: Sequence[Tag], *, same_dtype: bool) -> list[Tag]:
    """The tags that still hold for an image of the same or another pixel type."""
    return [tag for tag in tags if same_dtype or tag[0] not in _LIMITS]


def in_words(tags: Sequence[Tag]) -> tuple[str, ...]:
    """What tags are of: ``("make", "date", "Zeiss tags", "2 other tags")``."""
    codes = [tag[0] for tag in tags]
    makers = sorted({f"{_MAKERS[code]} tags" for code in codes if code in _MAKERS})
    others = sum(code not in _MAKERS and code not in _TEXTS for code in codes)
    counted = [f"{others} other tag{'s' if others != 1 else ''}"] if others else []
    return (*(_TEXTS[code] for code in codes if code in _TEXTS), *makers, *counted)


def has_own_tags(tif: Any, page: Any, first: Any) -> bool:
    """Whether a page has tags that say something else than those of the first one, which alone are copied."""
    own = (tag for tag in page.tags if tag.code not in (*_WRITTEN, *_TOLD_OF_PAGES))
    others = ((tag, first.tags.get(tag.code)) for tag in own)
    return any(other is None or _stored(tif, tag) != _stored(tif, other) for tag, other in others)


def raw_text(tif: Any, tag: Any) -> bytes:
    """The bytes of a tag's text, without the zeros at its end."""
    if tag is None or tag.dtype not in _BYTES:
        return b""
    return _stored(tif, tag).rstrip(b"\0")


def _stored(tif: Any, tag: Any) -> bytes:
    tif.filehandle.seek(tag.valueoffset)
    stored: bytes = tif.filehandle.read(tag.valuebytecount)
    return stored


def _holds(tif: Any, page: Any, tag: Any) -> bool:
    """Whether a tag holds in a grey image in this machine's byte order too."""
    if tag.code == _TVIPS:  # numbers that cannot be told apart
        return _is_native(tif)
    return tag.code != _PROFILE or page.photometric in _GREY


def _is_native(tif: Any) -> bool:
    return np.dtype(f"{tif.byteorder}u2").isnative


def _as_written(tif: Any, tag: Any) -> Tag:
    """A tag for tifffile, which writes in this machine's byte order."""
    stored = _stored(tif, tag)
    size = {3: 2, 8: 2, 4: 4, 9: 4, 11: 4, 13: 4, 5: 4, 10: 4, 12: 8, 16: 8, 17: 8, 18: 8}.get(int(tag.dtype), 1)
    if size > 1 and not _is_native(tif):
        stored = np.frombuffer(stored, f"u{size}").byteswap().tobytes()
    if tag.dtype in _FRACTIONS:  # which tifffile does not take as bytes
        pairs = np.frombuffer(stored, "u4" if tag.dtype == _FRACTIONS[0] else "i4")
        return (tag.code, int(tag.dtype), tag.count, tuple(pairs.tolist()), True)
    return (tag.code, int(tag.dtype), tag.count, stored, True)

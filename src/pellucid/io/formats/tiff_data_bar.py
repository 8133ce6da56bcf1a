"""The data bar in a TIFF of a scanning electron microscope, by the tags of its maker."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pellucid.io.data_bar import bar_below, bar_in_text
from pellucid.io.formats.tiff_kept_tags import Tag

_TESCAN = 50431


def read_data_bar(page: Any, shape: tuple[int, int]) -> int:
    """The height of the data bar in an image of this shape (Y, X), in rows; 0 if no tag tells of one."""
    for read in _MAKERS:
        try:
            bar = read(page, shape)
        except (AttributeError, KeyError, IndexError, TypeError, ValueError):  # a tag in a form that is not known
            continue
        if bar:
            return bar
    return 0


def without_bar(tag: Tag) -> Tag:
    """A tag for an image that has lost its bar, of which Tescan's would still tell; others name the picture's size."""
    code, kind, count, value, once = tag
    if code != _TESCAN or not isinstance(value, bytes):
        return tag
    said = re.sub(rb"(ImageStripSize\s*=\s*)(\d+)", lambda found: found[1] + b"0" * len(found[2]), value)
    return code, kind, count, said, once


def _thermo(page: Any, shape: tuple[int, int]) -> int:
    """FEI and Thermo Fisher: the size of the picture, or the height of the bar, which may not be in the file."""
    sections: dict[str, Any] = page.tags[34682 if 34682 in page.tags else 34680].value
    picture = sections.get("Image", {})
    if "ResolutionX" in picture and "ResolutionY" in picture:
        return bar_below(int(picture["ResolutionY"]), int(picture["ResolutionX"]), shape)
    return bar_below(shape[0] - int(sections["PrivateFei"]["DatabarHeight"]), shape[1], shape)


def _zeiss(page: Any, shape: tuple[int, int]) -> int:
    """Zeiss SmartSEM, the size at which the picture was stored; of a bar over the picture no tag tells."""
    _, size = page.tags[34118].value["dp_image_store"][:2]
    width, height = (int(side) for side in str(size).split("*"))
    return bar_below(height, width, shape)


def _tescan(page: Any, shape: tuple[int, int]) -> int:
    """Tescan, in text behind a preview."""
    tag = page.tags[_TESCAN].value
    return bar_in_text(tag.decode("latin-1") if isinstance(tag, bytes) else str(tag), shape)


def _described(page: Any, shape: tuple[int, int]) -> int:
    """Hitachi and JEOL, in the description."""
    return bar_in_text(page.description, shape)


_MAKERS: tuple[Callable[[Any, tuple[int, int]], int], ...] = (_thermo, _zeiss, _tescan, _described)

"""Pages of a TIFF stack that differ from the first one, or hold no pixels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from pellucid.errors import InputError
from pellucid.io.formats.tiff_kept_tags import has_own_tags

_TEXTS = {270: "descriptions", 285: "names", 306: "dates"}
_RESOLUTION = (282, 283, 296)
_ORIENTATION = 274
_ALL = 64  # pages; of longer stacks a few are looked at, because reading all entries would be slow


def of_single_pages(tif: Any, series: Any) -> list[str]:
    """What later pages say of their own, in words: all pages are written as the first one."""
    first, found = series.keyframe, list(_later(tif, series))
    said = [name for code, name in _TEXTS.items() if any(_differs(page, first, (code,)) for page in found)]
    if any(page.tags.valueof(_ORIENTATION, 1) != first.tags.valueof(_ORIENTATION, 1) for page in found):
        said.append("orientations")
    if not tif.is_ome and any(_differs(page, first, _RESOLUTION) for page in found):
        said.append("resolutions")
    if any(has_own_tags(tif, page, first) for page in found):
        said.append("other tags")
    return [f"{name} of single pages" for name in said]


def refuse_other_palettes(tif: Any, series: Any, name: str) -> None:
    """Raise InputError if the numbers of a later page stand for other greys than those of the first."""
    palette = series.keyframe.colormap
    for page in _later(tif, series):
        if page.colormap is not None and not np.array_equal(page.colormap, palette):
            raise InputError(f"{name}: its pages have different palettes; save each as an image of its own, or as grey")


def unwritten_chunks(series: Any, name: str) -> tuple[int, int] | None:
    """How many strips or tiles were never written, which read as zeros, of how many; None if that needs no look.

    Raises:
        InputError: A page has none: whatever wrote it was interrupted.
    """
    if series.dataoffset is not None:
        return None
    missing = total = 0
    for number, page in enumerate(series.pages):
        if page is None:
            continue
        parts = list(zip(page.dataoffsets, page.databytecounts, strict=False))
        empty = sum(offset == 0 or size == 0 for offset, size in parts)
        if empty == len(parts):
            raise InputError(f"{name}: page {number} holds no pixels: its writing was interrupted; export it again")
        missing, total = missing + empty, total + len(parts)
    return missing, total


def _later(tif: Any, series: Any) -> Iterator[Any]:
    """Pages after the first with entries of their own in this file: all, or a few of many."""
    count = len(series.pages)
    numbers = range(1, count) if count <= _ALL else (1, 2, count // 2, count - 1)
    for number in numbers:
        page = series.pages[number]
        if page is not None and not page.is_virtual and page.parent is tif and isinstance(page.index, int):
            yield tif.pages.get(page.index, aspage=True)


def _differs(page: Any, first: Any, codes: tuple[int, ...]) -> bool:
    return any(page.tags.valueof(code) not in (None, first.tags.valueof(code)) for code in codes)

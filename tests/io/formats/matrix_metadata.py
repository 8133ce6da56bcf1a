"""What becomes of what a file says beside its pixels: copied, cut to a region, or written in another format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.errors import InputError
from pellucid.io.image import Image
from pellucid.io.registry import format_of, open_image
from tests.io.formats.matrix_fields import Field, Source
from tests.io.formats.matrix_pixels import KEPT, LOST, REFUSED, pixels, size_kept, write
from tests.io.formats.matrix_sources import SOURCES

TARGETS = {
    "TIFF": ".tif",
    "MRC": ".mrc",
    "DM4": ".dm4",
    "HDF5": ".h5",
    "OME-Zarr": ".zarr",
    "NPY": ".npy",
    "PNG": ".png",
}
NOTHING = "–"


@dataclass(frozen=True)
class Copy:
    """A file that was written from a source.

    Attributes:
        path: Of the file; None if the format refuses the image.
        notes: What is not kept.
        size: What became of the pixel size; empty if there was none.
    """

    path: Path | None
    notes: str = ""
    size: str = ""


def copied(image: Image, path: Path, region: dict[str, slice] | None = None) -> Copy:
    """Write an image or a region of it, and check its pixels."""
    part = {axis: (region or {}).get(axis, slice(0, size)) for axis, size in zip(image.axes, image.shape, strict=True)}
    block = np.ascontiguousarray(pixels(image)[tuple(part.values())])
    offset = {axis: side.start for axis, side in part.items()}
    try:
        notes = write(path, block, image.axes, image.style, pixel_size=image.pixel_size, offset=offset)
    except InputError:
        return Copy(None)
    made = open_image(f"{path}:0" if path.suffix == ".dm4" else path)
    is_named = set(made.axes) == set(image.axes) and not any("names no axes" in note for note in notes)
    found = pixels(made)
    found = found.transpose([made.axes.index(axis) for axis in image.axes]) if is_named else found.reshape(block.shape)
    assert np.array_equal(found, block), path
    return Copy(path, "; ".join(notes), size_kept(made.pixel_size, image.pixel_size, notes) if image.pixel_size else "")


def same_format_cell(field: Field, source: Path, copy: Copy, *, is_region: bool) -> str:
    """What a file of the same format says."""
    assert copy.path is not None
    before, after = field.read(source), _found(field, copy.path)
    assert before is not None, field.name
    cut = field.part if is_region else None
    if _equal(after, cut(before) if cut else before):
        return "its part" if cut else KEPT
    return "told" if field.words and field.words in copy.notes else LOST


def _found(field: Field, path: Path) -> Any:
    try:
        return field.read(path)
    except (KeyError, IndexError):  # it is not there
        return None


def _equal(one: Any, other: Any) -> bool:
    try:
        np.testing.assert_equal(one, other)
    except AssertionError:
        return False
    return True


def other_format_cell(field: Field, copies: list[Copy]) -> str:
    """Whether every other format tells what it does not keep."""
    if not field.words:
        return NOTHING
    return "told" if all(field.words in copy.notes for copy in copies) else LOST


def rows(folder: Path) -> dict[str, list[list[str]]]:
    """The rows of the tables, by the heading of the table."""
    kept = [["format", "what the file says", "whole image", "a region", "another format"]]
    converted = [["from", *TARGETS]]
    for number, source in enumerate(SOURCES):
        start = folder / f"{number}"
        start.mkdir(parents=True)
        file = start / f"a{source.extension}"
        source.make(file)
        image = open_image(f"{file}{source.inner}")
        others = dict(_others(image, file, start))
        kept += _rows_of(source, image, file, list(others.values()))
        if source.format not in [row[0] for row in converted]:
            converted.append([source.format, *(_converted(source, others.get(name)) for name in TARGETS)])
    return {"What a file of the same format keeps": kept, "What other formats keep": converted}


def _others(image: Image, file: Path, start: Path) -> Iterator[tuple[str, Copy]]:
    """A copy in each other format."""
    for name, extension in TARGETS.items():
        target = start / f"other{extension}"
        if format_of(target) is not format_of(file):
            yield name, copied(image, target)


def _rows_of(source: Source, image: Image, file: Path, others: list[Copy]) -> Iterator[list[str]]:
    whole = copied(image, file.with_name(f"whole{source.extension}"))
    region = copied(image, file.with_name(f"region{source.extension}"), dict(source.region))
    written = [copy for copy in others if copy.path]
    for field in source.fields:
        cells = (same_format_cell(field, file, copy, is_region=copy is region) for copy in (whole, region))
        yield [source.format, field.name, *cells, other_format_cell(field, written)]


def _converted(source: Source, copy: Copy | None) -> str:
    if copy is None:
        return NOTHING
    if copy.path is None:
        return REFUSED
    words = [field.words for field in source.fields if field.words]
    told = f"{sum(one in copy.notes for one in words)} of {len(words)} told"
    return f"size {copy.size}, {told}" if copy.size else told

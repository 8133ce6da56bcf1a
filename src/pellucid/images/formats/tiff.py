"""TIFF, BigTIFF, ImageJ and OME-TIFF, read page by page; uncompressed stacks are mapped from disk."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from pellucid.errors import InputError
from pellucid.images.atomic import reserve
from pellucid.images.formats.tiff_tags import TiffStyle, read_pixel_size, read_style, write_options
from pellucid.images.handles import Handle
from pellucid.images.image import DTYPES, ArrayImage, Image
from pellucid.images.layout import SAMPLES, Array, Layout, named_layout
from pellucid.images.plan import Plan, Sink, scratch

WRITABLE = DTYPES


def open_file(path: str, inner: str | None) -> Image:
    """Open the first series of a file at full resolution."""
    del inner
    with tifffile.TiffFile(path) as tif:
        series = _series(tif, path)
        _refuse_cut_off(tif, series, path)
        layout = named_layout(series.axes, series.shape, path)
        if series.dataoffset is not None:
            dtype = np.dtype(series.dtype).newbyteorder(tif.byteorder)
            mapped = partial(np.memmap, path, dtype, "r", series.dataoffset, series.shape)
            image: Image = ArrayImage(path, Handle(mapped), layout)
        elif _one_page_a_plane(series, layout):
            image = PagedTiff(path, series, layout)
        else:
            image = ArrayImage(path, Handle(partial(_decode, path)), layout)
        image.style = read_style(tif)
        pixel_size = read_pixel_size(tif)
        image.pixel_size = pixel_size.along(image.axes) if pixel_size else None
    image.refuse_colour()
    return image


class PagedTiff(Image):
    """A compressed TIFF: every plane is a page; a small window decodes only the strips or tiles that it touches."""

    def __init__(self, path: str, series: Any, layout: Layout) -> None:
        super().__init__(path, layout, series.shape, series.dtype)
        self._handle: Handle[Any] = Handle(partial(tifffile.TiffFile, path), tifffile.TiffFile.close)

    def read_window(self, index: tuple[int, ...], rows: slice, columns: slice) -> Array:
        """See ``Image.read_window``."""
        number = int(np.ravel_multi_index(index, self.shape[:-2])) if index else 0
        with self._handle as tif:
            page = tif.series[0].pages[number]
            if page is None:
                raise InputError(f"{self.path}: page {number} is missing in the file; export it again")
            area = (rows.stop - rows.start) * (columns.stop - columns.start)
            if (
                SAMPLES in self.layout.stored
                or 2 * area > self.shape[-2] * self.shape[-1]
                or len(page.dataoffsets) == 1
            ):
                return self._whole(page)[rows, columns]
            return _window(page, rows, columns, self.dtype)

    def _whole(self, page: Any) -> Array:
        letters = "".join(letter for letter in page.axes if letter in "YX" + SAMPLES)
        return Layout(letters).to_plane(page.asarray())


def _window(page: Any, rows: slice, columns: slice, dtype: np.dtype[Any]) -> Array:
    window = np.zeros((rows.stop - rows.start, columns.stop - columns.start), dtype)
    wanted = list(_segments(page, rows, columns))
    offsets, counts = [page.dataoffsets[i] for i in wanted], [page.databytecounts[i] for i in wanted]
    handle, tables = page.parent.filehandle, page.keyframe.jpegtables
    for (data, _), number in zip(handle.read_segments(offsets, counts, sort=False), wanted, strict=True):
        segment, (_, _, top, left, _), (_, height, width, _) = page.decode(data, number, jpegtables=tables)
        if segment is None:  # a segment without data means zeros
            continue
        y0, y1 = max(top, rows.start), min(top + height, rows.stop)
        x0, x1 = max(left, columns.start), min(left + width, columns.stop)
        block = segment[0, y0 - top : y1 - top, x0 - left : x1 - left, 0]
        window[y0 - rows.start : y1 - rows.start, x0 - columns.start : x1 - columns.start] = block
    return window


def _segments(page: Any, rows: slice, columns: slice) -> Iterator[int]:
    """The numbers of the strips or tiles that a window touches."""
    key = page.keyframe
    height, width = (key.tilelength, key.tilewidth) if key.is_tiled else (key.rowsperstrip, key.imagewidth)
    across = -(-key.imagewidth // width)
    for y in range(rows.start // height, -(-rows.stop // height)):
        for x in range(columns.start // width, -(-columns.stop // width)):
            yield y * across + x


def _series(tif: Any, path: str) -> Any:
    if not tif.series:
        raise InputError(f"{path}: holds no image; export it again")
    first, *others = tif.series
    if any(np.prod(other.shape) >= np.prod(first.shape) for other in others):
        shapes = ", ".join(str(one.shape) for one in tif.series[:4])
        raise InputError(f"{path}: holds {len(tif.series)} images ({shapes}, ...); save each as a file of its own")
    return first


def _one_page_a_plane(series: Any, layout: Layout) -> bool:
    planes = int(np.prod(layout.shape(series.shape)[:-2], dtype=int))
    letters = [letter for letter in layout.stored if letter in "YX"]
    # planes whose stored order differs from the leading axes' (samples between them) do not count as pages
    return len(series.pages) == planes and letters == ["Y", "X"]


def _decode(path: str) -> Any:
    with tifffile.TiffFile(path) as tif:
        return tif.series[0].asarray()


def _refuse_cut_off(tif: Any, series: Any, path: str) -> None:
    size = tif.filehandle.size
    if series.dataoffset is not None:
        needed = series.dataoffset + series.nbytes
    else:
        last = series.pages[len(series.pages) - 1] or series.keyframe
        needed = max((o + c for o, c in zip(last.dataoffsets, last.databytecounts, strict=False)), default=0)
        size = last.parent.filehandle.size
    if needed > size:
        raise InputError(f"{path}: is cut off ({size:,} of {needed:,} bytes); copy or export it again")


def create(path: Path, plan: Plan) -> Sink:
    """Start a file of the input's kind and compression: mapped where nothing is encoded, else encoded at the end."""
    style = plan.style if isinstance(plan.style, TiffStyle) else TiffStyle()
    layout, file_options, page_options = write_options(plan, style)
    shape = layout.stored_shape(plan.sizes)
    if "compression" in page_options or "tile" in page_options:
        planes = scratch(path.parent, shape, plan.dtype)

        def encode() -> None:
            with tifffile.TiffWriter(path, **file_options) as tif:
                tif.write(planes, **page_options)

        return Sink(planes, layout, encode)
    with tifffile.TiffWriter(path, **file_options) as tif:
        tif.write(None, shape=shape, dtype=plan.dtype, **page_options)
    reserve(path, path.stat().st_size)
    mapped = tifffile.memmap(path, mode="r+")
    return Sink(mapped.reshape(shape), layout, mapped.flush)

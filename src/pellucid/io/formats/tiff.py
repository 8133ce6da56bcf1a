"""TIFF, BigTIFF, ImageJ and OME-TIFF, read page by page; uncompressed stacks are mapped from disk."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from pellucid.errors import InputError
from pellucid.files import reserve
from pellucid.io.deferred_write import create_deferred, reopen_deferred
from pellucid.io.formats.tiff_tags import TiffStyle, read_pixel_size, read_style, write_options
from pellucid.io.handles import Handle
from pellucid.io.image import DTYPES, ArrayImage, Image
from pellucid.io.layout import SAMPLES, Array, Layout, named_layout
from pellucid.io.memmap import release_map
from pellucid.io.output_spec import ArrayWriter, OutputSpec, mapped_writer, refuse_mismatch

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
        self.chunks = (*self.chunks[:-2], *_segment_shape(series.keyframe))
        self._handle: Handle[Any] = Handle(partial(tifffile.TiffFile, path), tifffile.TiffFile.close)
        self._lock = threading.RLock()  # an open TIFF has one place where it reads

    def read_window(self, index: tuple[int, ...], rows: slice, columns: slice) -> Array:
        """See ``Image.read_window``."""
        number = int(np.ravel_multi_index(index, self.shape[:-2])) if index else 0
        with self._handle as tif:
            with self._lock:
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
            return self._part(page, rows, columns)

    def close(self) -> None:
        """See ``Image.close``."""
        self._handle.close()

    def _whole(self, page: Any) -> Array:
        letters = "".join(letter for letter in page.axes if letter in "YX" + SAMPLES)
        return Layout(letters).to_plane(page.asarray(lock=self._lock))

    def _part(self, page: Any, rows: slice, columns: slice) -> Array:
        wanted = list(_segments(page, rows, columns))
        offsets, counts = [page.dataoffsets[i] for i in wanted], [page.databytecounts[i] for i in wanted]
        with self._lock:
            encoded = [data for data, _ in page.parent.filehandle.read_segments(offsets, counts, sort=False)]
        return _window(page, dict(zip(wanted, encoded, strict=True)), rows, columns, self.dtype)


def _window(page: Any, encoded: Mapping[int, bytes | None], rows: slice, columns: slice, dtype: np.dtype[Any]) -> Array:
    """A window from the strips or tiles that it touches, by their number."""
    window = np.zeros((rows.stop - rows.start, columns.stop - columns.start), dtype)
    tables = page.keyframe.jpegtables
    for number, data in encoded.items():
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
    height, width = _segment_shape(page.keyframe)
    across = -(-page.keyframe.imagewidth // width)
    for y in range(rows.start // height, -(-rows.stop // height)):
        for x in range(columns.start // width, -(-columns.stop // width)):
            yield y * across + x


def _segment_shape(page: Any) -> tuple[int, int]:
    """(Y, X) of a tile or a strip."""
    if page.is_tiled:
        return page.tilelength, page.tilewidth
    return min(page.rowsperstrip, page.imagelength), page.imagewidth


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


def create(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Start a file of the input's kind and compression: mapped where nothing is encoded, else encoded at the end."""
    layout, file_options, page_options = _options(spec)
    if _is_encoded(page_options):
        return create_deferred(path, spec, layout, partial(_encode, file_options, page_options))
    with tifffile.TiffWriter(path, **file_options) as tif:
        tif.write(None, shape=layout.stored_shape(spec.sizes), dtype=spec.dtype, **page_options)
    reserve(path, path.stat().st_size)
    return _mapped_writer(path, spec, layout)


def reopen(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Go on with a file, or with the planes that are to be encoded."""
    layout, file_options, page_options = _options(spec)
    if _is_encoded(page_options):
        return reopen_deferred(path, spec, layout, partial(_encode, file_options, page_options))
    return _mapped_writer(path, spec, layout)


def _options(spec: OutputSpec) -> tuple[Layout, dict[str, Any], dict[str, Any]]:
    return write_options(spec, spec.style if isinstance(spec.style, TiffStyle) else TiffStyle())


def _is_encoded(page_options: dict[str, Any]) -> bool:
    return "compression" in page_options or "tile" in page_options


def _mapped_writer(path: Path, spec: OutputSpec, layout: Layout) -> ArrayWriter:
    mapped = tifffile.memmap(path, mode="r+")
    shape = layout.stored_shape(spec.sizes)
    planes = mapped.reshape(shape) if mapped.size == math.prod(shape) else mapped  # tifffile leaves axes of 1 out
    refuse_mismatch(spec.path, planes, shape, spec.dtype)
    return mapped_writer(planes, spec, layout)


def _encode(file_options: dict[str, Any], page_options: dict[str, Any], planes: Array, path: Path) -> None:
    pages = _tiles(planes, page_options["tile"]) if "tile" in page_options else _pages(planes)
    with tifffile.TiffWriter(path, **file_options) as tif:
        tif.write(pages, shape=planes.shape, dtype=planes.dtype, **page_options)


def _pages(planes: Array) -> Iterator[Array]:
    """The pages one by one; those that were taken leave memory."""
    for page in planes.reshape(-1, *planes.shape[-2:]):
        yield page
        release_map(planes)


def _tiles(planes: Array, sides: tuple[int, int]) -> Iterator[Array]:
    """The tiles of every page, row by row, filled up with zeros beyond the border."""
    height, width = sides
    for page in _pages(planes):
        for top in range(0, page.shape[0], height):
            for left in range(0, page.shape[1], width):
                tile = page[top : top + height, left : left + width]
                yield np.pad(tile, ((0, height - tile.shape[0]), (0, width - tile.shape[1])))
            release_map(planes)

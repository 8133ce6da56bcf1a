"""TIFF, BigTIFF, ImageJ and OME-TIFF, read page by page; uncompressed stacks are memory-mapped."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from pellucid.errors import InputError
from pellucid.files import reserve
from pellucid.io.data_bar import bar_beside
from pellucid.io.deferred_write import create_deferred, reopen_deferred
from pellucid.io.formats import tiff_series
from pellucid.io.formats.grey_palette import PaletteImage, is_identity, shown_values, sizes
from pellucid.io.formats.tiff_data_bar import read_data_bar
from pellucid.io.formats.tiff_pages import refuse_other_palettes, unwritten_chunks
from pellucid.io.formats.tiff_tags import TiffStyle, read_pixel_size, read_style, write_options
from pellucid.io.handles import Handle
from pellucid.io.image import DTYPES, ArrayImage, Image, reading
from pellucid.io.layout import SAMPLES, Array, Layout
from pellucid.io.maker_text import size_beside
from pellucid.io.manifest import WholeFiles
from pellucid.io.memmap import release_map
from pellucid.io.output_spec import ArrayWriter, OutputSpec, mapped_writer, refuse_mismatch

WRITABLE = DTYPES
STYLE = TiffStyle


logging.getLogger("tifffile").addHandler(logging.NullHandler())  # or it would write to the screen

_PALETTE = 3


def open_file(path: str, inner: str | None) -> Image:
    """Open one series of a file at full resolution: the one with the number ``inner``, else the only full grey one."""
    name = path if inner is None else f"{path}:{inner}"
    with tiff_series.open_tiff(path) as tif:
        series = tiff_series.choose(tif, path, inner)
        number = tif.series.index(series)
        layout = tiff_series.layout_of(series, name)
        tiff_series.refuse_incomplete(tif, number, name)
        unwritten = unwritten_chunks(series, name)
        image = _shown(_stored(tif, number, layout, path, name), tif, series)
        image.unwritten = unwritten
        image.data_bar = read_data_bar(series.keyframe, image.plane_shape) or bar_beside(path, image.plane_shape)
        image.style = read_style(tif, number, sizes(image))
        pixel_size = read_pixel_size(tif, number) or size_beside(path, image.plane_shape)
        image.pixel_size = pixel_size.along(image.axes) if pixel_size else None
        if series.is_multifile:
            files = tiff_series.files_of_set(series)
            image.files = WholeFiles(name, image.shape, lambda: files)
    image.refuse_colour()
    return image


def contents(path: str) -> list[str]:
    """The series of a file, one line each."""
    with reading(path), tiff_series.open_tiff(path) as tif:
        return tiff_series.describe(tif, path)


def _stored(tif: Any, number: int, layout: Layout, path: str, name: str) -> Image:
    series = tif.series[number]
    if series.dataoffset is not None and series.transform is None:
        dtype = np.dtype(series.dtype).newbyteorder(tif.byteorder)
        mapped = partial(np.memmap, path, dtype, "r", series.dataoffset, series.shape)
        return ArrayImage(name, Handle(mapped), layout)
    if series.transform is None and _one_page_a_plane(series, layout):
        return PagedTiff(path, number, series, layout, name)
    return ArrayImage(name, Handle(partial(_decode, path, number)), layout)


def _shown(stored: Image, tif: Any, series: Any) -> Image:
    """An image, or, if its pixels are numbers in a palette, what the palette shows."""
    page = series.keyframe
    if page.photometric != _PALETTE or page.colormap is None or stored.dtype.kind != "u":
        return stored
    refuse_other_palettes(tif, series, stored.path)
    shown = shown_values(np.asarray(page.colormap, np.uint16).T)
    return stored if is_identity(shown) else PaletteImage(stored, shown)


class PagedTiff(Image):
    """A compressed TIFF with one page per plane; a small window decodes only the strips or tiles that it touches."""

    def __init__(self, path: str, number: int, series: Any, layout: Layout, name: str) -> None:
        super().__init__(name, layout, series.shape, series.dtype)
        self._number = number
        self.chunks = (*self.chunks[:-2], *series.keyframe.chunks[:2])
        self._handle: Handle[Any] = Handle(partial(tiff_series.open_tiff, path), tifffile.TiffFile.close)
        self._lock = threading.RLock()  # an open file has one reading position

    def read_window(self, index: tuple[int, ...], rows: slice, columns: slice) -> Array:
        """See ``Image.read_window``."""
        number = int(np.ravel_multi_index(index, self.shape[:-2])) if index else 0
        with self._handle as tif:
            with self._lock:
                page = tif.series[self._number].pages[number]
            if page is None:
                raise InputError(f"{self.path}: page {number} is missing from the file; export it again")
            area = (rows.stop - rows.start) * (columns.stop - columns.start)
            if 2 * area > self.shape[-2] * self.shape[-1] or len(page.dataoffsets) == 1:
                # tifffile decodes a page of many small strips faster than zarr reads them one by one
                letters = "".join(letter for letter in page.axes if letter in "YX" + SAMPLES)
                return Layout(letters).to_axes(self._decode(tif, page))[rows, columns]
            import zarr  # here: whole pages need no zarr

            segments = zarr.open_array(tif.series[self._number].aszarr(level=0, lock=self._lock), mode="r")
            region = {axis: slice(i, i + 1) for axis, i in zip(self.axes, index, strict=False)}
            window = np.asarray(segments[self.layout.index(region | {"Y": rows, "X": columns})])
            plane: Array = self.layout.to_axes(window)[(0,) * len(index)]
            return plane

    def _decode(self, tif: Any, page: Any) -> Array:
        """The pixels of a page, which may be in another file of a set: tifffile keeps those closed."""
        decoded: Array
        if page.parent is tif:
            decoded = page.asarray(lock=self._lock)
            return decoded
        with self._lock, page.parent.filehandle as file:
            file.open()
            decoded = page.asarray(lock=self._lock)
        return decoded

    def close(self) -> None:
        """See ``Image.close``."""
        self._handle.close()


def _one_page_a_plane(series: Any, layout: Layout) -> bool:
    planes = int(np.prod(layout.shape(series.shape)[:-2], dtype=int))
    letters = [letter for letter in layout.stored if letter in "YX"]
    # not so if samples lie between the leading axes
    return len(series.pages) == planes and letters == ["Y", "X"]


def _decode(path: str, number: int) -> Any:
    with tiff_series.open_tiff(path) as tif:
        return tif.series[number].asarray()


def check(spec: OutputSpec) -> None:
    """Refuse to write one of several images of a file: the others would be lost."""
    if spec.inner is not None:
        file = spec.path.rpartition(":")[0]
        raise InputError(f"{spec.path}: a TIFF is written with one image; write to {file} instead")


def create(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Start a file of the input's kind and compression: mapped if neither compressed nor tiled, else encoded last."""
    layout, file_options, page_options, lost = _options(spec)
    if _is_encoded(page_options):
        return _noted(create_deferred(path, spec, layout, partial(_encode, file_options, page_options)), lost)
    with tifffile.TiffWriter(path, **file_options) as tif:
        tif.write(None, shape=layout.stored_shape(spec.sizes), dtype=spec.dtype, **page_options)
    reserve(path, path.stat().st_size)
    return _noted(_mapped_writer(path, spec, layout), lost)


def reopen(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Continue a file, or the planes that are to be encoded."""
    layout, file_options, page_options, lost = _options(spec)
    if _is_encoded(page_options):
        return _noted(reopen_deferred(path, spec, layout, partial(_encode, file_options, page_options)), lost)
    return _noted(_mapped_writer(path, spec, layout), lost)


def _noted(writer: ArrayWriter, lost: list[str]) -> ArrayWriter:
    writer.notes += [f"not kept: {', '.join(lost)}"] if lost else []
    return writer


def _options(spec: OutputSpec) -> tuple[Layout, dict[str, Any], dict[str, Any], list[str]]:
    return write_options(spec, spec.style if isinstance(spec.style, TiffStyle) else TiffStyle())


def _is_encoded(page_options: dict[str, Any]) -> bool:
    return "compression" in page_options or "tile" in page_options


def _mapped_writer(path: Path, spec: OutputSpec, layout: Layout) -> ArrayWriter:
    mapped = tifffile.memmap(path, mode="r+")
    shape = layout.stored_shape(spec.sizes)
    planes = mapped.reshape(shape) if mapped.size == math.prod(shape) else mapped  # tifffile drops axes of length 1
    refuse_mismatch(spec.path, planes, shape, spec.dtype)
    return mapped_writer(planes, spec, layout)


def _encode(file_options: dict[str, Any], page_options: dict[str, Any], planes: Array, path: Path) -> None:
    pages = _tiles(planes, page_options["tile"]) if "tile" in page_options else _pages(planes)
    with tifffile.TiffWriter(path, **file_options) as tif:
        tif.write(pages, shape=planes.shape, dtype=planes.dtype, **page_options)


def _pages(planes: Array) -> Iterator[Array]:
    """The pages one by one; tifffile, given the whole array, would keep all of it in memory."""
    for page in planes.reshape(-1, *planes.shape[-2:]):
        yield page
        release_map(planes)


def _tiles(planes: Array, sides: tuple[int, int]) -> Iterator[Array]:
    """The tiles of every page, row by row, padded with zeros: ``TiffWriter`` takes them one by one."""
    height, width = sides
    for page in _pages(planes):
        for top in range(0, page.shape[0], height):
            for left in range(0, page.shape[1], width):
                tile = page[top : top + height, left : left + width]
                yield np.pad(tile, ((0, height - tile.shape[0]), (0, width - tile.shape[1])))
            release_map(planes)

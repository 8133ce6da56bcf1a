"""SER, the format of TIA on FEI microscopes: images and series of images, memory-mapped. Read only.

An .emi file beside it describes the microscope; it is not needed for the pixels.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from pellucid.errors import InputError
from pellucid.io.formats.tensorstore import refuse_to_write
from pellucid.io.handles import Handle
from pellucid.io.image import Image
from pellucid.io.layout import Array, Layout
from pellucid.io.output_spec import Style
from pellucid.io.pixel_size import PixelSize

WRITABLE: tuple[str, ...] = ()
_BEGIN = b"II\x97\x01"  # little-endian; a TIA series
_SPECTRA, _IMAGES = 0x4120, 0x4122
_WIDE = 0x0220  # from this version on, positions have 64 bits
_TIMES, _PLACES = 0x4152, 0x4142  # what is told of each image
_TYPES = {1: "<u1", 2: "<u2", 3: "<u4", 4: "<i1", 5: "<i2", 6: "<i4", 7: "<f4", 8: "<f8"}
_COMPLEX = (9, 10)
_ELEMENT = struct.Struct("<ddiddihii")  # calibration of X, that of Y, type, width, height; the pixels follow
_LONGEST = 1.0  # metres: coarser calibrations are those of diffraction patterns, in 1/m

create = reopen = refuse_to_write


@dataclass(frozen=True)
class SerStyle(Style):
    """What is told of each image."""

    told: tuple[str, ...] = ()

    @property
    def annotations(self) -> tuple[str, ...]:
        """See ``Style.annotations``."""
        return self.told


STYLE = SerStyle


@dataclass(frozen=True)
class _Element:
    """An image in the file: where its rows begin, the lowest first, its shape and the size of a pixel in metres."""

    start: int
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    metres: tuple[float, float]


class SerImage(Image):
    """The images of a file, one after the other along T; one alone has the axes YX."""

    def __init__(self, path: str, elements: list[_Element]) -> None:
        first, several = elements[0], len(elements) > 1
        shape = (len(elements), *first.shape) if several else first.shape
        super().__init__(path, Layout("TYX" if several else "YX"), shape, first.dtype)
        self.pixel_size = _pixel_size(first.metres)
        self._elements = elements
        self._handle: Handle[Any] = Handle(partial(np.memmap, path, np.uint8, "r"))

    def read_window(self, index: tuple[int, ...], rows: slice, columns: slice) -> Array:
        """See ``Image.read_window``."""
        element = self._elements[index[0] if index else 0]
        with self._handle as mapped:
            plane: Array = np.ndarray(element.shape, element.dtype, mapped, element.start)
        return plane[::-1][rows, columns]

    def release(self) -> None:
        """See ``Image.release``."""
        self._handle.close()

    def close(self) -> None:
        """See ``Image.close``."""
        self._handle.close()


def open_file(path: str, inner: str | None) -> Image:
    """Open the images that were recorded; their number may be smaller than planned."""
    del inner
    with Path(path).open("rb") as file:
        elements, told = _read(file, path)
    first = elements[0]
    if any((other.shape, other.dtype) != (first.shape, first.dtype) for other in elements):
        raise InputError(f"{path}: has images of several sizes or pixel types; export each to a TIFF of its own")
    image = SerImage(path, elements)
    patterns = ("a calibration in 1/m",) if max(map(abs, first.metres)) >= _LONGEST else ()
    image.style = SerStyle(told + patterns)
    return image


def _read(file: BinaryIO, path: str) -> tuple[list[_Element], tuple[str, ...]]:
    if file.read(4) != _BEGIN:
        raise InputError(f"{path}: is not a SER file of TIA; export it again")
    (version,) = struct.unpack("<H", _take(file, 2, path))
    of_what, tag, _, recorded = struct.unpack("<IIii", _take(file, 16, path))
    position = struct.Struct("<q" if version >= _WIDE else "<i")
    if of_what == _SPECTRA:
        raise InputError(f"{path}: holds spectra ({recorded}), not images; give an image")
    if of_what != _IMAGES:
        raise InputError(f"{path}: has neither images nor spectra (type {of_what:#x}); export it again")
    if recorded < 1:
        raise InputError(f"{path}: has no image in it; the recording was stopped before the first")
    (listing,) = position.unpack(_take(file, position.size, path))
    file.seek(listing)
    starts = [start for (start,) in position.iter_unpack(_take(file, recorded * position.size, path))]
    what = {_TIMES: "recording times", _PLACES: "recording times and positions"}.get(tag)
    return [_element(file, start, path) for start in starts], (what,) if what else ()


def _element(file: BinaryIO, start: int, path: str) -> _Element:
    file.seek(start)
    _, x, _, _, y, _, kind, width, height = _ELEMENT.unpack(_take(file, _ELEMENT.size, path))
    if kind in _COMPLEX:
        raise InputError(f"{path}: has complex pixels (a Fourier transform); export their magnitude")
    if kind not in _TYPES:
        raise InputError(f"{path}: has pixels of the unknown type {kind}; export it again")
    element = _Element(start + _ELEMENT.size, (height, width), np.dtype(_TYPES[kind]), (y, x))
    end = element.start + height * width * element.dtype.itemsize
    if min(height, width) < 1 or end > os.fstat(file.fileno()).st_size:
        _refuse_cut_off(path)
    return element


def _take(file: BinaryIO, count: int, path: str) -> bytes:
    if file.tell() + count > os.fstat(file.fileno()).st_size:  # before a damaged count fills the memory
        _refuse_cut_off(path)
    return file.read(count)


def _refuse_cut_off(path: str) -> None:
    raise InputError(f"{path}: is cut off or damaged; copy or export it again")


def _pixel_size(metres: tuple[float, float]) -> PixelSize | None:
    y, x = (abs(one) for one in metres)
    if not (0 < y < _LONGEST and 0 < x < _LONGEST):
        return None
    return PixelSize({"Y": y, "X": x}, "m").to("nm" if x < 1e-6 else "µm")

"""MRC (also .map, .rec, .st, ...): a format of electron microscopy, memory-mapped, with voxel sizes in ångström.

Bytes (mode 0) are signed, as in MRC2014, unless IMOD's flag says otherwise, or the greatest value in the header is
beyond 127. Files compressed by gzip or bzip2 are read through an uncompressed copy in the folder for temporary files.
"""

from __future__ import annotations

import bz2
import gzip
import io
import math
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from pellucid.errors import InputError
from pellucid.files import reserve, writing
from pellucid.io.formats.mrc_header import FOUR_BITS, LENGTH, UPWARDS, Header, MrcStyle
from pellucid.io.formats.mrc_result import describe
from pellucid.io.handles import Handle
from pellucid.io.image import ArrayImage, Image
from pellucid.io.layout import Array
from pellucid.io.memmap import release_map
from pellucid.io.output_spec import ArrayWriter, OutputSpec, mapped_writer, refuse_mismatch

WRITABLE = ("uint8", "int8", "uint16", "int16", "float16", "float32")
STYLE = MrcStyle
OWN = (UPWARDS,)
_PART = 1 << 18  # pixels that are processed at once: they fit in the processor's cache
_PACKERS: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b\x08": gzip.open, b"BZh": bz2.open}  # by their first bytes


class MrcImage(ArrayImage):
    """An MRC file, mapped when its pixels are first read."""

    def __init__(self, path: str, header: Header, handle: Handle[Any]) -> None:
        Image.__init__(self, path, header.layout, header.shape, header.dtype)
        self._handle = handle


class FourBitPixels:
    """An array of 4-bit pixels, two to a byte, the first in the low bits; every row begins with a byte of its own."""

    dtype = np.dtype(np.uint8)

    def __init__(self, packed: Array, columns: int) -> None:
        self.shape = (*packed.shape[:-1], columns)
        self._packed = packed

    def __getitem__(self, index: tuple[slice, ...]) -> Array:
        start, stop, _ = index[-1].indices(self.shape[-1])
        packed = np.asarray(self._packed[(*index[:-1], slice(start // 2, (stop + 1) // 2))])
        pixels = np.stack([packed & 15, packed >> 4], axis=-1).reshape(*packed.shape[:-1], -1)
        return pixels[..., start % 2 : start % 2 + stop - start]


def open_file(path: str, inner: str | None) -> Image:
    """Read the headers; three dimensions are ZYX, a stack of images too, four are a stack of volumes, TZYX."""
    del inner
    with _unpacked(path) as file:
        header = _read_header(file, path)
        if not _is_packed(path):
            _refuse_cut_off(path, header, Path(path).stat().st_size)
        extended = file.read(int(header.fields["nsymbt"]))
    image = MrcImage(path, header, Handle(partial(_map, path, header)))
    image.style = MrcStyle(bytes(header), extended)
    pixel_size = header.pixel_size
    image.pixel_size = pixel_size.along(image.axes) if pixel_size else None
    return image


def _read_header(file: IO[bytes], path: str) -> Header:
    data = file.read(LENGTH)
    if len(data) < LENGTH:
        raise InputError(f"{path}: is cut off ({len(data):,} of {LENGTH:,} bytes of header); copy or export it again")
    header = Header(data)
    header.check(path)
    return header


def _is_packed(path: str) -> bool:
    with Path(path).open("rb") as file:
        return file.read(3) in _PACKERS


def _unpacked(path: str) -> IO[bytes]:
    """The file as a stream, decompressed if its content is compressed, whatever its name."""
    with Path(path).open("rb") as file:
        opener = _PACKERS.get(file.read(3), io.open)
    stream: IO[bytes] = opener(path, "rb")
    return stream


def _map(path: str, header: Header) -> Any:
    if not _is_packed(path):
        return _pixels(path, header)
    with _unpacked(path) as packed, tempfile.TemporaryFile(prefix="pellucid-") as copy:
        with writing(f"the uncompressed copy of {path} in {tempfile.gettempdir()}"):
            shutil.copyfileobj(packed, copy, 1 << 20)
            copy.flush()
        _refuse_cut_off(path, header, copy.tell())
        return _pixels(copy, header)


def _pixels(file: Any, header: Header) -> Any:
    offset, shape = LENGTH + int(header.fields["nsymbt"]), header.shape
    if header.fields["mode"] != FOUR_BITS:
        return np.memmap(file, header.dtype, "r", offset, shape)
    packed = np.memmap(file, np.uint8, "r", offset, (*shape[:-1], (shape[-1] + 1) // 2))
    return FourBitPixels(packed, shape[-1])


def _refuse_cut_off(path: str, header: Header, size: int) -> None:
    *leading, columns = header.shape
    row = (columns + 1) // 2 if header.fields["mode"] == FOUR_BITS else columns * header.dtype.itemsize
    extended, pixels = int(header.fields["nsymbt"]), math.prod(leading) * row
    if size >= LENGTH + extended + pixels:
        return
    if size == LENGTH + pixels:
        raise InputError(
            f"{path}: lacks the extended header of {extended:,} bytes that its header announces (nsymbt); "
            "set that to 0, or export it again"
        )
    raise InputError(f"{path}: is cut off ({size:,} of {LENGTH + extended + pixels:,} bytes); copy or export it again")


def check(spec: OutputSpec) -> None:
    """Raise InputError for what MRC cannot hold."""
    if spec.path.lower().endswith((".gz", ".bz2")):
        raise InputError(f"{spec.path}: compressed MRC is only read; write .mrc instead")
    if len(spec.axes) > 4 or "C" in spec.axes:
        raise InputError(f"{spec.path}: MRC holds YX, ZYX or TZYX, not {spec.axes}; write .tif or .zarr instead")


def create(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Map a new file, in the order of axes and of bytes of an MRC input."""
    check(spec)
    result = describe(spec)
    path.write_bytes(bytes(result.header) + result.extended)
    reserve(path, LENGTH + len(result.extended) + math.prod(spec.shape) * result.header.dtype.itemsize)
    return reopen(path, spec)


def reopen(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Map the pixels of a file that was begun; the statistics in its header are completed at the end."""
    result = describe(spec)
    wanted, shape = result.header.dtype, result.layout.stored_shape(spec.sizes)
    with path.open("rb") as file:
        begun = Header(file.read(LENGTH))
    mapped = _pixels(path, begun)  # not yet for writing, which would extend a file that is cut off
    # a stack of one section is a section
    refuse_mismatch(spec.path, mapped.reshape(shape) if mapped.size == math.prod(shape) else mapped, shape, wanted)
    pixels = np.memmap(path, wanted, "r+", mapped.offset, shape)
    writer = mapped_writer(pixels, spec, result.layout, partial(_finish, path, pixels))
    writer.notes = result.notes
    return writer


def _finish(path: Path, pixels: Array) -> None:
    """Write the range, mean and deviation of all pixels to the header, without keeping all of them in memory."""
    lows, highs, sums, squares = [], [], [], []
    flat = pixels.reshape(-1)
    for start in range(0, flat.size, _PART):
        part = flat[start : start + _PART]
        lows.append(part.min())
        highs.append(part.max())
        numbers = part.astype(np.float64)
        sums.append(numbers.sum())
        squares.append(numbers @ numbers)
        release_map(pixels)
    mean = math.fsum(sums) / pixels.size
    with path.open("r+b") as file:
        header = Header(file.read(LENGTH))
        header.fields["dmin"], header.fields["dmax"], header.fields["dmean"] = min(lows), max(highs), mean
        header.fields["rms"] = math.sqrt(max(0.0, math.fsum(squares) / pixels.size - mean**2))
        file.seek(0)
        file.write(bytes(header))

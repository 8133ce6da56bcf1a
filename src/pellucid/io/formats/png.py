"""PNG, 8 and 16 bit, read and written by imagecodecs (Pillow would cut 16-bit colour to 8 bits)."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import imagecodecs
import numpy as np

from pellucid.errors import InputError
from pellucid.io.deferred_write import create_deferred, reopen_deferred
from pellucid.io.image import Image
from pellucid.io.layout import Array, Layout
from pellucid.io.output_spec import ArrayWriter, OutputSpec
from pellucid.io.pixel_size import PixelSize

WRITABLE = ("uint8", "uint16")
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SAMPLES = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}  # by colour type; a palette is decoded to RGB
#: Resolutions coarser than this are those of a printer or screen (72 to 600 dpi), not of a microscope.
PRINT_METRES = 20e-6


@dataclass(frozen=True)
class _Header:
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    samples: int
    pixel_size: PixelSize | None


class PngImage(Image):
    """A PNG file, decoded whole at every read."""

    def __init__(self, path: str) -> None:
        header = _read_header(path)
        layout = Layout("YXS" if header.samples > 1 else "YX")
        super().__init__(path, layout, (*header.shape, header.samples)[: len(layout.stored)], header.dtype)
        self.pixel_size = header.pixel_size
        self.refuse_colour()

    def read_window(self, index: tuple[int, ...], rows: slice, columns: slice) -> Array:
        """See ``Image.read_window``."""
        del index
        whole: Array = imagecodecs.png_decode(Path(self.path).read_bytes())
        return whole[rows, columns]


def open_file(path: str, inner: str | None) -> Image:
    """Read the header only, unless the file has colour samples."""
    del inner
    return PngImage(path)


def _read_header(path: str) -> _Header:
    with Path(path).open("rb") as file:
        if file.read(8) != _SIGNATURE:
            raise InputError(f"{path}: is no PNG file; rename it by what it is, or export it again")
        fields: dict[bytes, bytes] = {}
        while (kind := _chunk(file, fields)) not in (b"IDAT", b""):
            pass
        file.seek(-12, 2)
        if kind != b"IDAT" or file.read(12)[4:8] != b"IEND":
            raise InputError(f"{path}: is cut off before its end; copy or export it again")
    width, height, depth, colour = struct.unpack(">IIBB", fields[b"IHDR"][:10])
    dtype = np.dtype("uint16" if depth == 16 else "uint8")
    return _Header((height, width), dtype, _SAMPLES[colour], _pixel_size(fields.get(b"pHYs")))


def _chunk(file: BinaryIO, fields: dict[bytes, bytes]) -> bytes:
    head = file.read(8)
    if len(head) < 8:
        return b""
    size, kind = struct.unpack(">I4s", head)
    if kind != b"IDAT":
        fields[kind] = file.read(size + 4)[:size]
    return bytes(kind)


def _pixel_size(physical: bytes | None) -> PixelSize | None:
    if physical is None:
        return None
    per_metre_x, per_metre_y, unit = struct.unpack(">IIB", physical)
    if unit != 1 or min(per_metre_x, per_metre_y) <= 1 / PRINT_METRES:
        return None
    size = PixelSize({"Y": 1 / per_metre_y, "X": 1 / per_metre_x}, "m")
    return size.to("nm" if size.values["X"] < 1e-6 else "µm", digits=7)  # it was stored as a whole number


def create(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Encode one plane at the end."""
    if spec.planes != 1:
        raise InputError(
            f"{spec.path}: PNG holds one plane, this image has {spec.planes}; write .tif, .mrc or .zarr instead"
        )
    return create_deferred(path, spec, Layout(spec.axes), partial(_encode, spec))


def reopen(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Go on with the plane that is to be encoded."""
    return reopen_deferred(path, spec, Layout(spec.axes), partial(_encode, spec))


def _encode(spec: OutputSpec, plane: Array, path: Path) -> None:
    data = bytes(imagecodecs.png_encode(plane.reshape(spec.shape[-2:])))
    path.write_bytes(_with_pixel_size(data, spec.pixel_size))


def _with_pixel_size(data: bytes, pixel_size: PixelSize | None) -> bytes:
    """Put a pHYs chunk behind the header, which always takes the first 33 bytes."""
    if pixel_size is None or not {"Y", "X"} <= set(pixel_size.values):
        return data
    metres = pixel_size.to("m").values
    per_metre = [round(1 / metres[axis]) for axis in "XY"]
    if not all(0 < number < 2**32 for number in per_metre):
        return data
    body = b"pHYs" + struct.pack(">IIB", *per_metre, 1)
    return data[:33] + struct.pack(">I", 9) + body + struct.pack(">I", zlib.crc32(body)) + data[33:]

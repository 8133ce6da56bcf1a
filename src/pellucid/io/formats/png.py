"""PNG, 8 and 16 bit: Pillow reads the header, imagecodecs the pixels (Pillow would reduce 16-bit colour to 8 bits)."""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngImageFile, PngInfo

from pellucid.errors import InputError
from pellucid.io.data_bar import bar_beside
from pellucid.io.deferred_write import create_deferred, reopen_deferred
from pellucid.io.image import Image
from pellucid.io.layout import Array, Layout
from pellucid.io.maker_text import size_beside
from pellucid.io.output_spec import ArrayWriter, OutputSpec, Style, lost_pixel_size
from pellucid.io.pixel_size import PRINT_METRES, PixelSize

WRITABLE = ("uint8", "uint16")
_GREY = {"1": "uint8", "L": "uint8", "I;16": "uint16"}  # Pillow's modes; those of colour do not tell the bit depth
_INCH = 0.0254  # in metres
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_SAID = {b"eXIf": "Exif", b"tIME": "time", **dict.fromkeys(_TEXTS, "texts"), b"gAMA": "gamma"}
_LOST = {b"iCCP": "colour profile", b"acTL": "the frames after the first"}
_COPIED = (*_SAID, b"sRGB", b"cHRM")  # with gamma, the last two tell how bright a grey is shown
# written anew, of colours, or parts of what is told in words
_NOT_TOLD = (b"pHYs", b"tRNS", b"bKGD", b"hIST", b"sPLT", b"fcTL", b"fdAT")


@dataclass(frozen=True)
class PngStyle(Style):
    """The chunks of a PNG that are copied, and what is not written again."""

    chunks: tuple[tuple[bytes, bytes], ...] = ()
    lost: tuple[str, ...] = field(default=(), compare=False)

    @property
    def annotations(self) -> tuple[str, ...]:
        """See ``Style.annotations``."""
        return (*self.lost, *dict.fromkeys(_SAID[name] for name, _ in self.chunks if name in _SAID))


STYLE = PngStyle
logging.getLogger("imagecodecs").addHandler(logging.NullHandler())  # or it would warn of every interlaced file


class PngImage(Image):
    """A PNG file, decoded whole at every read."""

    def __init__(self, path: str) -> None:
        with PngImageFile(path) as file:  # unlike Pillow.open, it does not refuse images above 179 megapixels
            shape, dtype, dpi = file.size[::-1], _GREY.get(file.mode), file.info.get("dpi")
            has_alpha = "A" in file.mode or "transparency" in file.info
        chunks = list(_chunks(path))
        if not chunks or chunks[-1][0] != b"IEND":
            raise InputError(f"{path}: is cut off before its end; copy or export it again")
        if dtype:
            super().__init__(path, Layout("YX"), shape, dtype)
        else:
            decoded = _decode(path)
            super().__init__(path, Layout("YXS"[: decoded.ndim]), decoded.shape, decoded.dtype)
        self.pixel_size = (_pixel_size(dpi) if dpi else None) or size_beside(path, self.plane_shape)
        self.data_bar = bar_beside(path, self.plane_shape)
        self.style = _style(chunks, has_alpha=has_alpha)
        self.refuse_colour()

    def read_window(self, index: tuple[int, ...], rows: slice, columns: slice) -> Array:
        """See ``Image.read_window``."""
        del index
        return _decode(self.path)[rows, columns]


def open_file(path: str, inner: str | None) -> Image:
    """Read the header only, unless the file is stored as colour."""
    del inner
    return PngImage(path)


def _decode(path: str) -> Array:
    decoded: Array = imagecodecs.png_decode(Path(path).read_bytes())
    return decoded


def _style(chunks: list[tuple[bytes, bytes]], *, has_alpha: bool) -> PngStyle:
    names = dict(chunks)
    lost = [words for name, words in _LOST.items() if name in names] + (["alpha"] if has_alpha else [])
    known = (*_LOST, *_COPIED, *_NOT_TOLD)
    others = [name.decode("latin-1") for name in names if name[:1].islower() and name not in known]
    lost += [f"other chunks: {', '.join(others)}"] if others else []
    return PngStyle(tuple(chunk for chunk in chunks if chunk[0] in _COPIED), tuple(lost))


def _chunks(path: str) -> Iterator[tuple[bytes, bytes]]:
    """The name of each chunk up to the end of the image, with the content of those that say something beside pixels."""
    with Path(path).open("rb") as file:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            size, name = struct.unpack(">I4s", head)
            if name in _COPIED or name in _LOST:
                yield name, file.read(size)
                file.seek(4, 1)
            else:
                yield name, b""
                file.seek(size + 4, 1)
            if name == b"IEND":  # what follows is no part of the image
                return


def _pixel_size(dpi: tuple[float, float]) -> PixelSize | None:
    x, y = (_INCH / per_inch if per_inch else np.inf for per_inch in dpi)
    if max(x, y) >= PRINT_METRES:
        return None
    size = PixelSize({"Y": y, "X": x}, "m")
    return size.to("nm" if x < 1e-6 else "µm", digits=7)  # it was stored as a whole number of pixels per metre


def check(spec: OutputSpec) -> None:
    """Raise InputError if there is more than one plane."""
    if spec.planes != 1:
        raise InputError(
            f"{spec.path}: PNG holds one plane, but this image has {spec.planes}; write .tif, .mrc or .zarr instead"
        )


def create(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Encode one plane at the end."""
    check(spec)
    return _noted(create_deferred(path, spec, Layout(spec.axes), partial(_encode, spec)), spec)


def reopen(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Continue with the plane that is to be encoded."""
    return _noted(reopen_deferred(path, spec, Layout(spec.axes), partial(_encode, spec)), spec)


def _noted(writer: ArrayWriter, spec: OutputSpec) -> ArrayWriter:
    lost = spec.style.lost if isinstance(spec.style, PngStyle) else ()
    writer.notes += [f"not kept: {', '.join(lost)}"] if lost else []
    writer.notes += [] if _resolution(spec.pixel_size) else lost_pixel_size(spec, "PNG")
    return writer


def _encode(spec: OutputSpec, plane: Array, path: Path) -> None:
    chunks = spec.style.chunks if isinstance(spec.style, PngStyle) else ()
    info = PngInfo()
    for name, content in chunks:
        info.add(name, content)
    if spec.history:
        info.add_text("Software", spec.history)
    exif = dict(chunks).get(b"eXIf")
    options = {"pnginfo": info, **({"exif": exif} if exif else {}), **_resolution(spec.pixel_size)}
    Pillow.fromarray(plane.reshape(spec.shape[-2:])).save(path, "PNG", **options)


def _resolution(pixel_size: PixelSize | None) -> dict[str, Any]:
    if pixel_size is None or not {"Y", "X"} <= set(pixel_size.values):
        return {}
    x, y = (pixel_size.to("m").values[axis] for axis in "XY")
    dpi = (_INCH / x, _INCH / y)
    fits = 1 / min(x, y) < 2**32 - 1 and _pixel_size(dpi)  # a coarse one would be taken for that of a print
    return {"dpi": dpi} if fits else {}

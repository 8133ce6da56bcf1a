"""JPEG: read only, because its compression removes the detail by which a denoiser is judged."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile

from pellucid.errors import InputError
from pellucid.io.data_bar import bar_beside
from pellucid.io.image import Image
from pellucid.io.layout import Array, Layout
from pellucid.io.maker_text import size_beside
from pellucid.io.output_spec import ArrayWriter, OutputSpec, Style

WRITABLE: tuple[str, ...] = ()
_ORIENTATION = 0x0112  # a tag of Exif
_TURNED = {
    **dict.fromkeys((2, 4), "mirrored"),
    **dict.fromkeys((3, 6, 8), "turned"),
    **dict.fromkeys((5, 7), "turned and mirrored"),
}
_SAID = {"comment": "comment", "exif": "Exif", "xmp": "XMP", "icc_profile": "colour profile"}  # by Pillow's names
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")  # in compressed pixels, the others are no markers
_END = 0xD9
_ANYTHING = bytes(range(1, 128))


@dataclass(frozen=True)
class JpegStyle(Style):
    """What a JPEG says beside its pixels; all of it is lost, as JPEG is not written."""

    said: tuple[str, ...] = ()

    @property
    def annotations(self) -> tuple[str, ...]:
        """See ``Style.annotations``."""
        return self.said


STYLE = JpegStyle


class JpegImage(Image):
    """A JPEG file, decoded whole at every read."""

    def __init__(self, path: str) -> None:
        with _opened(path) as file:
            (width, height), bands = file.size, len(file.getbands())
            said = tuple(_said(file))
        if bands not in (1, 3):
            raise InputError(f"{path}: is a print image with {bands} inks; convert it to grey")
        layout = Layout("YX" if bands == 1 else "YXS")
        super().__init__(path, layout, (height, width, bands)[: len(layout.stored)], np.uint8)
        self.pixel_size = size_beside(path, self.plane_shape)
        self.data_bar = bar_beside(path, self.plane_shape)
        self.style = JpegStyle(said)
        self._is_whole = False
        self.refuse_colour()

    def read_window(self, index: tuple[int, ...], rows: slice, columns: slice) -> Array:
        """See ``Image.read_window``."""
        del index
        data = Path(self.path).read_bytes()
        pixels = _decode(data)
        if not self._is_whole:
            _refuse_cut_off(self.path, data, pixels)
            self._is_whole = True
        return pixels[rows, columns]


def open_file(path: str, inner: str | None) -> Image:
    """Read the header only, unless the file is stored as colour."""
    del inner
    return JpegImage(path)


@contextmanager
def _opened(file: str | io.BytesIO) -> Iterator[ImageFile]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of damaged Exif, of which only the orientation matters
        with JpegImageFile(file) as opened:  # unlike Pillow.open, it does not refuse images above 179 megapixels
            yield opened


def _said(file: ImageFile) -> Iterator[str]:
    """What the file says beside its pixels, in words."""
    turned = _TURNED.get(file.getexif().get(_ORIENTATION, 1))
    for name, words in _SAID.items():
        if file.info.get(name):
            yield f"{words} (by its orientation the image is shown {turned})" if name == "exif" and turned else words


def _decode(data: bytes) -> Array:
    with _opened(io.BytesIO(data)) as file:
        return np.asarray(file)


def _refuse_cut_off(path: str, data: bytes, pixels: Array) -> None:
    """Raise InputError if the compressed pixels end too early, which the library fills with grey without a word.

    They do if the decoder would have used more of them: if other bytes behind them change the image.
    """
    end = _end(data)
    if end and not np.array_equal(_decode(data[:end] + _ANYTHING + data[end:]), pixels):
        raise InputError(f"{path}: is cut off: a part of its pixels is missing; copy or export it again")


def _end(data: bytes) -> int | None:
    """Where the image ends, which may be before the end of the file: cameras append previews."""
    at = 2
    while found := _MARKER.search(data, at):
        if found[1][0] == _END:
            return found.start()
        at = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
    return None


def create(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Raise InputError: JPEG is not written."""
    del path
    raise InputError(f"{spec.path}: JPEG loses detail and is only read; write .tif or .png instead")


reopen = create

"""JPEG: read only, because its compression removes the detail by which a denoiser is judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL.JpegImagePlugin import JpegImageFile

from pellucid.errors import InputError
from pellucid.io.image import Image
from pellucid.io.layout import Array, Layout
from pellucid.io.output_spec import ArrayWriter, OutputSpec

WRITABLE: tuple[str, ...] = ()


class JpegImage(Image):
    """A JPEG file, decoded whole at every read."""

    def __init__(self, path: str) -> None:
        with JpegImageFile(path) as file:  # unlike Pillow.open, it does not refuse images above 179 megapixels
            (width, height), bands = file.size, len(file.getbands())
        if bands not in (1, 3):
            raise InputError(f"{path}: is a print image with {bands} inks; convert it to grey")
        layout = Layout("YX" if bands == 1 else "YXS")
        super().__init__(path, layout, (height, width, bands)[: len(layout.stored)], np.uint8)
        self.refuse_colour()

    def read_window(self, index: tuple[int, ...], rows: slice, columns: slice) -> Array:
        """See ``Image.read_window``."""
        del index
        with JpegImageFile(self.path) as file:
            return np.asarray(file)[rows, columns]


def open_file(path: str, inner: str | None) -> Image:
    """Read the header only, unless the file is stored as colour."""
    del inner
    return JpegImage(path)


def create(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Raise InputError: JPEG is not written."""
    del path
    raise InputError(f"{spec.path}: JPEG loses detail and is only read; write .tif or .png instead")


reopen = create

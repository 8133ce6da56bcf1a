"""PNG, 8 and 16 bit: Pillow reads the header, imagecodecs the pixels (Pillow would reduce 16-bit colour to 8 bits)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngImageFile

from pellucid.errors import InputError
from pellucid.io.deferred_write import create_deferred, reopen_deferred
from pellucid.io.image import Image
from pellucid.io.layout import Array, Layout
from pellucid.io.output_spec import ArrayWriter, OutputSpec
from pellucid.io.pixel_size import PRINT_METRES, PixelSize

WRITABLE = ("uint8", "uint16")
_GREY = {"1": "uint8", "L": "uint8", "I;16": "uint16"}  # Pillow's modes; those of colour do not tell the bit depth
_INCH = 0.0254  # in metres
#: Resolutions coarser than this are those of a printer or screen (72 to 600 dpi), not of a microscope.


class PngImage(Image):
    """A PNG file, decoded whole at every read."""

    def __init__(self, path: str) -> None:
        with PngImageFile(path) as file:  # unlike Pillow.open, it does not refuse images above 179 megapixels
            shape, dtype, dpi = file.size[::-1], _GREY.get(file.mode), file.info.get("dpi")
        _refuse_cut_off(path)
        if dtype:
            super().__init__(path, Layout("YX"), shape, dtype)
        else:
            decoded = _decode(path)
            super().__init__(path, Layout("YXS"[: decoded.ndim]), decoded.shape, decoded.dtype)
        self.pixel_size = _pixel_size(dpi) if dpi else None
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


def _refuse_cut_off(path: str) -> None:
    with Path(path).open("rb") as file:
        file.seek(-8, 2)
        if file.read(4) != b"IEND":
            raise InputError(f"{path}: is cut off before its end; copy or export it again")


def _pixel_size(dpi: tuple[float, float]) -> PixelSize | None:
    x, y = (_INCH / per_inch if per_inch else np.inf for per_inch in dpi)
    if max(x, y) >= PRINT_METRES:
        return None
    size = PixelSize({"Y": y, "X": x}, "m")
    return size.to("nm" if x < 1e-6 else "µm", digits=7)  # it was stored as a whole number of pixels per metre


def create(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Encode one plane at the end."""
    if spec.planes != 1:
        raise InputError(
            f"{spec.path}: PNG holds one plane, but this image has {spec.planes}; write .tif, .mrc or .zarr instead"
        )
    return create_deferred(path, spec, Layout(spec.axes), partial(_encode, spec))


def reopen(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Continue with the plane that is to be encoded."""
    return reopen_deferred(path, spec, Layout(spec.axes), partial(_encode, spec))


def _encode(spec: OutputSpec, plane: Array, path: Path) -> None:
    Pillow.fromarray(plane.reshape(spec.shape[-2:])).save(path, "PNG", **_resolution(spec.pixel_size))


def _resolution(pixel_size: PixelSize | None) -> dict[str, Any]:
    if pixel_size is None or not {"Y", "X"} <= set(pixel_size.values):
        return {}
    metres = pixel_size.to("m").values
    fits = all(1 <= 1 / metres[axis] < 2**32 - 1 for axis in "XY")
    return {"dpi": (_INCH / metres["X"], _INCH / metres["Y"])} if fits else {}

"""OIB and OIF, the formats of Olympus's FluoView: a TIFF for each plane, in one file or in a folder. Read only.

The oiffile library reads them, which is optional and imported when first used.
"""

from __future__ import annotations

import math
import threading
from functools import partial
from typing import Any

from pellucid.errors import InputError
from pellucid.io.formats.microscopes import library
from pellucid.io.formats.tensorstore import refuse_to_write
from pellucid.io.handles import Handle
from pellucid.io.image import Image
from pellucid.io.layout import Array, named_layout
from pellucid.io.pixel_size import PixelSize, known_unit

WRITABLE: tuple[str, ...] = ()

create = reopen = refuse_to_write


class FluoViewImage(Image):
    """The longest series of planes of a file."""

    def __init__(self, path: str) -> None:
        self._handle: Handle[Any] = Handle(partial(library("oiffile", path).OifFile, path), lambda file: file.close())
        self._lock = threading.Lock()  # an open file has one reading position
        with self._handle as file:
            if not file.series:
                raise InputError(f"{path}: has no planes; keep the folder {path}.files beside it")
            series = file.series[0]
            self._files = list(series)
            plane = file.asarray(series=self._files[0])
            shape = (*series.shape, *plane.shape)
            if plane.ndim != 2 or math.prod(series.shape) != len(self._files):
                raise InputError(f"{path}: is in colour, or planes of it are missing; export it as TIFF again")
            super().__init__(path, named_layout(f"{series.axes}YX", shape, path), shape, plane.dtype)
            self._leading: tuple[int, ...] = tuple(series.shape)
            self.pixel_size = _pixel_size(file.mainfile, self.axes)

    def read_window(self, index: tuple[int, ...], rows: slice, columns: slice) -> Array:
        """See ``Image.read_window``; a plane is decoded whole."""
        number = 0
        for size, place in zip(self._leading, index, strict=True):
            number = number * size + place
        with self._handle as file, self._lock:
            plane: Array = file.asarray(series=self._files[number])
        return plane[rows, columns]

    def close(self) -> None:
        """See ``Image.close``."""
        self._handle.close()


def open_file(path: str, inner: str | None) -> Image:
    """Open a file; it has one image."""
    del inner
    return FluoViewImage(path)


def _pixel_size(settings: Any, axes: str) -> PixelSize | None:
    """Width and height of a pixel from the settings of the reference image, the distance of planes from the Z axis."""
    reference = settings.get("Reference Image Parameter", {})
    depth = settings.get("Axis 3 Parameters Common", {})
    told = {
        "Z": (depth.get("Interval"), depth.get("UnitName")),
        "Y": (reference.get("HeightConvertValue"), reference.get("HeightUnit")),
        "X": (reference.get("WidthConvertValue"), reference.get("WidthUnit")),
    }
    known = {
        axis: PixelSize({axis: abs(float(size))}, unit)
        for axis, (size, text) in told.items()
        if axis in axes and size and (unit := known_unit(text))
    }
    if not {"Y", "X"} <= set(known):
        return None
    unit = known["X"].unit
    return PixelSize({axis: size.to(unit).values[axis] for axis, size in known.items()}, unit)

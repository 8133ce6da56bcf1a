"""ND2, the format of Nikon's NIS-Elements: one stage position, ``file.nd2:1``, plane by plane. Read only.

The nd2 library reads it, which is optional and imported when first used.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import numpy as np

from pellucid.errors import InputError
from pellucid.io.formats.microscopes import chosen, library
from pellucid.io.formats.tensorstore import refuse_to_write
from pellucid.io.handles import Handle
from pellucid.io.image import Image, reading
from pellucid.io.layout import Array, named_layout
from pellucid.io.pixel_size import PixelSize

WRITABLE: tuple[str, ...] = ()
_IN_FRAME = "CYXS"  # axes of what the library reads at once
_POSITIONS = "P"

create = reopen = refuse_to_write


class Nd2Image(Image):
    """One position of a file.

    Args:
        path: Of the file.
        inner: The number of the position, as the user wrote it.
    """

    def __init__(self, path: str, inner: str | None) -> None:
        self._handle: Handle[Any] = Handle(partial(library("nd2", path).ND2File, path), lambda file: file.close())
        self._lock = threading.Lock()
        with self._handle as file:
            self._sizes: dict[str, int] = dict(file.sizes)
            self._position = chosen(path, inner, _titles(file))
            stored = "".join(axis for axis in self._sizes if axis != _POSITIONS)
            name = path if inner is None else f"{path}:{inner}"
            if "S" in stored:
                raise InputError(
                    f"{name}: is a colour image; Pellucid denoises one channel at a time: export one as TIFF"
                )
            shape = [self._sizes[axis] for axis in stored]
            super().__init__(name, named_layout(stored, shape, name), shape, file.dtype)
            self._stored_axes = stored
            self.pixel_size = _pixel_size(file, self.axes)

    def read_window(self, index: tuple[int, ...], rows: slice, columns: slice) -> Array:
        """See ``Image.read_window``; the library reads all channels of a plane at once."""
        own = [axis for axis in self._stored_axes if axis not in "YX"]
        place = dict(zip(own, index, strict=True)) | {_POSITIONS: self._position}
        loops = [axis for axis in self._sizes if axis not in _IN_FRAME]
        number = 0
        for axis in loops:
            number = number * self._sizes[axis] + place[axis]
        with self._handle as file, self._lock:
            frame = np.asarray(file.read_frame(number))
        plane: Array = frame.reshape(-1, *self.shape[-2:])[place.get("C", 0)]
        return plane[rows, columns]

    def close(self) -> None:
        """See ``Image.close``."""
        self._handle.close()


def open_file(path: str, inner: str | None) -> Image:
    """Open the only position of a file, or the one that is named."""
    return Nd2Image(path, inner)


def contents(path: str) -> list[str]:
    """The positions in a file, one line each."""
    with reading(path), library("nd2", path).ND2File(path) as file:
        return [f"{path}:{number}: {title}" for number, title in enumerate(_titles(file))]


def _titles(file: Any) -> list[str]:
    return [f"position {number}" for number in range(dict(file.sizes).get(_POSITIONS, 1))]


def _pixel_size(file: Any, axes: str) -> PixelSize | None:
    channels = getattr(file.metadata, "channels", None) or ()
    if not channels:
        return None
    volume = channels[0].volume
    described = zip("XYZ", volume.axesCalibrated, volume.axesCalibration, strict=True)
    sizes = {axis: float(size) for axis, is_known, size in described if is_known and size > 0 and axis in axes}
    if not {"Y", "X"} <= set(sizes):
        return None
    return PixelSize({axis: sizes[axis] for axis in axes if axis in sizes}, "µm")

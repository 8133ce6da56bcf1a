"""Writing images plane by plane, in the format of the extension; a file appears complete or not at all."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.errors import InputError, RunError
from pellucid.files import check_free, replacing
from pellucid.io.conversion import ClipReport, Conversion
from pellucid.io.image import Image, check_dtype
from pellucid.io.layout import AXES, Array, Layout, default_layout
from pellucid.io.output_spec import ArrayWriter, OutputSpec
from pellucid.io.pixel_size import PixelSize
from pellucid.io.registry import split, writable_format


class Writer:
    """An image being written; use it in a ``with`` block. Planes may come in any order, each once.

    Attributes:
        path: As the user wrote it.
        dtype: The pixel type of the file (uint8 in MRC becomes uint16: see ``notes``).
        notes: What the format cannot store, one sentence each; filled on entry.
    """

    def __init__(self, spec: OutputSpec, *, overwrite: bool = False) -> None:
        self.path = spec.path
        self.dtype = spec.dtype
        self.notes: list[str] = []
        self._spec = spec
        self._file, _ = split(spec.path)
        self._overwrite = overwrite
        self._format = writable_format(self._file, spec)
        self._conversion = Conversion(spec.dtype)
        self._missing = set(range(spec.planes))
        self._stack = ExitStack()
        self._writer: ArrayWriter | None = None
        check_free(self._file, overwrite=overwrite)

    @property
    def report(self) -> ClipReport:
        """The clipped pixels among those written so far."""
        return self._conversion.report

    def __enter__(self) -> Writer:
        with ExitStack() as stack:
            path = stack.enter_context(replacing(self._file, overwrite=self._overwrite))
            self._writer = self._format.create(path, self._spec)
            self._stack = stack.pop_all()
        self.notes = self._writer.notes
        return self

    def write(self, plane_index: int, plane: Array) -> None:
        """Write one plane, (Y, X), converted to the file's dtype.

        Args:
            plane_index: The position in C order of the leading axes, as in ``Image.planes``.
            plane: In any dtype of numbers; rounded and clipped if it is not the file's. Masks are not written.

        Raises:
            InputError: The shape or position does not fit the image, or a pixel is NaN or infinite.
            RunError: The disk is full.
        """
        if self._writer is None:
            raise RuntimeError("a Writer is used in a with block")
        shape = self._spec.shape
        if plane.shape != shape[-2:] or not 0 <= plane_index < self._spec.planes:
            raise InputError(
                f"{self.path}: plane {plane_index} of shape {plane.shape} does not fit an image of shape {shape}; "
                "give planes of the size of the image"
            )
        name = f"{self.path}[{plane_index}]" if self._spec.planes > 1 else self.path
        converted = self._conversion(np.ma.getdata(plane), name)
        index = np.unravel_index(plane_index, shape[:-2])
        region = {letter: slice(int(i), int(i) + 1) for letter, i in zip(self._spec.axes, index, strict=False)}
        layout = self._writer.layout
        block = converted[(None,) * len(index)]
        self._writer.array[layout.index(region)] = layout.from_axes(block, self._spec.axes)
        self._missing.discard(plane_index)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        writer, self._writer = self._writer, None
        with self._stack:
            if writer is None:
                return
            if error is None and not self._missing:
                writer.finish()
                return
            writer.abort()
            if error is not None:
                raise error
            raise RunError(
                f"{self.path}: {len(self._missing)} of {self._spec.planes} planes are missing; nothing was written"
            )


def create_image(
    path: str | Path,
    like: Image,
    *,
    dtype: npt.DTypeLike | None = None,
    overwrite: bool = False,
    history: str = "",
) -> Writer:
    """Start an image with the shape, axes and pixel size of another, in the format of the extension of ``path``.

    Args:
        path: The output; for HDF5 it may include a data set, ``"out.h5:/denoised"``.
        like: The image whose dtype, axes and pixel size are copied and, for the same format, its kind and compression.
        dtype: Another pixel type.
        overwrite: Whether an existing output may be replaced.
        history: One line that tells what was done to the pixels, for formats that have a place for it.

    Raises:
        InputError: The output exists, or the format is unknown or cannot store the image.
    """
    kept = like.dtype if dtype is None else check_dtype(np.dtype(dtype), str(path))
    inner = split(path)[1]
    spec = OutputSpec(str(path), like.axes, like.shape, kept, like.pixel_size, like.style, inner=inner, history=history)
    return Writer(spec, overwrite=overwrite)


def write_array(
    path: str | Path,
    array: npt.NDArray[Any],
    *,
    axes: str | None = None,
    pixel_size: PixelSize | None = None,
    overwrite: bool = False,
) -> None:
    """Write an array as an image.

    Args:
        path: The output; its extension determines the format.
        array: (Y, X) to (T, C, Z, Y, X), in a dtype that the format can store.
        axes: A letter of TCZYX for each dimension, ending in YX; by default from the number of dimensions.
        pixel_size: Written if the format can store it.
        overwrite: Whether an existing output may be replaced.

    Raises:
        InputError: The axes do not fit, the output exists, or the format cannot store the dtype.
        RunError: The disk is full.
    """
    letters = default_layout(array.shape, str(path)).stored if axes is None else axes
    if len(letters) != array.ndim or not set(letters) <= set(AXES) or Layout(letters).axes != letters:
        raise InputError(f"{path}: the axes {letters} do not fit the shape {array.shape}; give letters of TCZ, then YX")
    dtype = check_dtype(array.dtype, str(path))
    size = pixel_size.along(letters) if pixel_size else None
    spec = OutputSpec(str(path), letters, array.shape, dtype, size, inner=split(path)[1])
    with Writer(spec, overwrite=overwrite) as writer:
        for number, plane in enumerate(array.reshape(-1, *array.shape[-2:])):
            writer.write(number, plane.astype(dtype, copy=False))

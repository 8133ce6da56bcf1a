"""Images: files opened lazily, stacks of (Y, X) planes with a dtype, named axes and, if known, a pixel size."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from typing import Any, SupportsIndex, overload

import numpy as np
import numpy.typing as npt

from pellucid.errors import InputError, PellucidError
from pellucid.io.handles import Handle
from pellucid.io.layout import SAMPLES, Array, Layout, first_grey
from pellucid.io.manifest import Files, Manifest, Region
from pellucid.io.memmap import release_map
from pellucid.io.output_spec import Style
from pellucid.io.pixel_size import PixelSize

#: Pixel types that Pellucid reads; a format may hold fewer.
DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "float32", "float64")


class Plane:
    """One (Y, X) plane of an image, read on demand; its pixels may be a read-only map of the file."""

    __slots__ = ("image", "index")

    def __init__(self, image: Image, index: tuple[int, ...]) -> None:
        self.image = image
        self.index = index

    @property
    def name(self) -> str:
        """The file, and the position along the leading axes if any: ``"stack.tif[3]"``."""
        return self.image.path + (f"[{','.join(map(str, self.index))}]" if self.index else "")

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X) in pixels."""
        return self.image.plane_shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The pixel type."""
        return self.image.dtype

    def read(self) -> Array:
        """The whole plane, (Y, X), in its own dtype; masked if the image has a data bar.

        Raises:
            InputError: The file cannot be read, or the plane is in colour.
        """
        return self[:, :]

    def __getitem__(self, window: tuple[slice, slice]) -> Array:
        rows, columns = (slice(*part.indices(size)) for part, size in zip(window, self.shape, strict=True))
        region = (*(slice(i, i + 1) for i in self.index), rows, columns)
        with reading(self.name), self.image.unchanged(region):
            block = self.image.read_window(self.index, rows, columns)
            if block.ndim == 3:
                block = first_grey(block, self.name)
            return self.image.masked(block.astype(self.dtype, copy=self.image.known is not None), rows)

    def __repr__(self) -> str:
        return f"Plane({self.name!r}, {self.shape}, {self.dtype})"


class _Planes(Sequence[Plane]):
    """The planes of an image, created on demand: a volume may have a million."""

    def __init__(self, image: Image) -> None:
        self._image = image

    def __len__(self) -> int:
        return int(np.prod(self._image.shape[:-2], dtype=int))

    @overload
    def __getitem__(self, index: SupportsIndex) -> Plane: ...
    @overload
    def __getitem__(self, index: slice) -> list[Plane]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Plane | list[Plane]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        flat = range(len(self))[index]
        return Plane(self._image, tuple(int(i) for i in np.unravel_index(flat, self._image.shape[:-2])))


class Image(ABC):
    """A file opened lazily.

    Attributes:
        path: As the user wrote it, for messages; ``"stack.h5:/raw"``.
        axes: A letter of TCZYX for every dimension, ending in YX.
        shape: The size along each of ``axes``, in pixels.
        dtype: The pixel type, in this machine's byte order.
        pixel_size: None if the file does not state it.
        chunks: The sides, along ``axes``, of what is best read at once: a chunk of the file, else a plane.
        data_bar: How many rows at the bottom are the data bar of a microscope, as its own data tell; they are masked in
            all that is read.
        style: What a writer of the same format copies: compression, kind, chunks, annotations.
        read_as: The format, and by what it was recognised or read, if its extension does not say so.
        extension: Of results in that format, then; else empty.
        unwritten: How many of the chunks inside its file were never written, of how many; None if that is not known.
        files: The image's files on disk; None for an image in memory.
        known: The state of these files that every reading must match, or None. If set, pixels are copied, not mapped,
            and reading fails if a file has vanished or changed.
    """

    def __init__(self, path: str, layout: Layout, stored_shape: Sequence[int], dtype: npt.DTypeLike) -> None:
        self.path = path
        self.layout = layout
        self.shape = layout.shape(stored_shape)
        self.axes = layout.axes
        self.dtype = check_dtype(np.dtype(dtype), path)
        self.pixel_size: PixelSize | None = None
        self.chunks: tuple[int, ...] = (1,) * (len(self.shape) - 2) + self.shape[-2:]
        self.data_bar = 0
        self.read_as = ""
        self.extension = ""
        self.style = Style()
        self.unwritten: tuple[int, int] | None = None
        self.files: Files | None = None
        self.known: Manifest | None = None
        if 0 in self.shape:
            raise InputError(f"{path}: is empty (shape {self.shape}): give an image with pixels")

    @property
    def plane_shape(self) -> tuple[int, int]:
        """(Y, X) in pixels."""
        return self.shape[-2], self.shape[-1]

    @property
    def planes(self) -> Sequence[Plane]:
        """Every plane, in C order of the leading axes."""
        return _Planes(self)

    @abstractmethod
    def read_window(self, index: tuple[int, ...], rows: slice, columns: slice) -> Array:
        """A window of the plane at ``index`` of the leading axes: (Y, X), or (Y, X, samples) if in colour."""

    def read_block(self, leading: tuple[slice, ...], rows: slice, columns: slice) -> Array:
        """A region of the image, (..., Y, X) in the order of ``axes``, in its own dtype; perhaps a map, or masked.

        Args:
            leading: A slice for every leading axis; all slices lie within the image and have step 1.
            rows: Along Y.
            columns: Along X.

        Raises:
            InputError: The region cannot be read (it is named), or is in colour.
            ChangedError: Part of it has changed since ``known`` was recorded.
        """
        region = (*leading, rows, columns)
        name = f"{self.path}[{', '.join(f'{part.start}:{part.stop}' for part in region)}]"
        with reading(name), self.unchanged(region):
            block = self.read_stored(leading, rows, columns)
            if SAMPLES in self.layout.stored:
                block = first_grey(block, name)
            return self.masked(block.astype(self.dtype, copy=self.known is not None), rows)

    def masked(self, block: Array, rows: slice) -> Array:
        """These rows of the image, as a masked array without the data bar if the image has one."""
        if not self.data_bar:
            return block
        mask = np.zeros(block.shape, bool)
        mask[..., max(0, self.shape[-2] - self.data_bar - rows.start) :, :] = True
        return np.ma.MaskedArray(block, mask)

    def read_stored(self, leading: tuple[slice, ...], rows: slice, columns: slice) -> Array:
        """The pixels of ``read_block`` as stored; by default window by window."""
        sizes = [part.stop - part.start for part in leading]
        places = product(*(range(part.start, part.stop) for part in leading))
        windows = np.stack([self.read_window(place, rows, columns) for place in places])
        region: Array = windows.reshape(*sizes, *windows.shape[1:])
        return region

    def release(self) -> None:
        """Free the memory that reading has filled: pages of a mapped file, decoded planes."""
        return  # by default nothing is kept

    def close(self) -> None:
        """Close the files that reading has opened; the next reading opens them again."""
        return  # by default no file stays open

    @contextmanager
    def unchanged(self, region: Region) -> Iterator[None]:
        """Raise ChangedError if a region, read in the ``with`` block, differs from ``known`` before or after."""
        if self.files is None or self.known is None:
            yield
            return
        self.files.refuse_changed(self.known, region)  # before reading, since a truncated mapped file kills the process
        yield
        self.files.refuse_changed(self.known, region)

    def manifest(self) -> Manifest:
        """The present state of the image's files; empty for an image in memory.

        Raises:
            InputError: The files cannot be listed.
            ChangedError: They are gone.
        """
        with reading(self.path):
            return self.files.manifest() if self.files else Manifest()

    def missing_chunks(self) -> tuple[int, int] | None:
        """(missing, total) number of chunks; missing ones read as the fill value. None if not stored in chunks."""
        if self.unwritten is not None:
            return self.unwritten
        found = self.known or self.manifest()
        return (found.missing, found.chunks) if found.chunks else None

    def refuse_colour(self) -> None:
        """Raise InputError if the first plane is in colour, so that the user learns it when the file is opened."""
        if SAMPLES in self.layout.stored:
            self.planes[0].read()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.path!r}, {self.axes}, {self.shape}, {self.dtype})"


class ArrayImage(Image):
    """An image in an indexable array: a map of a file, an HDF5 data set, a Zarr array, memory."""

    def __init__(self, path: str, handle: Handle[Any], layout: Layout) -> None:
        with handle as array:
            super().__init__(path, layout, array.shape, array.dtype)
        self._handle = handle
        self.refuse_colour()

    def read_window(self, index: tuple[int, ...], rows: slice, columns: slice) -> Array:
        """See ``Image.read_window``; reads the chunks that the window touches."""
        window: Array = self.read_stored(tuple(slice(i, i + 1) for i in index), rows, columns)[(0,) * len(index)]
        return window

    def read_stored(self, leading: tuple[slice, ...], rows: slice, columns: slice) -> Array:
        """See ``Image.read_stored``: one read of the array, so that a chunk of many planes is decoded once."""
        key = self.layout.index(dict(zip(self.axes, (*leading, rows, columns), strict=True)))
        with self._handle as array:
            block: Array = np.asanyarray(array[key])
        return self.layout.to_axes(block)

    def release(self) -> None:
        """See ``Image.release``; an array that was decoded as a whole is decoded again when next read."""
        if not self._handle.is_open:
            return
        with self._handle as array:
            release_map(array)
        if isinstance(array, np.ndarray) and not isinstance(array, np.memmap):
            self._handle.close()

    def close(self) -> None:
        """See ``Image.close``."""
        self._handle.close()


def check_dtype(dtype: np.dtype[Any], name: str) -> np.dtype[Any]:
    """The dtype in native byte order.

    Raises:
        InputError: It is not one of ``DTYPES``.
    """
    native = dtype.newbyteorder("=")
    if native.name in DTYPES:
        return native
    remedies = {"b": "a mask is not an image; convert it to uint8", "c": "take its magnitude, as float32"}
    remedy = remedies.get(dtype.kind, "convert it to uint16 or float32")
    raise InputError(f"{name}: has {dtype.name} pixels, which Pellucid does not read: {remedy}")


def check_finite(plane_name: str, array: Array) -> None:
    """Check that no pixel is NaN or infinite.

    Raises:
        InputError: Some are; the message names their number and the first position.
    """
    if array.dtype.kind != "f":
        return
    finite = np.isfinite(array)
    if finite.all():
        return
    where = tuple(int(i) for i in np.argwhere(~finite)[0])
    raise InputError(
        f"{plane_name}: has NaN or infinite pixels ({int(finite.size - finite.sum()):,}, the first at {where}): "
        "replace them, for example with the mean of their neighbours"
    )


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn an error of a file library in the ``with`` block into one line that names the file.

    Raises:
        InputError: The block raised an error.
    """
    try:
        yield
    except (PellucidError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise InputError(f"{name}: no such file; check the path") from error
    except PermissionError as error:
        raise InputError(f"{name}: no permission to read it; change its permissions or copy it") from error
    except Exception as error:  # each library has its own exceptions for damaged files
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise InputError(
            f"{name}: cannot be read; it may be damaged or of another format ({reason}); export it again"
        ) from error

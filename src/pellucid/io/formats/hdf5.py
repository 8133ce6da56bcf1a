"""HDF5: one data set of a file, ``file.h5:/path/in/it``; without a path, the only one with an image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from pellucid.errors import InputError
from pellucid.io.deferred_write import create_deferred, reopen_deferred
from pellucid.io.handles import Handle
from pellucid.io.image import DTYPES, ArrayImage, Image
from pellucid.io.layout import AXES, Array, Layout, default_layout, named_layout
from pellucid.io.memmap import release_map
from pellucid.io.output_spec import ArrayWriter, OutputSpec, Style
from pellucid.io.pixel_size import PixelSize

WRITABLE = DTYPES
_SIZE = "element_size_um"  # z, y, x in µm, as in files of ilastik and PlantSeg


@dataclass(frozen=True)
class Hdf5Style(Style):
    """The path of the data set, its chunks and compression."""

    inner: str = "/data"
    chunks: tuple[int, ...] | None = None
    compression: str | None = None


STYLE = Hdf5Style


def open_file(path: str, inner: str | None) -> Image:
    """Open a data set; its axes follow from its dimension labels if they are axis letters, else from their number."""
    with h5py.File(path, "r") as file:
        inner = _find(file, path, inner)
        dataset = file[inner]
        name = f"{path}:{dataset.name}"
        layout = _layout(dataset, name)
        chunks = dataset.chunks if layout.axes == layout.stored else None
        style = Hdf5Style(dataset.name, chunks, dataset.compression if dataset.compression in ("gzip", "lzf") else None)
        pixel_size = _pixel_size(dataset)
    image = ArrayImage(name, Handle(partial(_open, path, inner), _close), layout)
    image.style = style
    image.chunks = chunks or image.chunks
    image.pixel_size = pixel_size.along(image.axes) if pixel_size else None
    return image


def _open(path: str, inner: str) -> Any:
    return h5py.File(path, "r")[inner]


def _close(dataset: Any) -> None:
    if dataset:  # false once the interpreter has closed everything
        dataset.file.close()


def _find(file: Any, path: str, inner: str | None) -> str:
    if inner is not None and isinstance(file.get(inner), h5py.Dataset):
        return inner
    found = _datasets(file)
    if inner is not None:
        raise InputError(f"{path}: has no data set {inner}; its data sets with images: {', '.join(found) or 'none'}")
    if len(found) != 1:
        listed = (
            f"several: {', '.join(found)}. Name one, as in {path}:{found[0]}" if found else "none: give another file"
        )
        raise InputError(f"{path}: needs one data set with an image, but the file has {listed}")
    return found[0]


def _datasets(file: Any) -> list[str]:
    found: list[str] = []

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and len(item.shape or ()) >= 2 and item.dtype.kind in "uifcb":
            found.append(f"/{name}")

    file.visititems(visit)
    return found


def _layout(dataset: Any, name: str) -> Layout:
    labels = "".join(dimension.label.upper() for dimension in dataset.dims)
    if len(labels) == dataset.ndim and set(labels) <= set(AXES):
        return named_layout(labels, dataset.shape, name)
    return default_layout(dataset.shape, name)


def _pixel_size(dataset: Any) -> PixelSize | None:
    sizes = np.atleast_1d(np.asarray(dataset.attrs.get(_SIZE, ()), float))
    if sizes.size not in (2, 3) or not np.all(np.isfinite(sizes) & (sizes > 0)):
        return None
    return PixelSize(dict(zip("ZYX"[-sizes.size :], sizes.tolist(), strict=True)), "µm")


def create(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Start the pixels of a data set; the file is written at the end, because killing a process would damage it."""
    _refuse_other_data(Path(spec.path.rpartition(":")[0] if spec.inner else spec.path))
    return create_deferred(path, spec, Layout(spec.axes), partial(_encode, spec))


def reopen(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Continue the pixels of a data set."""
    return reopen_deferred(path, spec, Layout(spec.axes), partial(_encode, spec))


def _encode(spec: OutputSpec, planes: Array, path: Path) -> None:
    """Write one data set: at the path given, else at the input's path, else at /data."""
    style = spec.style if isinstance(spec.style, Hdf5Style) else Hdf5Style()
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset(
            spec.inner or style.inner,
            spec.shape,
            spec.dtype,
            chunks=_chunks(spec, style),
            compression=style.compression,
        )
        for dimension, letter in zip(dataset.dims, spec.axes, strict=True):
            dimension.label = letter.lower()
        if spec.pixel_size:
            sizes = spec.pixel_size.to("µm").values
            dataset.attrs[_SIZE] = [sizes[axis] for axis in "ZYX" if axis in sizes]
        for box in dataset.iter_chunks() if dataset.chunks else np.ndindex(spec.shape[:-2]):
            dataset[box] = planes[box]
            release_map(planes)


def _chunks(spec: OutputSpec, style: Hdf5Style) -> Any:
    if style.chunks is None or len(style.chunks) != len(spec.shape):
        return True if style.compression else None
    return tuple(min(chunk, size) for chunk, size in zip(style.chunks, spec.shape, strict=True))


def _refuse_other_data(target: Path) -> None:
    """Raise InputError if the file has several data sets: all would be lost if it were replaced."""
    if not target.is_file() or not h5py.is_hdf5(target):
        return
    with h5py.File(target, "r") as file:
        found = _datasets(file)
    if len(found) > 1:
        raise InputError(f"{target}: has {len(found)} data sets, all of which would be lost; write to a new file")

"""A source: all the images that training or denoising takes from a file, a folder, a glob or a list."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from pellucid.errors import InputError
from pellucid.images.arrays import is_array, kind_of, open_array
from pellucid.images.image import Image, Plane
from pellucid.images.layout import Array
from pellucid.images.order import natural
from pellucid.images.registry import format_of, open_image, readable, split

Spec: TypeAlias = Any
"""What `open_source` takes."""

#: The smallest side of an image, in pixels, that the networks take.
SMALLEST = 16
_SAMPLED_PLANES = 32
_SAMPLED_SIDE = 256


@dataclass(frozen=True)
class Source:
    """Images of one kind: one pixel type (or floats only), any sizes from 16×16 up."""

    images: list[Image]

    @property
    def planes(self) -> list[Plane]:
        """All planes of all images, in order."""
        return [plane for image in self.images for plane in image.planes]

    @property
    def pixels(self) -> int:
        """The number of pixels of all planes."""
        return sum(int(np.prod(image.shape, dtype=np.int64)) for image in self.images)

    @property
    def dtypes(self) -> list[np.dtype[Any]]:
        """The pixel types that occur, by name."""
        return sorted({image.dtype for image in self.images}, key=lambda dtype: dtype.name)

    def fingerprint(self) -> str:
        """SHA-256 over names, axes, shapes, dtypes and the content of up to 32 windows spread over the planes.

        The folder does not matter: a source that was moved keeps its fingerprint.
        """
        digest = hashlib.sha256()
        for image in self.images:
            digest.update(f"{Path(image.path).name}|{image.axes}|{image.shape}|{image.dtype.name}\n".encode())
        ends = np.cumsum([len(image.planes) for image in self.images])
        for number in np.unique(np.linspace(0, ends[-1] - 1, _SAMPLED_PLANES).astype(int)):
            home = int(np.searchsorted(ends, number, side="right"))
            plane = self.images[home].planes[int(number - ends[home])]  # a negative number counts from the image's end
            digest.update(np.ascontiguousarray(_centre(plane)).tobytes())
        return digest.hexdigest()


def open_source(spec: Spec) -> Source:
    """Open what a user names, without reading the pixels.

    Args:
        spec: A file, ``"file.h5:/path"``, a folder (every image in it, in natural order; a Zarr folder is one image),
            a glob, an array of 2 to 5 dimensions of any library (see `arrays`), or a list of these.

    Raises:
        InputError: Nothing is there, a file cannot be read, an image is smaller than 16×16, or pixel types are mixed.
    """
    images = _images(spec)
    if not images:
        raise InputError("a source is empty: give at least one file, folder or array")
    for image in images:
        if min(image.shape[-2:]) < SMALLEST:
            height, width = image.shape[-2:]
            raise InputError(
                f"{image.path}: is {height}×{width} pixels, but at least {SMALLEST}×{SMALLEST} are needed; leave it out"
            )
    _refuse_mixed_types(images)
    return Source(images)


def _images(spec: Spec) -> list[Image]:
    if isinstance(spec, list | tuple):
        return [image for number, item in enumerate(spec) for image in _item(item, f"array {number}")]
    return _item(spec, "array")


def _item(spec: Any, name: str) -> list[Image]:
    if is_path(spec):
        return _named(spec)
    if not is_array(spec):
        raise InputError(
            f"{name} is of the type {kind_of(spec)}, which is no image: give a file, a folder, a glob, an array "
            "(NumPy, torch, Dask, Zarr, xarray, ...), or a list of these"
        )
    return [open_array(spec, name)]


def is_path(spec: Any) -> bool:
    """Whether this names a file, a folder or a glob."""
    return isinstance(spec, str | os.PathLike)


def _named(spec: str | os.PathLike[str]) -> list[Image]:
    spec = os.fspath(spec)
    if not spec:
        raise InputError("the name of a source is empty: give a file, a folder or a glob")
    file, inner = split(spec)
    if file.is_dir() and format_of(file) is None:
        return _in_folder(file)
    if not file.exists() and any(letter in str(file) for letter in "*?["):
        found = sorted(glob.glob(str(file), recursive=True), key=natural)  # noqa: PTH207 (the fixed part is not apart)
        images = [Path(name) for name in found if format_of(Path(name)) is not None]
        if not images:
            matched = f"matches {len(found)} files, none of them an image" if found else "matches no file"
            raise InputError(f"{spec}: {matched}; check the path, extensions that are read: {readable()}")
        return [open_image(f"{name}:{inner}" if inner else name) for name in images]
    return [open_image(spec)]


def _in_folder(folder: Path) -> list[Image]:
    listed = sorted(folder.iterdir(), key=natural)
    found = [path for path in listed if not path.name.startswith(".") and format_of(path) is not None]
    if not found:
        folders = sum(path.is_dir() for path in folder.iterdir())
        hint = f"; it has {folders} folders in it: give one of them" if folders else ""
        raise InputError(f"{folder}: has no images in it{hint}; extensions that are read: {readable()}")
    return [open_image(path) for path in found]


def _refuse_mixed_types(images: Sequence[Image]) -> None:
    first = images[0]
    for image in images[1:]:
        if image.dtype != first.dtype and not image.dtype.kind == first.dtype.kind == "f":
            raise InputError(
                f"{first.path} holds {first.dtype.name} and {image.path} {image.dtype.name} pixels: "
                "one source has one pixel type; convert one of them or leave it out"
            )


def _centre(plane: Plane) -> Array:
    top, left = (max(0, (size - _SAMPLED_SIDE) // 2) for size in plane.shape)
    return plane[top : top + _SAMPLED_SIDE, left : left + _SAMPLED_SIDE]

"""A source: all the images that training or denoising takes from a file, a folder, a glob or a list."""

from __future__ import annotations

import glob
import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from pellucid.data.sample import evenly_spaced
from pellucid.errors import InputError
from pellucid.files import ZARR_FILES
from pellucid.io.arrays import is_array, kind_of, open_array
from pellucid.io.frames import Frames, ImageOfFrames, read_frames
from pellucid.io.image import Image, Plane, reading
from pellucid.io.layout import Array
from pellucid.io.manifest import WholeFiles
from pellucid.io.natural_order import natural
from pellucid.io.output_spec import DENOISED_BY
from pellucid.io.registry import format_of, is_unread, open_image, readable, split

Spec: TypeAlias = Any
"""Anything that `open_source` accepts."""

#: The smallest side of an image, in pixels, that the networks accept.
SMALLEST = 16
_SAMPLED_PLANES = 32
_SAMPLED_SIDE = 256
_MOST_REASONS = 5
_RECIPE = "recipe.toml"  # of a training's run
_SEARCHED = 1 << 14
_RESULTS = ("estimates", "noise")  # folders that a run of Pellucid makes beside its results


@dataclass(frozen=True)
class PassedOver:
    """What else a folder or glob holds and a source does not take, in one line."""

    line: str


Found: TypeAlias = Image | InputError | PassedOver


@dataclass(frozen=True)
class Source:
    """Images of one kind: one pixel type (or floats only), any sizes from 16×16 up.

    Attributes:
        images: In order.
        left_out: One line for each file of the folder or glob that cannot be used; empty if `open_source` opened it.
        passed_over: One line for each folder or glob that holds images of formats that are not read, or folders of
            images, which are not entered.
        spec: What the user named.
    """

    images: list[Image]
    left_out: tuple[str, ...] = ()
    spec: Spec = None
    passed_over: tuple[str, ...] = ()

    @property
    def planes(self) -> list[Plane]:
        """All planes of all images, in order."""
        return [plane for image in self.images for plane in image.planes]

    @property
    def pixels(self) -> int:
        """The number of pixels of all planes."""
        return sum(int(np.prod(image.shape, dtype=np.int64)) for image in self.images)

    @property
    def remarks(self) -> list[str]:
        """What to say of how the files are read, a line each: data bars, sections that are taken for frames."""
        return [line for line in (self._read_otherwise(), self._data_bars(), self._frames_along_z()) if line]

    def _read_otherwise(self) -> str | None:
        others = [f"{image.path} ({image.read_as})" for image in self.images if image.read_as]
        return f"not read as the name says: {_some(others)}" if others else None

    def _frames_along_z(self) -> str | None:
        taken = [image for image in self.images if isinstance(image, ImageOfFrames) and image.axis == "Z"]
        if not taken:
            return None
        more = f" and {len(taken) - 1} more" if len(taken) > 1 else ""
        return f"{taken[0].path}{more}: has no axis T, so its planes along Z are taken for frames"

    def _data_bars(self) -> str | None:
        barred = [image for image in self.images if image.data_bar]
        if not barred:
            return None
        rows = sorted({image.data_bar for image in barred})
        height = f"{rows[0]}" if len(rows) == 1 else f"{rows[0]} to {rows[-1]}"
        where = barred[0].path if len(self.images) == 1 else f"{len(barred)} of {len(self.images)} images"
        return (
            f"data bar: the lowest {height} rows of {where}, as the microscope's own data tell; "
            "they stay as they are and influence nothing"
        )

    @property
    def dtypes(self) -> list[np.dtype[Any]]:
        """The pixel types that occur, by name."""
        return sorted({image.dtype for image in self.images}, key=lambda dtype: dtype.name)

    def of_one_type(self, dtype: np.dtype[Any] | None = None) -> Source:
        """Keep the images of one pixel type, by default the most common; the others are left out.

        Raises:
            InputError: No image has this type.
        """
        types = Counter(_kind(image.dtype) for image in self.images)
        wanted = types.most_common(1)[0][0] if dtype is None else _kind(dtype)
        kept = [image for image in self.images if _kind(image.dtype) == wanted]
        others = [image for image in self.images if _kind(image.dtype) != wanted]
        if not kept:
            raise InputError(f"{self.images[0].path}: has {self.images[0].dtype.name} pixels, not {dtype}")
        reasons = (
            f"{image.path}: has {image.dtype.name} pixels, but {kept[0].path} has {kept[0].dtype.name}; all images "
            "must have one pixel type, as a value means another intensity in another type; convert it or leave it out"
            for image in others
        )
        return Source(kept, (*self.left_out, *reasons), self.spec, self.passed_over)

    def close(self) -> None:
        """Close the files that reading has opened."""
        for image in self.images:
            image.close()

    def fingerprint(self) -> str:
        """SHA-256 over names, axes, shapes, dtypes and the content of up to 32 windows spread over the planes.

        The folder does not matter: a source that was moved keeps its fingerprint.
        """
        digest = hashlib.sha256()
        for image in self.images:
            digest.update(f"{Path(image.path).name}|{image.axes}|{image.shape}|{image.dtype.name}\n".encode())
        ends = np.cumsum([len(image.planes) for image in self.images])
        for number in evenly_spaced(int(ends[-1]), _SAMPLED_PLANES):
            home = int(np.searchsorted(ends, number, side="right"))
            plane = self.images[home].planes[int(number - ends[home])]  # a negative number counts from the image's end
            try:
                digest.update(np.ascontiguousarray(_centre(plane)).tobytes())
            except InputError:  # reported where these pixels are needed
                digest.update(b"cannot be read")
        return digest.hexdigest()


def open_source(spec: Spec, frames: Frames = "separate") -> Source:
    """Open the images that a user names, without reading their pixels.

    Args:
        spec: A file, ``"file.h5:/path"``, a folder (every image in it, in natural order; a Zarr folder is one image),
            a glob, an array of 2 to 5 dimensions of any library (see `arrays`), or a list of these.
        frames: what becomes of the frames of a video: "separate" or "average".

    Raises:
        InputError: There is no image, a file cannot be read, an image is smaller than 16×16, or pixel types are mixed.
    """
    source = open_usable(spec, frames).of_one_type()
    if source.left_out:
        unlisted = len(source.left_out) - _MOST_REASONS
        more = f"; and {unlisted} more" if unlisted > 0 else ""
        raise InputError("; ".join(source.left_out[:_MOST_REASONS]) + more)
    return source


def open_usable(spec: Spec | Source, frames: Frames = "separate") -> Source:
    """Open like `open_source`, but leave out unusable files of a folder or glob, and allow mixed pixel types.

    A source that is open already is returned as it is.

    Raises:
        InputError: No file can be used, or one that was named directly cannot.
    """
    if isinstance(spec, Source):
        return spec
    items = list(enumerate(spec)) if isinstance(spec, list | tuple) else [(None, spec)]
    found = [each for at, item in items for each in _item(item, "array" if at is None else f"array {at}")]
    images = [read_frames(each, frames) for each in found if isinstance(each, Image)]
    problems = [each for each in found if isinstance(each, InputError)]
    if problems and not images:
        raise problems[0]
    if not images:
        raise InputError("a source is empty: give at least one file, folder or array")
    passed_over = tuple(each.line for each in found if isinstance(each, PassedOver))
    return Source(images, tuple(map(str, problems)), spec, passed_over)


def _kind(dtype: np.dtype[Any]) -> str:
    """The kind of a pixel type; types of one kind may be mixed."""
    return "float" if dtype.kind == "f" else dtype.name


def _checked(image: Image) -> Image:
    height, width = image.shape[-2:]
    if min(height, width) < SMALLEST:
        raise InputError(
            f"{image.path}: is {height}×{width} pixels, but at least {SMALLEST}×{SMALLEST} are needed; leave it out"
        )
    return image


def _tried(path: str | Path) -> Image | InputError:
    try:
        return _checked(open_image(path))
    except InputError as problem:
        return problem


def _item(spec: Any, name: str) -> Sequence[Found]:
    if is_path(spec):
        with reading(str(spec)):
            return _named(spec)
    if not is_array(spec):
        raise InputError(
            f"{name} is of the type {kind_of(spec)}, which is not an image: give a file, a folder, a glob, an array "
            "(NumPy, torch, Dask, Zarr, xarray, ...), or a list of these"
        )
    return [_checked(open_array(spec, name))]


def is_path(spec: Any) -> bool:
    """Whether this names a file, a folder or a glob."""
    return isinstance(spec, str | os.PathLike)


def _named(spec: str | os.PathLike[str]) -> Sequence[Found]:
    spec = os.fspath(spec)
    if not spec:
        raise InputError("the name of a source is empty: give a file, a folder or a glob")
    file, inner = split(spec)
    if file.is_dir() and format_of(file) is None:
        return _in_folder(file)
    if not file.exists() and any(letter in str(file) for letter in "*?["):
        found = sorted(glob.glob(str(file), recursive=True), key=natural)  # noqa: PTH207 (no fixed folder)
        images = [Path(name) for name in found if format_of(Path(name)) is not None]
        if not images:
            matched = f"matches {len(found)} files, none of them an image" if found else "matches no file"
            raise InputError(f"{spec}: {matched}; check the path, extensions that are read: {readable()}")
        others = [path for path in map(Path, found) if format_of(path) is None]
        tried = _once([_tried(f"{name}:{inner}" if inner else name) for name in images])
        return [*tried, *_passed_over(str(file), others)]
    return [_checked(open_image(spec))]


def _in_folder(folder: Path) -> list[Found]:
    listed = sorted(folder.iterdir(), key=natural)
    visible = [(path, format_of(path)) for path in listed if not path.name.startswith(".")]
    found = [path for path, known in visible if known and not known.is_bare]
    if not found:
        folders = sum(path.is_dir() for path in folder.iterdir())
        hint = f"; it has {folders} folders in it: give one of them" if folders else ""
        raise InputError(f"{folder}: has no images in it{hint}; extensions that are read: {readable()}")
    others = [path for path, known in visible if known is None or known.is_bare]
    return [*_once([_tried(path) for path in found]), *_passed_over(str(folder), others)]


def _passed_over(place: str, others: Sequence[Path]) -> list[PassedOver]:
    """The line on files that are not taken though they are images, and on folders that hold some."""
    files = [path.name for path in others if path.is_file() and is_unread(path)]
    folders = [f"{path.name}/" for path in others if path.is_dir() and _holds_images(path)]
    kinds = {
        "in formats that are not read as they are (each given alone says what to do)": files,
        "in folders (give them too)": folders,
    }
    told = [f"{_some(names)}, {why}" for why, names in kinds.items() if names]
    return [PassedOver(f"{place}: passed over {'; '.join(told)}")] if told else []


def _some(names: Sequence[str]) -> str:
    unlisted = len(names) - _MOST_REASONS
    return ", ".join(names[:_MOST_REASONS]) + (f" and {unlisted} more" if unlisted > 0 else "")


def _holds_images(folder: Path) -> bool:
    """Whether a folder has images, other than those that Pellucid has made and the parts of an OIF file."""
    if folder.name in _RESULTS or folder.suffix.lower() in (".files", ".unfinished"):
        return False
    try:
        if (folder / _RECIPE).exists():
            return False
        images = (path for path in folder.iterdir() if path.name[0] != "." and (format_of(path) or is_unread(path)))
        first = next(images, None)
        return first is not None and not _is_result(first)
    except OSError:  # no permission
        return False


def _is_result(path: Path) -> bool:
    """Whether the history in a file, or in the metadata of a Zarr, says that Pellucid has denoised it."""
    texts = [path] if path.is_file() else [path / name for name in (*ZARR_FILES, ".zattrs") if (path / name).is_file()]
    codings = ("ascii", "utf-16-le", "utf-16-be")  # ImageJ and DigitalMicrograph write two bytes a letter
    marks = [DENOISED_BY.encode(coding) for coding in codings]
    return any(mark in part for text in texts for part in _ends(text) for mark in marks)


def _ends(file: Path) -> tuple[bytes, bytes]:
    """The first and the last bytes of a file, where formats say what was done to the pixels."""
    with file.open("rb") as opened:
        first = opened.read(_SEARCHED)
        opened.seek(-min(_SEARCHED, file.stat().st_size), os.SEEK_END)
        return first, opened.read()


def _once(tried: Sequence[Image | InputError]) -> list[Image | InputError]:
    """Each image once, though it may have several files (a set of OME-TIFF), each of which opens all of it."""
    sets = set()
    kept = []
    for each in tried:
        files = each.files.paths if isinstance(each, Image) and isinstance(each.files, WholeFiles) else frozenset()
        if len(files) < 2 or files not in sets:
            kept.append(each)
            sets.add(files)
    return kept


def _centre(plane: Plane) -> Array:
    top, left = (max(0, (size - _SAMPLED_SIDE) // 2) for size in plane.shape)
    return plane[top : top + _SAMPLED_SIDE, left : left + _SAMPLED_SIDE]

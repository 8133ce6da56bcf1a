"""HDF5: one data set of a file, ``file.h5:/path/in/it``; without a path, the only one with an image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from pellucid.errors import InputError
from pellucid.io.deferred_write import create_deferred, reopen_deferred
from pellucid.io.formats.hdf5_meaning import (
    AXISTAGS,
    ELEMENT_SIZE,
    image_paths,
    meaning,
    path_of_copy,
    reordered_tags,
    says_element_size,
    texts_of,
)
from pellucid.io.formats.hdf5_storage import broken_links, dataset_paths, files_of, unwritten_chunks
from pellucid.io.handles import Handle
from pellucid.io.image import DTYPES, ArrayImage, Image
from pellucid.io.layout import Array, Layout
from pellucid.io.manifest import WholeFiles
from pellucid.io.memmap import release_map
from pellucid.io.output_spec import ArrayWriter, OutputSpec, Style

WRITABLE = DTYPES
_HISTORY = "history"
#: Written anew, or about other objects of the file.
_NOT_COPIED = ("DIMENSION_LIST", "DIMENSION_LABELS", "REFERENCE_LIST", "CLASS", "NAME", "_Netcdf4Dimid")
_MOST_NAMED = 10


@dataclass(frozen=True)
class Hdf5Style(Style):
    """What an output copies from an HDF5.

    Attributes:
        inner: The path of the data set.
        chunks: Along the image's axes.
        compression: Of the chunks.
        stored: The letters of the input's axes in stored order.
        attributes: Of the data set.
        above: The attributes of the file and of the groups on the path, by path; only those that have some.
        uncopied: The names of attributes that can only stay in their file.
        others: The paths of the other data sets.
    """

    inner: str = "/data"
    chunks: tuple[int, ...] | None = None
    compression: str | None = None
    stored: str = field(default="", compare=False)
    attributes: Mapping[str, Any] = field(default_factory=dict, compare=False)
    above: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, compare=False)
    uncopied: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def annotations(self) -> tuple[str, ...]:
        """See ``Style.annotations``."""
        names = [name for told in (self.attributes, *self.above.values()) for name in told if name != AXISTAGS]
        told = [f"attributes: {_listed(names)}"] if names else []
        return (*told, *self.never_copied)

    @property
    def never_copied(self) -> tuple[str, ...]:
        """What not even an HDF5 gets, in words."""
        told = {"references and the like": self.uncopied, "other data sets": self.others}
        return tuple(f"{what}: {_listed(names)}" for what, names in told.items() if names)


STYLE = Hdf5Style


def open_file(path: str, inner: str | None) -> Image:
    """Open a data set; its axes are those that it names, else they follow from their number."""
    with h5py.File(path, "r") as file:
        place = _find(file, path, inner)
        dataset, name = file[place], f"{path}:{place}"
        meant = meaning(dataset, name)
        chunks = meant.layout.shape(dataset.chunks) if dataset.chunks else None
        files, unwritten = files_of(dataset, path, name), unwritten_chunks(dataset)
        groups = dict(_above(file, place))
        style = Hdf5Style(
            path_of_copy(place),
            chunks,
            dataset.compression if dataset.compression in ("gzip", "lzf") else None,
            meant.layout.stored,
            _of_dataset(dataset),
            {above: told for above, group in groups.items() if (told := _attributes(group))},
            tuple(name for item in (*groups.values(), dataset) for name in _uncopied(item)),
            tuple(other for other in (*dataset_paths(file), *broken_links(file)) if other != place),
        )
    image = ArrayImage(name, Handle(partial(_open, path, place, meant.dtype), _close), meant.layout)
    image.unwritten = unwritten
    image.files = WholeFiles(name, image.shape, lambda: files)
    image.style = style
    image.chunks = chunks or image.chunks
    image.pixel_size = meant.pixel_size.along(image.axes) if meant.pixel_size else None
    return image


def contents(path: str) -> list[str]:
    """The images in a file, one line each, beginning with what opens it."""
    with h5py.File(path, "r") as file:
        found = [f"{path}:{inner} {file[inner].shape} {file[inner].dtype}" for inner in image_paths(file)]
        return found + [f"{path}:{inner} is missing: {told}" for inner, told in broken_links(file).items()]


class _OpenDataset:
    """A data set whose pixels are read as another type of the same size."""

    def __init__(self, file: Any, dataset: Any, dtype: np.dtype[Any]) -> None:
        self.file = file
        self.dataset = dataset
        self.shape = dataset.shape
        self.dtype = dtype

    def __getitem__(self, key: Any) -> Array:
        block: Array = self.dataset[key]
        return block.view(self.dtype)


def _open(path: str, inner: str, dtype: np.dtype[Any]) -> _OpenDataset:
    file = h5py.File(path, "r")
    return _OpenDataset(file, file[inner], dtype)


def _close(opened: _OpenDataset) -> None:
    if opened.dataset:  # false once the interpreter has closed everything
        opened.dataset.file.close()  # which is another one behind a link
    if opened.file:
        opened.file.close()


def _find(file: Any, path: str, inner: str | None) -> str:
    wanted = f"/{(inner or '').strip('/')}"
    if inner is not None and isinstance(file.get(inner), h5py.Dataset):
        return wanted
    found = image_paths(file)
    below = [each for each in found if inner and each.startswith(f"{wanted}/")]
    if len(below) == 1:
        return below[0]
    for link, told in broken_links(file).items():
        if f"{wanted}/".startswith(f"{link}/") if inner else not found:
            raise InputError(f"{path}: {link} leads to {told}, which is missing; put that file beside it")
    if inner is not None:
        raise InputError(f"{path}: has no data set {inner}; its data sets with images: {', '.join(found) or 'none'}")
    if len(found) != 1:
        listed = (
            f"several: {', '.join(found)}. Name one, as in {path}:{found[0]}" if found else "none: give another file"
        )
        raise InputError(f"{path}: needs one data set with an image, but the file has {listed}")
    return found[0]


def _above(file: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The groups on a path and their own paths, the file first."""
    group, above = file["/"], ""
    yield "/", group
    for part in path.strip("/").split("/")[:-1]:
        group, above = group[part], f"{above}/{part}"
        yield above, group


def _attributes(item: Any) -> dict[str, Any]:
    """The attributes that can be copied to another file."""
    copied = {str(name): _value(item, name) for name in item.attrs if name not in _NOT_COPIED}
    return {name: value for name, value in copied.items() if value is not None}


def _of_dataset(dataset: Any) -> dict[str, Any]:
    """The attributes of a data set that can be copied, without the sizes of pixels unless they are not understood."""
    copied = _attributes(dataset)
    return {name: value for name, value in copied.items() if name != ELEMENT_SIZE or not says_element_size(dataset)}


def _uncopied(item: Any) -> list[str]:
    """The names of the others: references within their file, and what only their program can read."""
    return [str(name) for name in item.attrs if name not in _NOT_COPIED and _value(item, name) is None]


def _value(item: Any, name: str) -> Any:
    """The value of an attribute; None if it can only stay in its file."""
    try:
        value = item.attrs[name]
    except (OSError, TypeError, ValueError):  # a type that h5py does not know
        return None
    kind = getattr(value, "dtype", None)
    if not isinstance(kind, np.dtype):
        return None if isinstance(value, h5py.Reference | h5py.RegionReference) else value
    return None if h5py.check_ref_dtype(kind) or kind.names else value


def _listed(names: Any) -> str:
    """The first names, and how many more there are."""
    kept = list(dict.fromkeys(names))
    more = f" and {len(kept) - _MOST_NAMED} more" if len(kept) > _MOST_NAMED else ""
    return ", ".join(kept[:_MOST_NAMED]) + more


def create(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Start the pixels of a data set; the file is written at the end, because killing a process would damage it."""
    _refuse_other_data(Path(spec.path.rpartition(":")[0] if spec.inner else spec.path))
    return _noted(create_deferred(path, spec, Layout(spec.axes), partial(_encode, spec)), spec)


def reopen(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Continue the pixels of a data set."""
    return _noted(reopen_deferred(path, spec, Layout(spec.axes), partial(_encode, spec)), spec)


def _noted(writer: ArrayWriter, spec: OutputSpec) -> ArrayWriter:
    """A writer whose notes tell what the input's file has and the output does not get."""
    style, target = _style(spec), _target(spec)
    homeless = [f"attributes of {group}" for group in style.above if not target.startswith(group.rstrip("/") + "/")]
    lost = [*homeless, *style.never_copied]
    writer.notes += [f"not kept: {', '.join(lost)}"] if lost else []
    return writer


def _style(spec: OutputSpec) -> Hdf5Style:
    return spec.style if isinstance(spec.style, Hdf5Style) else Hdf5Style()


def _target(spec: OutputSpec) -> str:
    """The path of the data set: that given, else the input's, else /data."""
    return "/" + (spec.inner or _style(spec).inner).strip("/")


def _encode(spec: OutputSpec, planes: Array, path: Path) -> None:
    """Write one data set, with its attributes and those above it."""
    style, target = _style(spec), _target(spec)
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset(
            target,
            spec.shape,
            spec.dtype,
            chunks=_chunks(spec, style),
            compression=style.compression,
        )
        for dimension, letter in zip(dataset.dims, spec.axes, strict=True):
            dimension.label = letter.lower()
        for name, value in _written_attributes(spec, style).items():
            dataset.attrs[name] = value
        for above, group in _above(file, target):
            for name, value in style.above.get(above, {}).items():
                group.attrs[name] = value
        for box in dataset.iter_chunks() if dataset.chunks else np.ndindex(spec.shape[:-2]):
            dataset[box] = planes[box]
            release_map(planes)


def _written_attributes(spec: OutputSpec, style: Hdf5Style) -> dict[str, Any]:
    """The attributes of the data set: the input's, with the axes, pixel size and history of the output."""
    kept = {name: value for name, value in style.attributes.items() if name != AXISTAGS}
    tags = reordered_tags(texts_of(style.attributes.get(AXISTAGS, ""))[0], style.stored, spec.axes)
    sizes = spec.pixel_size.to("µm").values if spec.pixel_size else {}
    size = [sizes[axis] for axis in "ZYX" if axis in sizes]
    earlier = texts_of(style.attributes.get(_HISTORY, ""))
    history = "\n".join(line for line in (*earlier, spec.history) if line)
    return (
        kept
        | ({AXISTAGS: tags} if tags else {})
        | ({ELEMENT_SIZE: size} if size else {})
        | ({_HISTORY: history} if spec.history else {})
    )


def _chunks(spec: OutputSpec, style: Hdf5Style) -> Any:
    if style.chunks is None or len(style.chunks) != len(spec.shape):
        return True if style.compression else None
    return tuple(min(chunk, size) for chunk, size in zip(style.chunks, spec.shape, strict=True))


def _refuse_other_data(target: Path) -> None:
    """Raise InputError if the file has several data sets: all would be lost if it were replaced."""
    if not target.is_file() or not h5py.is_hdf5(target):
        return
    with h5py.File(target, "r") as file:
        found = dataset_paths(file)
    if len(found) > 1:
        raise InputError(f"{target}: has {len(found)} data sets, all of which would be lost; write to a new file")

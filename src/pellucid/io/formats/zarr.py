"""Zarr arrays and OME-Zarr 0.4 (Zarr v2) and 0.5 (Zarr v3): the highest resolution is read, all are written."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import zarr

from pellucid.errors import InputError
from pellucid.io.formats.zarr_metadata import Design, ZarrStyle, axis_units, pixel_size, transformations, whole_factors
from pellucid.io.handles import Handle
from pellucid.io.image import DTYPES, ArrayImage, Image
from pellucid.io.layout import AXES, Layout, default_layout, named_layout
from pellucid.io.manifest import ChunkFiles
from pellucid.io.output_spec import ArrayWriter, Level, OutputSpec, refuse_mismatch

WRITABLE = DTYPES
STYLE = ZarrStyle
_COMPRESSORS = {"blosc", "zstd", "gzip", "zlib", "lz4", "bz2", "lzma"}


def open_file(path: str, inner: str | None) -> Image:
    """Open an array, or the first level of an OME-Zarr image."""
    del inner
    with warnings.catch_warnings(), _known_codecs(path):
        warnings.simplefilter("ignore")  # the zarr library warns about any other file in a group's folder
        node = zarr.open(path, mode="r")
        if isinstance(node, zarr.Array):
            return _image(path, node, _named_axes(node, path), {})
        prefix, attributes = _multiscales(node, path)
        if not attributes:
            return _image(path, *_only_array(node, path), {})
        multiscale = attributes["multiscales"][0]
        array, letters = _first_level(node, prefix, multiscale, path)
        return _image(path, array, named_layout(letters, array.shape, path), multiscale, attributes.get("omero"))


@contextmanager
def _known_codecs(path: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        if type(error).__name__ != "UnknownCodecError":  # zarr's own, or numcodecs' for version 2
            raise
        raise InputError(
            f"{path}: is compressed by a codec that is not installed ({error}); install it, or export with zstd or gzip"
        ) from error


def _first_level(group: Any, prefix: str, multiscale: Mapping[str, Any], path: str) -> tuple[Any, str]:
    """The array of the finest level, and the letters of its axes."""
    try:
        name = str(multiscale["datasets"][0]["path"])
        letters = "".join(str(axis["name"]) if isinstance(axis, dict) else str(axis) for axis in multiscale["axes"])
    except (KeyError, IndexError, TypeError) as error:
        raise InputError(
            f"{path}: its 'multiscales' does not name axes and levels; write its metadata again"
        ) from error
    array = group.get(f"{prefix}{name}")
    if not isinstance(array, zarr.Array):
        raise InputError(f"{path}: level {name} is not an array; the OME-Zarr is incomplete, copy it again")
    if array.ndim != len(letters):
        raise InputError(
            f"{path}: level {name} has {array.ndim} dimensions, but the axes {letters}; write its metadata again"
        )
    return array, letters


def _multiscales(group: Any, path: str) -> tuple[str, dict[str, Any]]:
    """The group's attributes if it is an image, or those of the only image in a collection (bioformats2raw)."""
    attributes = dict(group.attrs)
    attributes = attributes.get("ome", attributes)
    if attributes.get("multiscales"):
        return "", attributes
    if "bioformats2raw.layout" not in attributes:
        return "", {}
    images = sorted(name for name, _ in group.groups() if name != "OME")
    if len(images) != 1:
        raise InputError(
            f"{path}: holds {len(images)} images; give one of them, as in {path}/{images[0] if images else 0}"
        )
    return f"{images[0]}/", _multiscales(group[images[0]], path)[1]


def _only_array(group: Any, path: str) -> tuple[Any, Layout]:
    names = sorted(name for name, _ in group.arrays())
    if len(names) != 1:
        listed = f"several: {', '.join(names)}. Name one, as in {path}/{names[0]}" if names else _groups(group, path)
        raise InputError(f"{path}: needs one array with an image, but the group has {listed}")
    return group[names[0]], _named_axes(group[names[0]], path)


def _groups(group: Any, path: str) -> str:
    names = sorted(name for name, _ in group.groups())
    if not names:
        return "none; give another folder"
    return f"none, but groups: {', '.join(names[:8])}. Name the one with the image, as in {path}/{names[0]}"


def _named_axes(array: Any, path: str) -> Layout:
    names = array.metadata.dimension_names if array.metadata.zarr_format == 3 else array.attrs.get("_ARRAY_DIMENSIONS")
    letters = "".join(str(name).upper() for name in names or ())
    if len(letters) == array.ndim and set(letters) <= set(AXES):
        return named_layout(letters, array.shape, path)
    return default_layout(array.shape, path)


def _image(path: str, array: Any, layout: Layout, multiscale: dict[str, Any], omero: Any = None) -> Image:
    image = ZarrImage(path, array, layout)
    levels = range(len(multiscale["datasets"]) if multiscale else 1)
    placed = [transformations(multiscale, level, layout.stored) for level in levels]
    scale, translation = placed[0]
    units = axis_units(multiscale, layout.stored)
    image.pixel_size = pixel_size(scale, units)
    ours = scale | dict(image.pixel_size.values if image.pixel_size else {})
    image.style = ZarrStyle(
        version=array.metadata.zarr_format,
        chunks=dict(zip(layout.stored, array.chunks, strict=True)),
        shards=dict(zip(layout.stored, array.shards, strict=True)) if array.shards else None,
        compressors=_plain(array.compressors),
        levels=whole_factors([one for one, _ in placed]),
        scale=ours,
        translation={axis: shift * ours[axis] / scale[axis] for axis, shift in translation.items() if shift},
        units=units,
        name=multiscale.get("name"),
        omero=omero,
    )
    return image


class ZarrImage(ArrayImage):
    """A Zarr array."""

    def __init__(self, path: str, array: Any, layout: Layout) -> None:
        super().__init__(path, Handle(partial(_reopen, path, array.path)), layout)
        self.chunks = layout.shape(array.chunks)
        self.files = chunk_files(Path(path) / array.path, array, layout)


def chunk_files(folder: Path, array: Any, layout: Layout) -> ChunkFiles:
    """The chunk files of an array in a folder; each shard counts as one chunk."""
    name = array.metadata.encode_chunk_key

    def index(file: str) -> tuple[int, ...] | None:
        numbers = [part for part in re.split(r"[/.]", file) if part != "c"]  # c/0/1, 0/1 or 0.1
        if len(numbers) != array.ndim or not all(map(str.isdecimal, numbers)):
            return None
        found = tuple(map(int, numbers))
        return found if name(found) == file else None

    return ChunkFiles(folder, layout, array.shape, array.shards or array.chunks, name, index)


def _plain(compressors: Any) -> Any:
    """Compressors that every reader knows, unchanged; instead of others, the zarr library's choice."""
    names = {getattr(one, "codec_id", None) or type(one).__name__.removesuffix("Codec").lower() for one in compressors}
    return tuple(compressors) if names <= _COMPRESSORS else "auto"


def _reopen(path: str, inner: str) -> Any:
    return zarr.open_array(path, path=inner, mode="r")


def check(spec: OutputSpec) -> None:
    """Raise InputError if the chunks or shards asked for are not possible."""
    Design.of(spec).grid(spec.sizes)


def create(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Start an OME-Zarr of the input's version, chunks and compression; 0.5 if the input was of another format."""
    design = Design.of(spec)
    grids = [design.grid(sizes) for sizes in design.sizes]
    style, stored = design.style, design.layout.stored
    group = zarr.create_group(path, zarr_format=style.version, attributes=design.attributes())
    for number, (sizes, (chunks, shards)) in enumerate(zip(design.sizes, grids, strict=True)):
        group.create_array(
            str(number),
            shape=design.layout.stored_shape(sizes),
            chunks=design.layout.stored_shape(chunks),
            shards=design.layout.stored_shape(shards) if shards else None,
            dtype=spec.dtype,
            fill_value=0,
            compressors=style.compressors,
            chunk_key_encoding={"name": "v2" if style.version == 2 else "default", "separator": "/"},
            dimension_names=None if style.version == 2 else [letter.lower() for letter in stored],
        )
    return _writer(path, group, design)


def reopen(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Continue an OME-Zarr; chunks that a killed process left incomplete are removed at the end."""
    writer = _writer(path, zarr.open_group(path, mode="r+"), Design.of(spec))
    writer.finish = partial(_sweep, path)
    return writer


def _sweep(path: Path) -> None:
    for file in path.rglob("*.partial"):  # the zarr library's name for a chunk that is not complete yet
        file.unlink(missing_ok=True)  # a worker that was given up may still complete it


def _writer(path: Path, group: Any, design: Design) -> ArrayWriter:
    levels = []
    for number, (sizes, factors) in enumerate(zip(design.sizes, design.factors, strict=True)):
        array = group[str(number)]
        shape = tuple(sizes[axis] for axis in design.spec.axes)
        refuse_mismatch(design.spec.path, array, design.layout.stored_shape(sizes), design.spec.dtype)
        sides = dict(zip(design.layout.stored, array.shards or array.chunks, strict=True))
        unit = tuple(sides[axis] for axis in design.spec.axes)
        files = chunk_files(path / str(number), array, design.layout)
        levels.append(Level(array, design.layout, shape, factors, unit, files))
    finest = levels[0]
    return ArrayWriter(finest.array, finest.layout, finest.unit, lambda: None, levels=levels)

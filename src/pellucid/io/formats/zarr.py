"""Zarr arrays and OME-Zarr 0.1 to 0.5: the highest resolution is read, all are written, as 0.4 (Zarr v2) or 0.5."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import zarr

from pellucid.errors import InputError
from pellucid.io.formats.zarr_beside import Beside, find_beside
from pellucid.io.formats.zarr_design import Design
from pellucid.io.formats.zarr_images import FoundImage, all_images, choose, multiscales
from pellucid.io.formats.zarr_metadata import ZarrStyle, read_style
from pellucid.io.formats.zarr_store import FolderStore, Store, chunk_files
from pellucid.io.handles import Handle
from pellucid.io.image import DTYPES, ArrayImage, Image
from pellucid.io.layout import Layout
from pellucid.io.output_spec import ArrayWriter, Level, OutputSpec, refuse_mismatch

WRITABLE = DTYPES
STYLE = ZarrStyle
_MOST_LISTED = 100


def open_file(path: str, inner: str | None) -> Image:
    """Open an array, or the first level of an OME-Zarr image; of several, the one with a name, number or path."""
    return open_stored(FolderStore(path), inner)


def contents(path: str) -> list[str]:
    """The images in a folder."""
    return listed(FolderStore(path))


def open_stored(store: Store, inner: str | None) -> Image:
    """Open what ``open_file`` opens, in any store."""
    path = f"{store.path}:{inner}" if inner else store.path
    with _opened(store) as root:
        found = choose(root, inner, store)
        array, layout = found.finest(path)
        image = ZarrImage(path, store, array, layout)
        named = root if inner is None else found.node
        image.style, image.pixel_size = read_style(found, named, layout, _beside(store, found, named, image))
        return image


def listed(store: Store) -> list[str]:
    """The images in a store, one line each, beginning with what opens it."""
    lines = []
    with _opened(store) as root:
        for found, inner in all_images(root, root.path):
            opens = store.inside(inner) if inner else store.path
            if len(multiscales(found.node)) > 1:
                opens = f"{opens}:{found.name}"
            array, layout = found.finest(opens)
            lines.append(f"{opens} {layout.axes} {layout.shape(array.shape)} {array.dtype}")
            if len(lines) == _MOST_LISTED:
                break
    return lines


@contextmanager
def _opened(store: Store) -> Iterator[Any]:
    with warnings.catch_warnings(), _known_codecs(store.path):
        warnings.simplefilter("ignore")  # the zarr library warns about any other file in a group's folder
        node = store.node()
        try:
            yield node
        finally:
            store.close(node)


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


def _beside(store: Store, found: FoundImage, root: Any, image: Image) -> Beside | None:
    """What lies beside an image in the group that the user named; None if that is an array."""
    if isinstance(root, zarr.Array):
        return None
    group, levels, others = found.node.path.rpartition("/")[0], [found.node.path], []
    if found.number is not None:
        group = found.node.path
        images = [FoundImage(found.node, number) for number in range(len(multiscales(found.node)))]
        levels = [f"{group}/{level}".strip("/") for one in images for level in one.level_names]
        names = [one.name for one in images if one.number != found.number]
        second = found.number == 0 and len(names) == 1
        others = [f"{'a second' if second else 'another'} multiscale: {name}" for name in names]
    sizes = dict(zip(image.axes, image.shape, strict=True))
    return find_beside(Beside(store, group, sizes, uncopied=tuple(others)), root.path, levels)


class ZarrImage(ArrayImage):
    """A Zarr array."""

    def __init__(self, path: str, store: Store, array: Any, layout: Layout) -> None:
        super().__init__(path, Handle(partial(store.array, array.path), store.close), layout)
        self.chunks = layout.shape(array.chunks)
        self.files = store.chunk_files(array, layout)


def check(spec: OutputSpec) -> None:
    """Raise InputError if the chunks or shards asked for are not possible, or an image inside is named."""
    if spec.inner:
        raise InputError(f"{spec.path}: an OME-Zarr is written with one image; leave out ':{spec.inner}'")
    Design.of(spec).grid(spec.sizes)


def create(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Start an OME-Zarr of the input's version, chunks and compression; 0.5 if the input was of another format."""
    design = Design.of(spec)
    grids = [design.grid(sizes) for sizes in design.sizes]
    style, names = design.style, design.axis_names
    group = zarr.create_group(path, zarr_format=style.version, attributes=design.attributes())
    for number, (sizes, (chunks, shards)) in enumerate(zip(design.sizes, grids, strict=True)):
        group.create_array(
            design.level_names[number],
            shape=design.layout.stored_shape(sizes),
            chunks=design.layout.stored_shape(chunks),
            shards=design.layout.stored_shape(shards) if shards else None,
            dtype=spec.dtype,
            fill_value=0,
            compressors=style.compressors,
            chunk_key_encoding={"name": "v2" if style.version == 2 else "default", "separator": "/"},
            dimension_names=None if style.version == 2 else names,
            attributes=design.array_attributes(number),
        )
    return _writer(path, group, design)


def reopen(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Continue an OME-Zarr; chunks that a killed process left incomplete are removed at the end."""
    writer = _writer(path, zarr.open_group(path, mode="r+"), Design.of(spec))
    finish = writer.finish

    def sweep_and_finish() -> None:
        for file in path.rglob("*.partial"):  # the zarr library's name for a chunk that is not complete yet
            file.unlink(missing_ok=True)  # a worker that was given up may still complete it
        finish()

    writer.finish = sweep_and_finish
    return writer


def _writer(path: Path, group: Any, design: Design) -> ArrayWriter:
    levels = []
    for name, sizes, factors in zip(design.level_names, design.sizes, design.factors, strict=True):
        array = group[name]
        shape = tuple(sizes[axis] for axis in design.spec.axes)
        refuse_mismatch(design.spec.path, array, design.layout.stored_shape(sizes), design.spec.dtype)
        sides = dict(zip(design.layout.stored, array.shards or array.chunks, strict=True))
        unit = tuple(sides[axis] for axis in design.spec.axes)
        files = chunk_files(path / name, array, design.layout)
        levels.append(Level(array, design.layout, shape, factors, unit, files))
    finest, lost = levels[0], design.not_kept
    notes = [f"not kept: {', '.join(lost)}"] if lost else []
    finish = partial(design.copy_beside, path)
    return ArrayWriter(finest.array, finest.layout, finest.unit, finish, levels=levels, notes=notes)

"""Arrays in folders of chunks, read by the tensorstore library, which is optional and imported when first used."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pellucid.errors import InputError
from pellucid.io.handles import Handle
from pellucid.io.image import ArrayImage
from pellucid.io.layout import Array, Layout
from pellucid.io.output_spec import ArrayWriter, OutputSpec


class Stored:
    """A stored array, indexed like one in memory.

    Args:
        spec: Tensorstore's description of the array.
        order: The stored dimensions in the order of the result; of others the first entry is taken.
    """

    def __init__(self, spec: dict[str, Any], order: Sequence[int]) -> None:
        import tensorstore

        store = tensorstore.open(spec, open=True, read=True).result()
        others = [dimension for dimension in range(store.rank) if dimension not in order]
        if others:
            store = store[tensorstore.d[others][0]]
        self._store = store[tensorstore.d[tuple(order)].transpose[:].translate_to[0]]
        self.shape: tuple[int, ...] = self._store.shape
        self.dtype = self._store.dtype.numpy_dtype
        sides = self._store.chunk_layout.read_chunk.shape or self.shape
        self.chunks = tuple(min(side or size, size) for side, size in zip(sides, self.shape, strict=True))

    def __getitem__(self, key: tuple[slice, ...]) -> Array:
        block: Array = self._store[key].read().result()
        return block


class StoredImage(ArrayImage):
    """An image in a stored array."""

    def __init__(self, path: str, spec: dict[str, Any], layout: Layout, order: Sequence[int]) -> None:
        _refuse_without_library(path)
        handle = Handle(partial(Stored, spec, order))
        super().__init__(path, handle, layout)
        with handle as stored:
            self.chunks = layout.shape(stored.chunks)


def _refuse_without_library(path: str) -> None:
    try:
        import tensorstore
    except ImportError as error:
        raise InputError(
            f"{path}: needs the library tensorstore, which is not installed: pip install 'pellucid[volumes]'"
        ) from error
    del tensorstore


def refuse_to_write(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Raise InputError: the format is only read."""
    del path
    raise InputError(f"{spec.path}: this format is only read; write .tif or .zarr instead")

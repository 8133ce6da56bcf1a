"""Where Zarr arrays and groups lie: in a folder, or in a zip file of one."""

from __future__ import annotations

import re
import zipfile
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zarr
from zarr.storage import ZipStore

from pellucid.files import ZARR_FILES
from pellucid.io.layout import Layout
from pellucid.io.manifest import ChunkFiles


@dataclass(frozen=True)
class Store(ABC):
    """A folder or a zip file with Zarr arrays and groups.

    Attributes:
        path: As the user wrote it.
    """

    path: str

    @abstractmethod
    def node(self) -> Any:
        """The array or group at its root, read only; to be given to ``close``."""

    @abstractmethod
    def array(self, inner: str) -> Any:
        """The array with a path, read only; to be given to ``close``."""

    @abstractmethod
    def close(self, node: Any) -> None:
        """Close the files that a node has opened."""

    @abstractmethod
    def folder(self, inner: str) -> Any:
        """A folder in it, with the methods of ``pathlib.Path`` by which files are found and read."""

    @abstractmethod
    def chunk_files(self, array: Any, layout: Layout) -> ChunkFiles | None:
        """The chunks of an array; None if they are not files."""

    @abstractmethod
    def inside(self, inner: str) -> str:
        """The user's path of what has this path in it."""


class FolderStore(Store):
    """A folder."""

    def node(self) -> Any:
        """See ``Store.node``."""
        return zarr.open(self.path, mode="r")

    def array(self, inner: str) -> Any:
        """See ``Store.array``."""
        return zarr.open_array(self.path, path=inner, mode="r")

    def close(self, node: Any) -> None:
        """See ``Store.close``: files are opened for each reading."""
        del node

    def folder(self, inner: str) -> Any:
        """See ``Store.folder``."""
        return Path(self.path, inner)

    def chunk_files(self, array: Any, layout: Layout) -> ChunkFiles | None:
        """See ``Store.chunk_files``."""
        return chunk_files(Path(self.path, array.path), array, layout)

    def inside(self, inner: str) -> str:
        """See ``Store.inside``."""
        return f"{self.path}/{inner}"


class ZipFileStore(Store):
    """A zip file of a folder, or of what is in it."""

    def node(self) -> Any:
        """See ``Store.node``."""
        return zarr.open(ZipStore(self.path, mode="r"), path=self._root(), mode="r")

    def array(self, inner: str) -> Any:
        """See ``Store.array``."""
        return zarr.open_array(ZipStore(self.path, mode="r"), path=inner, mode="r")

    def close(self, node: Any) -> None:
        """See ``Store.close``."""
        node.store.close()

    def folder(self, inner: str) -> Any:
        """See ``Store.folder``."""
        return zipfile.Path(self.path, f"{inner}/" if inner else "")

    def chunk_files(self, array: Any, layout: Layout) -> ChunkFiles | None:
        """See ``Store.chunk_files``."""
        del array, layout
        return None

    def inside(self, inner: str) -> str:
        """See ``Store.inside``."""
        return f"{self.path}:{inner}"

    def _root(self) -> str:
        """The path of the Zarr: the only folder, if it was zipped as such."""
        with zipfile.ZipFile(self.path) as file:
            names = [name for name in file.namelist() if not name.startswith("__MACOSX/")]
        folders = {name.partition("/")[0] for name in names}
        at_top = any(name in ZARR_FILES for name in names)
        return "" if at_top or len(folders) != 1 else folders.pop()


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

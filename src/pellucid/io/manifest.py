"""A record of the files that an image consists of, to notice when one vanishes or changes while the image is in use.

Chunked arrays read as the fill value where a chunk has no file. Whether it never had one, or the disk has just been
unmounted, can only be told from a list of the chunks that existed before: one bit per chunk. For files that are not
chunks, size and modification time show whether they are still the same.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.errors import InputError
from pellucid.io.layout import Layout

Region = tuple[slice, ...]
"""A region of an image, along its axes."""
Index = tuple[int, ...]
"""Position of a chunk in the grid of chunks, along the stored axes."""


class ChangedError(InputError):
    """A part of an image has vanished or changed since it was first seen."""


@dataclass(frozen=True)
class Manifest:
    """The files of an image at one moment.

    Attributes:
        files: The number of files.
        size: Their total size in bytes.
        newest: The latest modification time, in milliseconds: some file systems and protocols drop finer digits.
        chunks: The number of chunks in the grid; 0 if the image is not stored in chunks.
        present: One bit per chunk in C order, set where the chunk has a file.
    """

    files: int = 0
    size: int = 0
    newest: int = 0
    chunks: int = 0
    present: bytes = b""

    @property
    def missing(self) -> int:
        """The number of chunks without a file: they read as the fill value."""
        return self.chunks - self.files if self.chunks else 0

    def has(self, number: int) -> bool:
        """Whether a chunk has a file."""
        return bool(self.present[number >> 3] >> (number & 7) & 1)


class Files(ABC):
    """The files of an image."""

    @abstractmethod
    def manifest(self) -> Manifest:
        """Record the files as they are now.

        Raises:
            ChangedError: They are gone, or are changing at this moment.
        """

    @abstractmethod
    def refuse_changed(self, known: Manifest, region: Region) -> None:
        """Raise ChangedError if the files behind a region of the image have changed since `known` was recorded."""

    @abstractmethod
    def changes(self, known: Manifest) -> list[Region]:
        """Regions of the image whose files have changed since `known` was recorded.

        Raises:
            ChangedError: A file has vanished.
        """


class WholeFiles(Files):
    """Files any of which may hold any part of the image.

    Args:
        name: The image's name, for messages.
        shape: The image's shape.
        paths: Returns the paths of the files.
    """

    def __init__(self, name: str, shape: Sequence[int], paths: Callable[[], Iterable[Path]]) -> None:
        self._name = name
        self._whole = tuple(slice(0, size) for size in shape)
        self._paths = paths

    @property
    def paths(self) -> frozenset[Path]:
        """The paths of the files."""
        return frozenset(self._paths())

    def manifest(self) -> Manifest:
        """See ``Files.manifest``."""
        try:
            found = [path.stat() for path in self._paths()]
        except FileNotFoundError as error:
            raise _vanished(error.filename) from None
        return Manifest(len(found), sum(f.st_size for f in found), max(map(_written, found), default=0))

    def refuse_changed(self, known: Manifest, region: Region) -> None:
        """See ``Files.refuse_changed``."""
        del region
        if self.manifest() != known:
            raise ChangedError(f"{self._name}: has changed while it was in use")

    def changes(self, known: Manifest) -> list[Region]:
        """See ``Files.changes``."""
        return [self._whole] if self.manifest() != known else []


class ChunkFiles(Files):
    """The chunks of an array, each in its own file; a shard counts as one chunk.

    The zarr library can count the chunks that exist, but not tell which they are or when they were written.

    Args:
        folder: The folder of the chunks.
        layout: The array's layout.
        shape: The array's shape, in stored order.
        sides: The shape of a chunk, in stored order.
        name: Returns the path of a chunk within the folder.
        index: Returns the index of a chunk from its path; None if the file is not a chunk.
    """

    def __init__(
        self,
        folder: Path,
        layout: Layout,
        shape: Sequence[int],
        sides: Sequence[int],
        name: Callable[[Index], str],
        index: Callable[[str], Index | None],
    ) -> None:
        self._folder = folder
        self._layout = layout
        self._shape = tuple(shape)
        self._sides = tuple(sides)
        self._name = name
        self._index = index
        self._counts = tuple(-(-size // side) for size, side in zip(shape, sides, strict=True))
        self._steps = [prod(self._counts[place + 1 :]) for place in range(len(self._counts))]

    def manifest(self) -> Manifest:
        """See ``Files.manifest``; a chunk whose file is empty counts as missing."""
        total = prod(self._counts)
        present = np.zeros(-(-total // 8), np.uint8)
        files = size = newest = 0
        for number, found in self._found():
            present[number >> 3] |= 1 << (number & 7)
            files, size, newest = files + 1, size + found.st_size, max(newest, _written(found))
        return Manifest(files, size, newest, total, present.tobytes())

    def refuse_changed(self, known: Manifest, region: Region) -> None:
        """See ``Files.refuse_changed``: checks the chunks of the region and no others."""
        for index in self._touched(region):
            found = self._stat(index)
            if found is None and known.has(self._number(index)):
                raise _vanished(self._folder / self._name(index))
            if found is not None and (not known.has(self._number(index)) or _written(found) > known.newest):
                raise ChangedError(f"{self._folder / self._name(index)}: has changed while the image was in use")

    def changes(self, known: Manifest) -> list[Region]:
        """See ``Files.changes``."""
        now = self.manifest()
        if now == known:
            return []
        before, after = (np.frombuffer(one.present, np.uint8) for one in (known, now))
        lost = np.flatnonzero(np.unpackbits(before & ~after, bitorder="little"))
        if lost.size:
            first = self._folder / self._name(tuple(int(i) for i in np.unravel_index(lost[0], self._counts)))
            raise ChangedError(f"{first} and {lost.size - 1:,} other chunks have vanished: restore them")
        written = [number for number, found in self._found() if not known.has(number) or _written(found) > known.newest]
        if not written:  # replaced by files that are not newer
            return [self._part(tuple(slice(0, size) for size in self._shape))]
        return [self._part(self._chunk(number)) for number in written]

    def count(self, region: Region) -> int:
        """The number of chunks of a region of the image that have a file."""
        return sum(self._stat(index) is not None for index in self._touched(region))

    def _found(self) -> Iterator[tuple[int, os.stat_result]]:
        """The number and file status of every chunk that has a file."""
        try:
            for name, entry in walk(self._folder):
                index = self._index(name)
                if index is not None and all(0 <= i < count for i, count in zip(index, self._counts, strict=True)):
                    found = entry.stat()
                    if found.st_size:
                        yield self._number(index), found
        except FileNotFoundError as error:
            raise _vanished(error.filename) from None

    def _stat(self, index: Index) -> os.stat_result | None:
        try:
            found = os.stat(self._folder / self._name(index))  # noqa: PTH116 (a volume has millions of them)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found if found.st_size else None

    def _touched(self, region: Region) -> Iterator[Index]:
        stored = self._layout.index(dict(zip(self._layout.axes, region, strict=True)))
        parts = zip(stored, self._shape, self._sides, strict=True)
        ranges = []
        for part, size, side in parts:
            start, stop, _ = part.indices(size)
            ranges.append(range(start // side, -(-stop // side)))
        return product(*ranges)

    def _number(self, index: Index) -> int:
        return sum(i * step for i, step in zip(index, self._steps, strict=True))

    def _chunk(self, number: int) -> Region:
        index = np.unravel_index(number, self._counts)
        return tuple(slice(int(i) * side, (int(i) + 1) * side) for i, side in zip(index, self._sides, strict=True))

    def _part(self, stored: Region) -> Region:
        """Reorder a region of the stored array to the image's axes."""
        named = dict(zip(self._layout.stored, stored, strict=True))
        return tuple(named[axis] for axis in self._layout.axes)


def _written(found: os.stat_result) -> int:
    return found.st_mtime_ns // 10**6


def _vanished(path: Path | str) -> ChangedError:
    return ChangedError(f"{path}: has vanished while it was in use: restore it")


def walk(folder: Path, inside: str = "") -> Iterator[tuple[str, os.DirEntry[Any]]]:
    """Every file below a folder, with its path relative to the folder."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from walk(Path(entry.path), f"{inside}{entry.name}/")
            else:
                yield f"{inside}{entry.name}", entry

"""What lies in a Zarr beside the image that is read: labels, tables, other arrays, further multiscales."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pellucid.io.formats.zarr_store import Store
from pellucid.io.image import reading
from pellucid.io.output_spec import OutputSpec

#: Folders with more bytes or files are not copied.
_MOST_BYTES = 1 << 28
_MOST_FILES = 10_000
_HOLDERS = ("labels", "tables")


@dataclass(frozen=True)
class Beside:
    """What lies beside an image.

    Attributes:
        store: Where all of it is.
        group: The path of the image's group in the store.
        sizes: Of the image, by axis.
        folders: The paths of folders in the store that are not levels of an image of its group.
        uncopied: What no output gets, in words: other multiscales, single files.
    """

    store: Store
    group: str
    sizes: Mapping[str, int]
    folders: tuple[str, ...] = ()
    uncopied: tuple[str, ...] = ()

    @property
    def told(self) -> tuple[str, ...]:
        """All of it, in words."""
        return (*self.uncopied, *map(self._words, self.folders))

    def not_copied(self, spec: OutputSpec, levels: Sequence[str]) -> list[str]:
        """What an output with these levels does not get, in words."""
        copied = self._copied(spec, levels)
        return [*self.uncopied, *(self._words(folder) for folder in self.folders if folder not in copied)]

    def copy(self, spec: OutputSpec, levels: Sequence[str], target: Path) -> None:
        """Copy the folders that an output gets; an output that is not of the whole image gets none."""
        for folder, name in self._copied(spec, levels).items():
            with reading(self.store.inside(folder)):
                entries = list(_below(self.store.folder(folder)))
            for inner, file in entries:
                with reading(self.store.inside(f"{folder}/{inner}")):
                    content = file.read_bytes()
                made = target / name / inner
                made.parent.mkdir(parents=True, exist_ok=True)
                made.write_bytes(content)

    def _copied(self, spec: OutputSpec, levels: Sequence[str]) -> dict[str, str]:
        """The folders that are copied, and what they are called in the output."""
        if spec.sizes != self.sizes or any(spec.offset.values()):
            return {}
        start = f"{self.group}/" if self.group else ""
        names = {folder: folder.removeprefix(start) for folder in self.folders if folder.startswith(start)}
        taken = {level.partition("/")[0] for level in levels}
        fitting = {folder: name for folder, name in names.items() if name.partition("/")[0] not in taken}
        return {folder: name for folder, name in fitting.items() if self._is_small(folder)}

    def _is_small(self, folder: str) -> bool:
        size = 0
        with reading(self.store.inside(folder)):
            for number, (_, file) in enumerate(_below(self.store.folder(folder))):
                size += file.stat().st_size if isinstance(file, Path) else file.root.getinfo(file.at).file_size
                if number >= _MOST_FILES or size > _MOST_BYTES:
                    return False
        return True

    def _words(self, folder: str) -> str:
        last = folder.rpartition("/")[2]
        found = self.store.folder(folder)
        if last in _HOLDERS:
            return f"{last}: {', '.join(_folders(found)) or 'none'}"
        return f"{_kind(found)} {folder}"


def find_beside(image: Beside, root: str, levels: Sequence[str]) -> Beside:
    """With the folders that lie beside an image.

    Args:
        image: What is known without a look at the folders.
        root: The path of the group that the user named.
        levels: The paths of the arrays of all images of the image's group.
    """
    start = f"{root}/" if root else ""
    folder = image.store.folder(root)
    files = (f"file {name}" for name in _files(folder))
    return replace(image, folders=tuple(_unread(folder, start, levels)), uncopied=(*image.uncopied, *files))


def _unread(folder: Any, start: str, levels: Sequence[str]) -> Iterator[str]:
    """The paths of the folders in a folder that are not levels, nor have any in them."""
    for name in _folders(folder):
        path = f"{start}{name}"
        if path in levels:
            continue
        if any(level.startswith(f"{path}/") for level in levels):
            yield from _unread(folder / name, f"{path}/", levels)
        else:
            yield path


def _folders(folder: Any) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))


def _files(folder: Any) -> list[str]:
    """The files that are none of Zarr's own, nor hidden."""
    names = (each.name for each in folder.iterdir() if not each.is_dir())
    return sorted(name for name in names if name != "zarr.json" and not name.startswith("."))


def _below(folder: Any, start: str = "") -> Iterator[tuple[str, Any]]:
    """All files below a folder, with their paths in it."""
    for each in folder.iterdir():
        if each.is_dir():
            yield from _below(each, f"{start}{each.name}/")
        else:
            yield f"{start}{each.name}", each


def _kind(folder: Any) -> str:
    if (folder / ".zarray").is_file():
        return "array"
    if (folder / ".zgroup").is_file():
        return "group"
    metadata = folder / "zarr.json"
    return str(json.loads(metadata.read_bytes()).get("node_type", "folder")) if metadata.is_file() else "folder"

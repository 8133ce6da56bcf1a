"""The folders that a browser may see: every path that comes from a page passes here first."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from pellucid.errors import InputError
from pellucid.io.natural_order import natural
from pellucid.io.registry import Format, format_of, is_unread, split
from pellucid.runs.archive import open_archive

RECIPE = "recipe.toml"
"""A folder or a zip with this file is a trained model, or the run of a training."""


class Entry(NamedTuple):
    """A line of a folder's listing.

    Attributes:
        path: absolute.
        kind: "folder", "image", "model", "page", "other image" (of a format that must be converted first) or "file".
        format: of an image, by name, such as "TIFF"; else empty.
        size: in bytes; 0 for folders.
    """

    path: Path
    kind: str
    format: str
    size: int


class Listing(NamedTuple):
    """What a folder holds.

    Attributes:
        entries: that can be shown.
        nameless: how many there are that no browser can name, because their names are not UTF-8.
    """

    entries: list[Entry]
    nameless: int


class Roots:
    """Folders that may be shown, and nothing outside them, whatever links and dots a path has.

    Args:
        folders: that exist.

    Raises:
        InputError: one does not exist, or is no folder.
    """

    def __init__(self, folders: Iterable[str | Path]) -> None:
        found = []
        for folder in folders:
            if not Path(folder).is_dir():
                raise InputError(f"{folder}: no such folder; give folders that the page may show")
            found.append(Path(folder).resolve())
        if not found:
            raise InputError("no folder is given; give at least one that the page may show")
        self.folders: Sequence[Path] = tuple(dict.fromkeys(found))

    def has(self, path: Path) -> bool:
        """Whether a path lies in one of the folders, once all links are followed."""
        try:
            path.exists()
            real = Path(os.path.realpath(path))
        except (OSError, ValueError):  # a null byte, a circle of links, a name that is too long
            return False
        return any(real.is_relative_to(folder) for folder in self.folders)

    def path(self, text: str | Path) -> Path:
        """The real path of a file or folder in one of the folders; it need not exist.

        Raises:
            InputError: it lies outside of them; nothing is said of what is there.
        """
        asked = Path(text)
        if not asked.is_absolute():
            asked = self.folders[0] / asked
        if not self.has(asked):
            shown = str(text).replace("\0", "")
            raise InputError(f"{shown}: lies outside the folders that this page may show; start it with that folder")
        return Path(os.path.realpath(asked))

    def image(self, spec: str) -> str:
        """What opens an image in one of the folders: `"stack.tif:1"` keeps its `:1`.

        Raises:
            InputError: the file lies outside of the folders.
        """
        file, inner = split(spec)
        path = self.path(file)
        return f"{path}:{inner}" if inner else str(path)

    def list(self, folder: str | Path) -> Listing:
        """What a folder holds, folders first, in natural order.

        Left out are hidden names and links that lead outside; names that are not UTF-8 are counted.

        Raises:
            InputError: it lies outside, is no folder, or may not be read.
        """
        place = self.path(folder)
        if not place.is_dir():
            raise InputError(f"{place}: is no folder; choose another one")
        try:
            names = sorted(place.iterdir(), key=natural)
        except OSError as error:
            raise InputError(f"{place}: no permission to look into it; change its permissions") from error
        shown = [path for path in names if path.name[0] != "." and self.has(path)]
        entries = [_entry(path) for path in shown if _is_text(path.name)]
        return Listing(sorted(entries, key=lambda entry: entry.kind != "folder"), len(shown) - len(entries))

    def holding(self, path: Path) -> Path:
        """The folder to list for a path in the folders: itself, or that in which a file, an image or a model lies."""
        real = self.path(path)
        if real in self.folders or (real.is_dir() and _entry(real).kind == "folder"):
            return real
        return real.parent

    def above(self, folder: Path) -> Path | None:
        """The folder above, or None at the top of what may be shown."""
        return folder.parent if self.has(folder.parent) else None


def _is_text(name: str) -> bool:
    """Whether a name can be sent to a browser; names of other systems may have bytes that are no UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _entry(path: Path) -> Entry:
    known: Format | None = format_of(path)
    size = path.stat().st_size if path.is_file() else 0
    if path.is_dir() and (path / RECIPE).is_file():
        return Entry(path, "model", "", 0)
    if _is_model_zip(path):
        return Entry(path, "model", "zip", size)
    if known and not known.is_bare and path.is_dir() == known.is_folder:
        return Entry(path, "image", known.name, size)
    if path.is_dir():
        return Entry(path, "folder", "", 0)
    if path.suffix.lower() == ".html":
        return Entry(path, "page", "", size)
    if is_unread(path):
        return Entry(path, "other image", "", size)
    return Entry(path, "file", "", size)


def _is_model_zip(path: Path) -> bool:
    if path.suffix.lower() != ".zip" or not path.is_file():
        return False
    try:
        with open_archive(path) as archive:
            return RECIPE in archive.names
    except InputError:  # some other zip
        return False

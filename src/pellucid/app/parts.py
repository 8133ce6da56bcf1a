"""Parts that several pages have: facts, sections, choosing files and folders."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path

from nicegui import ui

from pellucid.app.roots import Entry, Listing, Roots

Chosen = Callable[[Path], Awaitable[None] | None]
"""Called with what the user has chosen."""

_ICONS = {
    "folder": "folder",
    "image": "image",
    "model": "model_training",
    "other image": "hide_image",
    "page": "article",
}
_KILO = 1024
_TAIL = 16
"""Characters at the end of a name that are never cut off: they tell files of a series apart."""


def heading(text: str) -> None:
    """The heading of a part of a page."""
    with ui.element("h2").classes("p-heading"):
        ui.label(text)


def facts(rows: Mapping[str, str] | Iterable[tuple[str, str]]) -> None:
    """Names and values, a line each."""
    with ui.element("dl").classes("p-facts"):
        for name, value in dict(rows).items():
            with ui.element("dt"):
                ui.label(name)
            with ui.element("dd"):
                ui.label(value)


def remark(text: str) -> ui.label:
    """A sentence in small letters, such as what a control does."""
    return ui.label(text).classes("p-remark")


class Shortened:
    """A name or a path in one line. What does not fit is left out in its middle.

    Args:
        text: the name.
        hover: what is shown on hover; by default the name.
    """

    def __init__(self, text: str, hover: str = "") -> None:
        self._hover = hover
        with ui.element("span").classes("p-short") as self._place:
            self._head = ui.label().classes("p-short-head")
            self._tail = ui.label().classes("p-short-tail")
        self.set(text)

    def set(self, text: str) -> None:
        """Show another text."""
        self._head.text, self._tail.text = text[:-_TAIL], text[-_TAIL:]
        self._place.props["title"] = self._hover or text
        self._place.update()


def file_size(count: int) -> str:
    """A number of bytes in words."""
    size = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if size < _KILO:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= _KILO
    return f"{size:.1f} TB"


class FolderBrowser:
    """A list of the folders and files that may be shown, from which one is chosen.

    Args:
        roots: what may be shown.
        chosen: called with an entry of one of the kinds that may be chosen.
        kinds: of entries that may be chosen, such as "image"; others than folders are not listed.
        choose_folder: what the button says that chooses the folder which is listed; no button if it is empty.
        start: the folder or file to begin at; by default the first that may be shown.
    """

    def __init__(
        self,
        roots: Roots,
        chosen: Chosen,
        kinds: Sequence[str] = ("image",),
        choose_folder: str = "",
        start: Path | None = None,
    ) -> None:
        self.roots = roots
        self._chosen = chosen
        self._kinds = kinds
        self._choose_folder = choose_folder
        self.folder = roots.holding(start) if start is not None and roots.has(start) else roots.folders[0]
        self._list = ui.element("div").classes("p-browser").props('role="group" aria-label="Files"')
        self.show(self.folder)

    def show(self, folder: Path) -> None:
        """List a folder.

        Raises:
            InputError: it lies outside of what may be shown, or may not be read.
        """
        listing = self.roots.list(folder)  # first, so that the list stays if this fails
        self.folder = self.roots.path(folder)
        self._list.clear()
        with self._list:
            self._places()
            with ui.element("ul").classes("p-entries"):
                above = self.roots.above(self.folder)
                if above is not None:
                    self._line("arrow_upward", "..", "the folder above", lambda: self.show(above))
                shown = [entry for entry in listing.entries if self._is_listed(entry)]
                for entry in shown:
                    self._entry(entry)
            if not shown:
                remark(f"No folders and no {self._kinds[0]}s here.")
            _tell_nameless(listing)
            if self._choose_folder:
                ui.button(self._choose_folder, on_click=lambda: self._take(self.folder)).props("unelevated no-caps")

    def _is_listed(self, entry: Entry) -> bool:
        convertible = entry.kind == "other image" and "image" in self._kinds
        return entry.kind in self._kinds or self._is_way(entry) or convertible

    def _is_way(self, entry: Entry) -> bool:
        """Whether an entry is opened to go on in it: a folder, or that of a model where no model is wanted."""
        return entry.kind == "folder" or (entry.kind == "model" and "model" not in self._kinds and entry.path.is_dir())

    def _places(self) -> None:
        """Where this is, and the folders that may be shown."""
        if len(self.roots.folders) > 1:
            with ui.element("div").classes("p-roots").props('role="group" aria-label="Folders that are shown"'):
                for root in self.roots.folders:
                    self._root(root)
        ui.label(str(self.folder)).classes("p-path")

    def _root(self, root: Path) -> None:
        here = self.folder.is_relative_to(root)
        icon = "folder_open" if here else "folder"
        place = ui.button(root.name or str(root), icon=icon, on_click=lambda: self.show(root))
        place.props("outline dense no-caps color=none").classes("p-root").tooltip(str(root))
        place.props(f'aria-current="{"true" if here else "false"}"')

    def _entry(self, entry: Entry) -> None:
        if self._is_way(entry):
            self._line(_ICONS[entry.kind], entry.path.name, entry.kind, lambda: self.show(entry.path))
        elif entry.kind in self._kinds:
            told = entry.format + (f", {file_size(entry.size)}" if entry.size else "")
            self._line(_ICONS[entry.kind], entry.path.name, told or entry.kind, lambda: self._take(entry.path))
        else:
            self._line(_ICONS[entry.kind], entry.path.name, "must be converted first", lambda: self._take(entry.path))

    def _line(self, icon: str, name: str, told: str, act: Callable[[], object]) -> None:
        with ui.element("li"), ui.element("button").classes("p-entry").on("click", act).props('type="button"'):
            ui.icon(icon).props('aria-hidden="true"')
            Shortened(name)
            ui.label(told).classes("p-told")

    async def _take(self, path: Path) -> None:
        done = self._chosen(path)
        if inspect.isawaitable(done):
            await done


def _tell_nameless(listing: Listing) -> None:
    """Say how many files are missing in a list, and why."""
    count = listing.nameless
    if count == 1:
        remark("1 file with a name that is not UTF-8 is not shown; rename it.")
    elif count:
        remark(f"{count} files with names that are not UTF-8 are not shown; rename them.")

"""Parts that several pages have: facts, sections, choosing files and folders."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Container, Iterable, Mapping
from pathlib import Path

from nicegui import ui

from pellucid.app.roots import Entry, Roots

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
        kinds: of entries that may be chosen, such as "image"; other files are not listed.
        choose_folder: what the button says that chooses the folder which is listed; no button if it is empty.
        start: the folder or file to begin at; by default the first that may be shown.
    """

    def __init__(
        self,
        roots: Roots,
        chosen: Chosen,
        kinds: Container[str] = ("image",),
        choose_folder: str = "",
        start: Path | None = None,
    ) -> None:
        self.roots = roots
        self._chosen = chosen
        self._kinds = kinds
        self._choose_folder = choose_folder
        place = start if start is not None and roots.has(start) else roots.folders[0]
        self.folder = place if place.is_dir() and "folder" not in kinds else place.parent if place.is_file() else place
        self._list = ui.element("div").classes("p-browser").props('role="group" aria-label="Files"')
        self.show(self.folder)

    def show(self, folder: Path) -> None:
        """List a folder.

        Raises:
            InputError: it lies outside of what may be shown, or may not be read.
        """
        entries = self.roots.list(folder)  # first, so that the list stays if this fails
        self.folder = self.roots.path(folder)
        self._list.clear()
        with self._list:
            self._places()
            with ui.element("ul").classes("p-entries"):
                above = self.roots.above(self.folder)
                if above is not None:
                    self._line("arrow_upward", "..", "the folder above", lambda: self.show(above))
                shown = [entry for entry in entries if entry.kind != "file" and self._is_listed(entry)]
                for entry in shown:
                    self._entry(entry)
            if not shown:
                remark("No folders and no images here.")
            if self._choose_folder:
                ui.button(self._choose_folder, on_click=lambda: self._take(self.folder)).props("unelevated no-caps")

    def _is_listed(self, entry: Entry) -> bool:
        return entry.kind != "page" or "page" in self._kinds

    def _places(self) -> None:
        """Where this is, and the folders that may be shown."""
        for root in self.roots.folders:
            if len(self.roots.folders) > 1:
                place = ui.button(root.name or str(root), on_click=lambda root=root: self.show(root))
                place.props("flat dense no-caps color=none").classes("p-root").tooltip(str(root))
        ui.label(str(self.folder)).classes("p-path")

    def _entry(self, entry: Entry) -> None:
        if entry.kind == "folder" or (entry.kind == "model" and "model" not in self._kinds):
            self._line(_ICONS[entry.kind], entry.path.name, entry.kind, lambda: self.show(entry.path))
        elif entry.kind in self._kinds:
            told = entry.format + (f", {file_size(entry.size)}" if entry.size else "")
            self._line(_ICONS[entry.kind], entry.path.name, told or entry.kind, lambda: self._take(entry.path))
        else:
            told = "must be converted first" if entry.kind == "other image" else entry.kind
            self._line(_ICONS[entry.kind], entry.path.name, told, lambda: self._take(entry.path))

    def _line(self, icon: str, name: str, told: str, act: Callable[[], object]) -> None:
        with ui.element("li"), ui.element("button").classes("p-entry").on("click", act).props('type="button"'):
            ui.icon(icon).props('aria-hidden="true"')
            ui.label(name).classes("p-name")
            ui.label(told).classes("p-told")

    async def _take(self, path: Path) -> None:
        done = self._chosen(path)
        if inspect.isawaitable(done):
            await done

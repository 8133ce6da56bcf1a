"""The page Open: choose an image and look at it."""

from __future__ import annotations

import re
from pathlib import Path

from nicegui import ui

from pellucid.app.drop import Drop
from pellucid.app.facts import facts_of, series_of
from pellucid.app.frame import clear
from pellucid.app.image_view import ImageView
from pellucid.app.parts import FolderBrowser, facts, heading, remark
from pellucid.app.session import Session
from pellucid.io.registry import split

_OPENS = re.compile(r"(:\d+)(?=[: ])|(?= +[A-Z]* ?\()")
"""Where that ends which opens an image in a file, in the line that describes the image."""


async def build(session: Session) -> None:
    """Build the page: a list of files at the left, the image at the right."""
    await _OpenPage(session).build()


class _OpenPage:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def build(self) -> None:
        start = split(self._session.image)[0] if self._session.image else None
        with ui.element("div").classes("p-columns"):
            with ui.element("section").classes("p-side").props('aria-label="Files"'):
                heading("Images")
                self._browser = FolderBrowser(self._session.workplace.roots, self._choose, start=start)
                Drop(self._take)
                self._facts = ui.element("div").classes("p-below").props('role="status"')
            with ui.element("section").classes("p-main").props('aria-label="Image"'):
                self._empty = remark("Choose an image in the list, or drop one onto the page.")
                self._shown = ui.element("div")
                with self._shown:
                    self._view = ImageView(self._session)
                self._shown.set_visibility(False)
        if self._session.image:
            await self._open(self._session.image, self._session.plane)

    async def _choose(self, path: Path) -> None:
        await self._open(str(path), 0)

    async def _take(self, path: Path) -> None:
        await self._open(str(path), 0)
        self._browser.show(path.parent)

    async def _open(self, spec: str, plane: int) -> None:
        """Show an image, and the others in its file."""
        place = self._session.workplace
        self._shown.set_visibility(True)
        opened = await self._view.open(spec, plane)
        others = await place.read(series_of, place.roots, spec)
        clear()
        self._empty.set_visibility(False)
        self._facts.clear()
        with self._facts:
            heading(Path(opened.spec).name)
            facts(facts_of(opened.image))
            if others:
                self._series(others, opened.spec)

    def _series(self, listed: list[str], shown: str) -> None:
        """A choice among the images in one file; each line begins with what opens it."""
        specs = {_opens(line, len(str(split(shown)[0]))): line for line in listed}
        chosen = ui.select(specs, label="Images in this file", value=shown if shown in specs else None)
        chosen.classes("p-wide").props("outlined dense options-dense")
        chosen.on_value_change(lambda event: self._open(str(event.value), 0) if event.value else None)


def _opens(line: str, file: int) -> str:
    """What opens an image, from the line that describes it; `file` is the length of the file's path."""
    found = _OPENS.search(line, file)
    return line[: found.end() if found.group(1) else found.start()] if found else line

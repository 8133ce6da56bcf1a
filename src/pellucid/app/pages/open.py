"""The page Open: choose an image and look at it."""

from __future__ import annotations

from pathlib import Path

from nicegui import ui

from pellucid.app.facts import facts_of, open_in
from pellucid.app.frame import clear
from pellucid.app.parts import FolderBrowser, facts, heading, remark
from pellucid.app.session import Session


async def build(session: Session) -> None:
    """Build the page: a list of files at the left, the image at the right."""
    with ui.element("div").classes("p-columns"):
        with ui.element("section").classes("p-side").props('aria-label="Files"'):
            heading("Images")
            start = Path(session.image) if session.image else None
            FolderBrowser(session.workplace.roots, lambda path: _show(session, str(path), seen), start=start)
        seen = ui.element("section").classes("p-main").props('aria-label="Image"')
    if session.image:
        await _show(session, session.image, seen)
    else:
        with seen:
            remark("Choose an image.")


async def _show(session: Session, spec: str, place: ui.element) -> None:
    image = await session.workplace.read(open_in, session.workplace.roots, spec)
    session.image, session.plane = image.path, 0
    clear()
    place.clear()
    with place:
        heading(Path(image.path).name)
        facts(facts_of(image))

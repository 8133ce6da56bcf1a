"""What a run or a model has to look at: previews, pages, and an export for others."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from nicegui import ui

from pellucid.app.choice import PathChoice, text_field
from pellucid.app.frame import clear
from pellucid.app.parts import heading, remark
from pellucid.app.session import Session
from pellucid.app.workplace import Workplace
from pellucid.box import boxed_models
from pellucid.errors import InputError

EXPORTS = "exports"
MOST = 12
"""Pages that are listed."""


def build_models(session: Session) -> None:
    """Build the sections on the model in use and on pages in the folders."""
    with ui.element("section").classes("p-side").props('aria-label="Model"'):
        _ModelPart(session).build()
    with ui.element("section").classes("p-side").props('aria-label="Pages"'):
        _build_pages(session)


class _ModelPart:
    def __init__(self, session: Session) -> None:
        self._session = session

    def build(self) -> None:
        heading("Model")
        roots = self._session.workplace.roots
        field = PathChoice(roots, "Run or model", self._choose, ("model",), "", self._session.model)
        self._field = field
        self._previews = ui.element("div")
        with ui.element("details"):
            with ui.element("summary"):
                ui.label("Export it for others").classes("p-inline")
            with ui.element("div").classes("p-form"):
                self._name = text_field("File name", "model.zip")
                self._licence = text_field("Licence", "", "such as CC-BY-4.0; may be empty")
                ui.button("Export", on_click=self._export).props("outline no-caps")
                self._done = remark("").props('role="status"')
        self._show_previews()

    def _choose(self, text: str) -> None:
        if not text or text == self._session.model:
            return
        self._session.model = text if text in boxed_models() else str(self._session.workplace.roots.path(text))
        clear()
        self._show_previews()

    def _show_previews(self) -> None:
        """The last preview of the run, if there is one."""
        self._previews.clear()
        name = self._session.model
        drawn = [] if name in boxed_models() else sorted((Path(name) / "previews").glob("*.png"))
        with self._previews:
            if drawn:
                last = drawn[-1]
                picture = ui.element("img").classes("p-picture")
                picture._props.update(src=f"/picture?path={quote(str(last))}", alt=f"Preview after step {last.stem}")
                remark(f"Its preview after step {int(last.stem):,}." if last.stem.isdigit() else last.name)

    async def _export(self) -> None:
        """Write the model to the folder of exports; nothing is overwritten."""
        from pellucid.api import export  # here: pages that only show images need no torch

        name = Path(str(self._name.value or "")).name
        if not name or name.startswith("."):
            raise InputError("the export needs a file name, such as model.zip")
        place = self._session.workplace
        target = place.folder / EXPORTS / name
        licence = str(self._licence.value or "").strip() or None
        written = await place.compute(export, self._session.model, target, licence=licence)
        clear()
        self._done.text = f"Written to {written}"


def _build_pages(session: Session) -> None:
    heading("Pages")
    remark("Pages written by trust and demo. They cannot reach anything else from here.")
    place = session.workplace
    opened = ui.element("div")

    def show(text: str) -> None:
        if not text:
            return
        path = place.roots.path(text)
        if path.suffix.lower() != ".html" or not path.is_file():
            raise InputError(f"{path}: is no page; give an .html file")
        clear()
        opened.clear()
        with opened:
            _link(path)

    PathChoice(place.roots, "Page", show, ("page",), "", "")
    for path in _known_pages(place):
        _link(path)


def _link(path: Path) -> None:
    link = ui.link(path.name, f"/page?path={quote(str(path))}", new_tab=True).classes("p-link")
    link.tooltip(str(path))


def _known_pages(place: Workplace) -> list[Path]:
    """Pages in the folder for results, the newest first."""
    found = [path for pattern in ("*.html", "*/*.html") for path in place.folder.glob(pattern) if place.roots.has(path)]
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)[:MOST]

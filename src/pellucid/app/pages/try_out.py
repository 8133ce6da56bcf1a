"""The page Try: what methods without a training make of the part of an image that is in view."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
from nicegui import ui

from pellucid.app.frame import clear
from pellucid.app.image_view import ImageView
from pellucid.app.parts import heading, remark
from pellucid.app.recipe_words import WORDS
from pellucid.app.session import Session
from pellucid.app.task import TaskSpec
from pellucid.app.task_folder import TaskFolder
from pellucid.app.tiles import Window, png
from pellucid.app.trial import AT_ONCE, FILTERS, MOST, Part, Trial, part_in_view
from pellucid.box import boxed_models
from pellucid.errors import InputError, PellucidError
from pellucid.io.registry import split

REMOVED = 0.3
"""What was removed is shown from minus to plus this share of black to white, the same for all methods."""
_HONEST = (
    "These lines say what changed, not how near a result is to the truth: a result may look clean and have lost faint "
    "structures. The whole assessment measures that with noise like yours on images whose truth is known; it takes "
    "minutes."
)


async def build(session: Session) -> None:
    """Build the page: the image, below it the results side by side."""
    if session.image is None:
        with ui.element("section").classes("p-main"):
            remark("Choose an image first.")
            ui.link("Open an image", "/")
        return
    await _TryPage(session).build(session.image)


class _TryPage:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._panels: list[_Panel] = []
        self._asked = 0  # a trial that was asked for later replaces those that wait

    async def build(self, spec: str) -> None:
        with ui.element("div").classes("p-columns p-try"):
            with ui.element("section").classes("p-main").props('aria-label="Image"'):
                heading(Path(spec).name)
                self._view = ImageView(self._session, self._draw)
                self._view.viewer.classes("p-low")
            with ui.element("section").classes("p-side").props('aria-label="Methods"'):
                self._methods()
        self._results = ui.element("section").classes("p-results").props('aria-label="Results" aria-live="polite"')
        with ui.element("section").classes("p-main p-below").props('aria-label="Trust"'):
            heading("How far to trust a result")
            remark(_HONEST)
            with ui.element("div").classes("p-row"):
                ui.button("Assess the model on this image", on_click=self._assess).props("outline no-caps")
                self._started = ui.element("span")
        await self._view.open(spec, self._session.plane)
        ui.timer(0.3, self._first, once=True)  # when the browser has said what is in view

    def _methods(self) -> None:
        heading("Try without training")
        remark(f"The middle of what is in view, up to {MOST} × {MOST} pixels, at full resolution. Zoom to choose it.")
        self._chosen = {name: _offer(name) for name in (self._session.model, *FILTERS)}
        ui.button("Try here", icon="play_arrow", on_click=self._try).props("unelevated no-caps").classes("p-go")
        self._kind = ui.toggle({"result": "Results", "removed": "What was removed"}, value="result")
        self._kind.props("no-caps unelevated").on_value_change(self._draw)

    async def _first(self) -> None:
        await self._try()

    async def _try(self) -> None:
        """Try the chosen methods one after the other; each is shown as soon as it is there."""
        opened = self._view.opened
        if opened is None:
            return
        clear()
        self._asked += 1
        asked, place = self._asked, self._session.workplace
        part = await place.read(part_in_view, place.images, opened, self._session.plane, self._view.viewer.view)
        names = [name for name, box in self._chosen.items() if box.value]
        self._results.clear()
        with self._results:
            noisy = _Panel("noisy")
            panels = {name: _Panel(_title(name)) for name in names}
        self._panels = [noisy, *panels.values()]
        noisy.show(part.pixels, None)
        self._draw()
        for name, panel in panels.items():
            if asked != self._asked:
                return
            run = place.trials.filter if name in FILTERS else place.trials.model
            try:
                panel.done(part, await place.compute(run, name, part))
            except PellucidError as problem:
                panel.fail(str(problem))
            self._draw()

    def _draw(self) -> None:
        for panel in self._panels:
            panel.draw(str(self._kind.value), self._view.contrast.window)

    async def _assess(self) -> None:
        """Start the whole assessment as a task, which goes on when the page is closed."""
        spec, model = self._session.image, self._session.model
        if spec is None:
            raise InputError("choose an image first")
        place = self._session.workplace
        folder = place.folder / "trust"
        page = _free_page(folder, split(spec)[0].stem)
        arguments = ("trust", spec, "--model", model, "--out", str(page))
        title = f"Trust in {_title(model)} on {Path(spec).name}"
        task = TaskSpec("trust", title, arguments, str(page), {"noisy": spec})
        await place.read(TaskFolder(place.folder).start, task)
        self._started.clear()
        with self._started:
            remark(f"Started. The page will be {page}; the page Look shows it.")


class _Panel:
    """A picture with the method's name above and what can be said of it below."""

    def __init__(self, title: str) -> None:
        self._pixels: dict[str, np.ndarray] = {}
        with ui.element("figure").classes("p-figure"):
            with ui.element("figcaption"):
                self._title = ui.label(title).classes("p-figure-title")
                self._time = ui.label("…").classes("p-told")
            self._image = ui.element("img").classes("p-pixels")
            self._image._props["alt"] = title
            self._image.set_visibility(False)
            self._words = ui.element("div").classes("p-said")

    def show(self, pixels: np.ndarray, removed: np.ndarray | None) -> None:
        """Take what is drawn: pixels, and what was removed from them if something was."""
        self._pixels = {"result": pixels, **({} if removed is None else {"removed": removed})}
        self._time.text = f"{pixels.shape[1]} × {pixels.shape[0]} pixels"

    def draw(self, kind: str, window: Window) -> None:
        """Draw the result between black and white, or what was removed around grey."""
        if not self._pixels:
            return
        reach = (window.white - window.black) * REMOVED
        removed = kind == "removed" and "removed" in self._pixels
        content = (
            png(self._pixels["removed"], Window(-reach, reach)) if removed else png(self._pixels["result"], window)
        )
        self._image._props["src"] = _address(content)
        self._image.update()
        self._image.set_visibility(True)

    def done(self, part: Part, trial: Trial) -> None:
        """Show a result and what can be said of it."""
        self.show(trial.result, part.pixels.astype(np.float64) - trial.result)
        self._time.text = f"{trial.seconds:.2g} s"
        with self._words:
            remark(trial.said)
            for warning in trial.warnings:
                with ui.element("div").classes("p-warning"):
                    ui.icon("warning_amber").props('aria-hidden="true"')
                    ui.label(warning)

    def fail(self, why: str) -> None:
        """Show why there is no result."""
        self._time.text = ""
        with self._words:
            ui.label(why).classes("p-warning")


def _offer(name: str) -> ui.checkbox:
    """A method to choose, with what it is for."""
    chosen = ui.checkbox(_title(name), value=name not in FILTERS or name in AT_ONCE).props("dense")
    if name in FILTERS:
        remark(WORDS[name].purpose).classes("p-purpose")
    return chosen


def _title(name: str) -> str:
    if name in FILTERS:
        return WORDS[name].title
    return f"{name}, the model in the box" if name in boxed_models() else f"the model {Path(name).name}"


def _address(content: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(content).decode("ascii")


def _free_page(folder: Path, stem: str) -> Path:
    numbers = (f"{stem}.html", *(f"{stem}-{number}.html" for number in range(2, 1000)))
    return next(folder / name for name in numbers if not (folder / name).exists())

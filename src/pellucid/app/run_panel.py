"""A run on a page: its previews, the expected quality and the losses, each with a sentence on what it should do."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from nicegui import ui

from pellucid.app.parts import remark
from pellucid.app.run_view import Panel, RunSight, RunWatcher
from pellucid.app.workplace import Workplace

EARLY = "The first preview comes after a minute; curves come with the first steps."


class RunPanel:
    """Follows a run. Elements are made once, and only what has changed is sent.

    Args:
        workplace: reads the files.
        folder: of the run.
    """

    def __init__(self, workplace: Workplace, folder: Path) -> None:
        self._workplace = workplace
        self._watcher = RunWatcher(folder)
        self._previews: dict[int, Path] = {}
        self._latest = True
        self._early = remark(EARLY)
        with ui.element("section").classes("p-preview") as self._preview:
            self._picture = ui.element("img").classes("p-picture").props('alt="preview of crops"')
            with ui.element("div").classes("p-field"):
                self._heading = ui.label().classes("p-told")
                self._slider = ui.slider(min=0, max=1, step=1, value=0).props('label-always=false aria-label="preview"')
                self._slider.on_value_change(self._pick).classes("p-grow")
            remark(
                "Each row is one place: noisy, a Gaussian filter at its best width, the result, and a clean image for "
                "comparison. While the result is no better than the filter, wait, or look for the cause."
            )
        self._preview.set_visibility(False)
        self._quality = _PanelView()
        self._grid = ui.element("div").classes("p-charts")
        self._panels: dict[str, _PanelView] = {}

    async def refresh(self) -> None:
        """Look at the run again."""
        sight = await self._workplace.read(self._watcher.look)
        self._early.set_visibility(not sight.panels)
        self._quality.show(sight.quality)
        for panel in sight.panels:
            if panel.title not in self._panels:
                with self._grid:
                    self._panels[panel.title] = _PanelView()
            self._panels[panel.title].show(panel)
        for title in self._panels.keys() - {panel.title for panel in sight.panels}:
            self._panels[title].show(None)
        self._show_previews(sight)

    def _show_previews(self, sight: RunSight) -> None:
        if sight.previews.keys() == self._previews.keys():
            return
        self._previews = sight.previews
        self._preview.set_visibility(bool(sight.previews))
        last = max(0, len(sight.previews) - 1)
        self._slider.props(f"max={last}")
        self._slider.set_visibility(last > 0)
        if sight.previews and (self._latest or self._slider.value > last):
            self._slider.value = last
            self._draw(last)

    def _pick(self) -> None:
        number = int(self._slider.value)
        self._latest = number >= len(self._previews) - 1
        self._draw(number)

    def _draw(self, number: int) -> None:
        step, path = list(self._previews.items())[number]
        self._picture.props["src"] = f"/picture?path={quote(str(path))}"
        self._picture.update()
        self._heading.text = f"after step {step:,}"


class _PanelView:
    """A chart and its words."""

    def __init__(self) -> None:
        with ui.element("section").classes("p-panel") as self._section:
            self._title = ui.label().classes("p-panel-title")
            self._drawing = ui.html("", sanitize=False)
            self._words = ui.label().classes("p-remark p-lines")
        self._section.set_visibility(False)

    def show(self, panel: Panel | None) -> None:
        """Show a panel, or nothing."""
        self._section.set_visibility(panel is not None)
        if panel is None:
            return
        self._title.text = panel.title
        if self._drawing.content != panel.drawing:
            self._drawing.content = panel.drawing
        self._words.text = "\n".join(panel.sentences)

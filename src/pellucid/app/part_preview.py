"""A preview on the page Denoise: what a model or a filter makes of the part of an image that is in view."""

from __future__ import annotations

import base64

from nicegui import ui

from pellucid.app.image_view import ImageView
from pellucid.app.parts import heading, remark
from pellucid.app.recipe_words import WORDS
from pellucid.app.session import Session
from pellucid.app.tiles import Window, png
from pellucid.app.trial import FILTERS, Part, Trial, part_in_view
from pellucid.errors import InputError
from pellucid.io.layout import Array


class PartPreview:
    """An image, and its part in view before and after.

    Args:
        session: of the tab.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._pictures: list[_Picture] = []
        heading("Preview")
        self._hint = remark("Choose images, zoom to what matters, then press Preview.")
        with ui.element("div") as self._place:
            self._view = ImageView(session, self._recolour)
        self._place.set_visibility(False)
        self._result = ui.element("div")

    async def open(self, spec: str) -> None:
        """Show an image.

        Raises:
            InputError: it cannot be shown or read.
        """
        self._pictures = []
        self._result.clear()
        self._place.set_visibility(True)
        await self._view.open(spec, self._session.plane)
        self._hint.text = "Zoom to what matters, then press Preview."
        self._hint.set_visibility(True)

    async def show(self, model: str, recipe: str) -> None:
        """Denoise the part in view.

        Args:
            model: name or path; empty if a recipe is used.
            recipe: a filter; empty if a model is used.

        Raises:
            InputError: no image is shown, or it cannot be denoised so.
        """
        opened = self._view.opened
        if opened is None:
            raise InputError("choose noisy images first")
        if recipe and recipe not in FILTERS:
            raise InputError(f"{WORDS[recipe].title} takes too long for a preview: start it on a small image")
        self._pictures = []
        self._result.clear()
        with self._result:
            ui.spinner(size="22px")
        place = self._session.workplace
        try:
            seen = self._view.viewer.view
            part = await place.read(part_in_view, place.images, opened, self._session.plane, seen)
            attempt = place.trials.filter if recipe else place.trials.model
            trial = await place.compute(attempt, recipe or model, part)
        finally:
            self._result.clear()
        self._hint.set_visibility(False)
        with self._result:
            self._build(part, trial)

    def _build(self, part: Part, trial: Trial) -> None:
        with ui.element("div").classes("p-pair"):
            self._pictures = [_Picture("noisy", part.pixels), _Picture("denoised", trial.result)]
        self._recolour()
        remark(f"{trial.said}; {trial.seconds:.1f} s" if trial.said else f"{trial.seconds:.1f} s")
        with ui.element("ul").classes("p-warnings"):
            for warning in trial.warnings:
                with ui.element("li"):
                    ui.label(warning)

    def _recolour(self) -> None:
        for picture in self._pictures:
            picture.show(self._view.contrast.window)


class _Picture:
    """A part of an image under its name."""

    def __init__(self, name: str, pixels: Array) -> None:
        self._pixels = pixels
        with ui.element("figure"):
            self._image = ui.element("img").props(f'alt="{name}, the part in view"')
            with ui.element("figcaption"):
                ui.label(name)

    def show(self, window: Window) -> None:
        """Draw it between black and white."""
        self._image.props["src"] = _address(self._pixels, window)
        self._image.update()


def _address(pixels: Array, window: Window) -> str:
    return f"data:image/png;base64,{base64.b64encode(png(pixels, window)).decode('ascii')}"

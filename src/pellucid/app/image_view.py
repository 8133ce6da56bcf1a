"""An image with what one needs to look at it: zoom, planes, black and white."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from nicegui import ui

from pellucid.app.open_images import Opened
from pellucid.app.session import Session
from pellucid.app.tiles import Window, limits
from pellucid.app.viewer import Layer, Viewer

_STEPS = 1000


class Contrast:
    """Two sliders in one, for black and white, and a button that chooses both.

    Args:
        changed: called when either has moved.

    Attributes:
        window: black and white.
    """

    def __init__(self, changed: Callable[[], object]) -> None:
        self._changed = changed
        self.window = self._auto = self._ends = Window(0, 1)
        with ui.element("div").classes("p-control"):
            ui.label("Black and white").classes("p-control-name")
            self._slider = ui.range(min=0, max=1, step=0.001).classes("p-control-slider")
            self._slider.props('aria-label="Black and white" color=primary')
            self._slider.on("change", self._moved)
            self._told = ui.label().classes("p-control-value")
            ui.button("Auto contrast", on_click=self.auto).props("outline dense no-caps color=none")

    def start(self, shown: Window, ends: Window, whole: bool) -> None:
        """Take the window and the ends of the sliders; `whole` numbers or others."""
        self._auto, self._ends = shown, Window(min(ends.black, shown.black), max(ends.white, shown.white))
        low, high = self._ends
        step = max(1.0, round((high - low) / _STEPS)) if whole else (high - low) / _STEPS
        self._slider._props.update(min=low, max=high, step=step)  # as numbers: `props` makes words of them
        self._slider.update()
        self.auto()

    def auto(self) -> None:
        """Go back to what the image suggests."""
        self._set(self._auto)
        self._slider.value = {"min": self._auto.black, "max": self._auto.white}
        self._changed()

    def _moved(self) -> None:
        value: Any = self._slider.value
        self._set(Window(float(value["min"]), float(value["max"])))
        self._changed()

    def _set(self, window: Window) -> None:
        self.window = window
        self._told.text = f"{_short(window.black)} to {_short(window.white)}"


class Planes:
    """A slider for the planes of an image; hidden if there is one.

    Args:
        changed: called with the number of the plane.
    """

    def __init__(self, changed: Callable[[int], object]) -> None:
        self._changed = changed
        self._opened: Opened | None = None
        with ui.element("div").classes("p-control") as self._row:
            ui.label("Plane").classes("p-control-name")
            self._slider = ui.slider(min=1, max=1, value=1).classes("p-control-slider")
            self._slider.props('aria-label="Plane" color=primary')
            self._slider.on_value_change(self._moved)
            self._told = ui.label().classes("p-control-value")

    def start(self, opened: Opened, plane: int) -> None:
        """Take the planes of an image."""
        self._opened = opened
        count = len(opened.image.planes)
        self._row.set_visibility(count > 1)
        self._slider._props["max"] = count  # as a number: `props` makes words of it
        self._slider.update()
        self._slider.value = plane + 1
        self._say(plane)

    def _moved(self) -> None:
        if self._opened is None or self._slider.value is None:
            return
        plane = int(self._slider.value) - 1
        self._say(plane)
        self._changed(plane)

    def _say(self, plane: int) -> None:
        image = self._opened.image if self._opened else None
        if image is None or len(image.shape) < 3:
            self._told.text = ""
            return
        places = np.unravel_index(plane, image.shape[:-2])
        told = zip(image.axes, places, image.shape, strict=False)
        self._told.text = ", ".join(f"{axis} {int(place) + 1} of {size}" for axis, place, size in told)


class ImageView:
    """A viewer of one image, with its controls below; the plane in view is kept in the session.

    Args:
        session: of the tab.
        recoloured: called when black and white have changed.
    """

    def __init__(self, session: Session, recoloured: Callable[[], object] = lambda: None) -> None:
        self._session = session
        self._recoloured = recoloured
        self.opened: Opened | None = None
        self.viewer = Viewer("Image")
        self._planes = Planes(self._turn)
        self.contrast = Contrast(self._recolour)

    async def open(self, spec: str, plane: int) -> Opened:
        """Show an image.

        Raises:
            InputError: it cannot be shown or read.
        """
        place = self._session.workplace
        opened = await place.read(place.images.open, spec)
        plane = min(plane, len(opened.image.planes) - 1)
        shown, ends = await place.read(limits, place.images, opened, plane)
        self.opened, self._session.image, self._session.plane = opened, opened.spec, plane
        self._planes.start(opened, plane)
        self.contrast.start(shown, ends, whole=opened.image.dtype.kind in "iu")
        return opened

    def _turn(self, plane: int) -> None:
        self._session.plane = plane
        self._show()

    def _recolour(self) -> None:
        self._show()
        self._recoloured()

    def _show(self) -> None:
        if self.opened is not None:
            self.viewer.show([Layer(self.opened, self.contrast.window)], self._session.plane)


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"

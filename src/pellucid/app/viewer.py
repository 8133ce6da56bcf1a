"""The element that shows images of any size, by OpenSeadragon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from nicegui import ui

from pellucid.app.open_images import Opened
from pellucid.app.tiles import SIDE, Box, Window


@dataclass(frozen=True)
class Layer:
    """What a viewer shows.

    Attributes:
        opened: the image.
        window: black and white.
        minus: an image of the same size that is subtracted.
    """

    opened: Opened
    window: Window
    minus: Opened | None = None

    def values(self, plane: int) -> dict[str, Any]:
        """What the browser needs to ask for tiles."""
        height, width = self.opened.image.plane_shape
        query = {"image": self.opened.spec, "plane": plane, "black": self.window.black, "white": self.window.white}
        subtracted = {"minus": self.minus.spec} if self.minus else {}
        address = f"/tile?{urlencode({**query, **subtracted, 'stamp': self.opened.stamp})}"
        return {"key": address, "url": address, "width": width, "height": height}


class Viewer(ui.element, component="viewer.js"):
    """A view of one image, or of two with a border between them.

    Args:
        label: what screen readers call it.
        group: viewers of one group show the same place at the same zoom.

    Attributes:
        view: the part in view; None until the browser has shown it.
    """

    def __init__(self, label: str, group: str = "") -> None:
        super().__init__()
        self.view: Box | None = None
        self._props.update(layers=[], label=label, group=group, split=None, border=True, exact=99)
        self.on("view", self._viewed)
        self.on("split", lambda event: self.split(float(event.args)))

    def show(self, layers: Sequence[Layer], plane: int) -> None:
        """Show a plane; the place in view stays unless the size changes."""
        self._props["layers"] = [layer.values(plane) for layer in layers]
        self._props["exact"] = min((layer.opened.exact_to(SIDE) for layer in layers), default=99)
        self.update()

    def split(self, at: float | None, *, border: bool = True) -> None:
        """Show the second layer to the right of `at`, from 0 to 1; None: all of it.

        Args:
            at: where the border is.
            border: whether it can be seen and moved.
        """
        self._props.update(split=None if at is None else min(1.0, max(0.0, at)), border=border)
        self.update()

    def look(self, box: Box) -> None:
        """Bring a part into view."""
        self.run_method("look", box.left, box.top, box.width, box.height)

    def _viewed(self, event: Any) -> None:
        told = {name: float(event.args[name]) for name in ("left", "top", "width", "height")}
        self.view = Box(**told)

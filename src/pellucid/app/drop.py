"""The element that takes files from the user's computer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from nicegui import ui

from pellucid.app.frame import tell
from pellucid.app.guard import LARGEST


class Drop(ui.element, component="drop.js"):
    """A place to drop a small image file on; it goes to the folder of uploads.

    Args:
        taken: called with the path of the file there.
    """

    def __init__(self, taken: Callable[[Path], Awaitable[None]]) -> None:
        super().__init__()
        self._props["largest"] = LARGEST

        async def take(path: str) -> None:
            await taken(Path(path))

        self.on("taken", lambda event: take(str(event.args)))
        self.on("refused", lambda event: tell(str(event.args)))

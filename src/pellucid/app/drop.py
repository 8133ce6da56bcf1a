"""The element that takes files from the user's computer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from nicegui import ui
from nicegui.events import GenericEventArguments

from pellucid.app.frame import tell
from pellucid.app.guard import LARGEST


class Drop(ui.element, component="drop.js"):
    """A place to drop small image files on; they go to the folder of uploads.

    Args:
        taken: called with the path of the last one there.
    """

    def __init__(self, taken: Callable[[Path], Awaitable[None]]) -> None:
        super().__init__()
        self._props["largest"] = LARGEST

        async def sent(event: GenericEventArguments) -> None:
            if event.args["last"]:
                await taken(Path(event.args["last"]))
            if event.args["problem"]:  # told last: what is shown anew clears the line
                tell(event.args["problem"])

        self.on("sent", sent)

"""Parts of pages without a browser, by NiceGUI's own simulation of a user."""

from __future__ import annotations

import asyncio

from nicegui import ui
from nicegui.testing import user_simulation
from nicegui.testing.user_interaction import UserInteraction

from pellucid.app.frame import build_frame
from pellucid.app.pages import PAGES


def on_a_page(build, act):
    """Fill a page by `build()`, then await `act(user, built)`."""
    made = []

    def root():
        frame = build_frame(PAGES[0], PAGES)
        with frame.content:
            made.append(build())

    async def run():
        async with user_simulation(root=root) as user:
            await user.open("/")
            with user:
                await act(user, made[-1])

    asyncio.run(run())


def texts(user, kind=ui.label):
    """What all visible elements of a kind say, the oldest first."""
    found = sorted(user.find(kind).elements, key=lambda element: element.id)
    return [element.text for element in found if element.visible]


def pictures(user):
    """The addresses of all pictures by their alternative text."""
    shown = (element for element in user.client.elements.values() if element.tag == "img")
    return {element.props["alt"]: element.props.get("src") for element in shown}


def press(user, name):
    """Click the entry of a list of files."""
    entries = [element for element in user.client.elements.values() if "p-entry" in element.classes]
    (entry,) = (each for each in entries if name in [getattr(part, "text", "") for part in each.descendants()])
    UserInteraction(user, {entry}, None).click()

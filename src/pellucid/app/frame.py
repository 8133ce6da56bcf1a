"""What stands around every page: header, navigation, light and dark, and the line that shows what went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nicegui import ui
from nicegui.context import context

from pellucid.app.page import Page
from pellucid.errors import PellucidError
from pellucid.version import __version__

_KEY = "pellucid"


@dataclass
class Frame:
    """The parts of a page that stay.

    Attributes:
        problem: the line of errors.
        content: what a page fills.
    """

    problem: ui.element
    content: ui.element


class _Theme(ui.element, component="theme.js"):
    """The button for light and dark."""


def build_frame(page: Page, pages: Sequence[Page]) -> Frame:
    """Build the header with its navigation and the empty content of a page.

    Args:
        page: that is built.
        pages: of the navigation.
    """
    ui.add_head_html('<link rel="stylesheet" href="/static/app.css">')
    with ui.header().classes("p-header"):
        ui.link("Skip to the content", "#content").classes("p-skip")
        with ui.link(target="/").classes("p-brand").props('aria-label="Pellucid, version ' + __version__ + '"'):
            ui.label("Pellucid")
        with ui.element("nav").classes("p-nav").props('aria-label="Pages"'):
            for each in pages:
                link = ui.link(each.title, each.route).tooltip(each.does)
                if each is page:
                    link.props('aria-current="page"')
        ui.space()
        _Theme()
    problem = ui.element("div").classes("p-problem").props('role="alert"')
    content = ui.element("main").classes("p-content").props('id="content" tabindex="-1"')
    frame = Frame(problem, content)
    context.client.storage[_KEY] = frame
    ui.on_exception(tell)
    return frame


def tell(problem: Exception | str) -> None:
    """Show in one line what went wrong, in place of what the line said before."""
    frame: Frame = context.client.storage[_KEY]
    if isinstance(problem, PellucidError | str):
        text = " ".join(str(problem).encode(errors="replace").decode().split())
    else:
        text = (
            f"{type(problem).__name__}: {' '.join(str(problem).split())}. This is a fault of Pellucid: please report it"
        )
    frame.problem.clear()
    with frame.problem:
        ui.icon("error_outline").props('aria-hidden="true"')
        ui.label(text).classes("p-problem-text")
        ui.button(icon="close", on_click=clear).props('flat round dense color=none aria-label="Close the message"')


def clear() -> None:
    """Empty the line that shows what went wrong."""
    frame: Frame = context.client.storage[_KEY]
    frame.problem.clear()

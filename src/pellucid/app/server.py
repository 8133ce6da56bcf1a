"""The server on this machine: pages, routes and the guard around them."""

from __future__ import annotations

import inspect
import logging
import socket
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from nicegui import ui
from nicegui.context import context
from starlette.staticfiles import StaticFiles

from pellucid.app.frame import build_frame, tell
from pellucid.app.guard import Guard
from pellucid.app.page import Page
from pellucid.app.pages import PAGES
from pellucid.app.routes import routes
from pellucid.app.session import Session, Sessions
from pellucid.app.workplace import Workplace
from pellucid.errors import InputError, PellucidError

HOST = "127.0.0.1"
PORTS = range(8473, 8573)
"""Where a free port is looked for."""
STATIC = Path(__file__).parent / "static"
PATIENCE = 2
"""Seconds that open pages are given when the server stops."""


def _is_unexpected(record: logging.LogRecord) -> bool:
    """Whether a record belongs in the log: what a user can correct is shown on the page instead."""
    return not (record.exc_info and isinstance(record.exc_info[1], PellucidError))


class _Server(uvicorn.Server):
    """A server that says when it answers."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._started()


def serve(workplace: Workplace, port: int | None, show: Callable[[str], None]) -> None:
    """Serve the pages on 127.0.0.1 until the process is asked to stop.

    Args:
        workplace: what all tabs share.
        port: of the server; by default the first free one of `PORTS`.
        show: called with the address, once it answers.

    Raises:
        InputError: the port is taken.
    """
    listening = _listen(port)
    number = listening.getsockname()[1]
    guard = build_application(workplace, number)
    # NiceGUI looks for the server among all objects there are, and old names of PyTorch warn when they are touched
    warnings.filterwarnings("ignore", category=FutureWarning, module="nicegui")
    logging.getLogger("nicegui").addFilter(_is_unexpected)
    config = uvicorn.Config(
        guard, log_level="error", ws="wsproto", server_header=False, timeout_graceful_shutdown=PATIENCE
    )
    try:
        _Server(config, lambda: show(f"http://{HOST}:{number}/?token={guard.token}")).run(sockets=[listening])
    finally:
        listening.close()
        workplace.close()


def build_application(workplace: Workplace, port: int) -> Guard:
    """All pages and routes, behind the guard."""
    outer = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, routes=list(routes(workplace)))
    outer.mount("/static", StaticFiles(directory=STATIC))
    sessions = Sessions(workplace)
    for page in PAGES:
        _register(page, sessions)
    ui.run_with(outer, title="Pellucid", favicon=STATIC / "icon.svg", dark=None, tailwind=False, reconnect_timeout=10)
    return Guard(outer, port)


def _register(page: Page, sessions: Sessions) -> None:
    """Make a page of NiceGUI of a line of the table."""
    module, _, name = page.place.partition(":")
    build: Callable[[Session], Any] = getattr(import_module(module), name)

    async def show() -> None:
        frame = build_frame(page, PAGES)
        await context.client.connected()  # the browser says only now which tab it is
        with frame.content:
            try:
                built = build(sessions.of(str(context.client.tab_id)))
                if inspect.isawaitable(built):
                    await built
            except Exception as problem:  # shown where the user looks, whatever it is
                tell(problem)

    ui.page(page.route, title=f"{page.title} · Pellucid")(show)


def _listen(port: int | None) -> socket.socket:
    if port is not None and not 0 < port < 1 << 16:
        raise InputError(f"--port {port}: give a number from 1 to 65535")
    for number in PORTS if port is None else [port]:
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, number))
            listening.listen()  # at once: until then another server could bind it too
        except OSError:
            listening.close()
        else:
            return listening
    taken = f"port {port} is" if port is not None else f"all ports from {PORTS.start} to {PORTS.stop - 1} are"
    raise InputError(f"{taken} taken: choose another one with --port")

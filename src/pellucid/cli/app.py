"""`pellucid app`."""

from __future__ import annotations

import importlib.util
import webbrowser
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pellucid.errors import InputError
from pellucid.report import terminal

FOLDER = "pellucid-work"


def app(
    *folders: Path,
    port: int | None = None,
    no_browser: Annotated[bool, Parameter(negative="")] = False,
    folder: Path | None = None,
) -> None:
    """Do the whole job in a browser: look at images, try filters, train, denoise, compare.

    The server answers this machine alone, and only those who have the address that it prints. Ctrl-C stops it.

    Parameters
    ----------
    folders
        What the pages may show: these folders and what is in them; by default the current folder.
    port
        Of the server; by default one that is free.
    no_browser
        Only print the address.
    folder
        Where runs, results and uploaded files go; by default "pellucid-work" in the current folder.
    """
    if importlib.util.find_spec("nicegui") is None:
        raise InputError("the pages need NiceGUI: pip install 'pellucid[app]'")
    from pellucid.app.server import serve  # here: help needs no server
    from pellucid.app.workplace import Workplace

    workplace = Workplace(list(folders) or [Path()], folder or Path(FOLDER))

    def show(address: str) -> None:
        print(address, flush=True)  # noqa: T201
        terminal.say("that is the address of the pages, for this machine alone; Ctrl-C stops them")
        if not no_browser:
            webbrowser.open(address)

    try:
        serve(workplace, port, show)
    except KeyboardInterrupt:  # the ordinary end
        terminal.say("stopped")

"""The pages, each a module of this package.

The contract. A page module `app/pages/NAME.py` has one function that the table below names:

    def build(session: Session) -> None: ...        # or: async def

It adds NiceGUI elements to the page that it is called in: header, navigation, width, and the line for errors are there
already (`app/server.py`, `app/frame.py`). It keeps what the user chooses in `session` (`app/session.py`), which is that
of the browser tab, and nothing in module variables. It takes paths from pages only through `session.workplace.roots`,
computes only in `await session.workplace.compute(...)` or in processes of its own, and reads files in
`await session.workplace.read(...)`. It raises `PellucidError` from any handler: the page shows it in one line
(`frame.tell` shows one without raising). It shows names and metadata as text (`ui.label`, `ui.button`), never through
`ui.html` or `ui.markdown`. Its parts come from `app/parts.py` where they exist, its style from `static/app.css`.
"""

from __future__ import annotations

from pellucid.app.page import Page

PAGES: tuple[Page, ...] = (
    Page("/", "Open", "Choose an image and look at it.", "pellucid.app.pages.open:build"),
    Page("/try", "Try", "See at once what methods without training make of it.", "pellucid.app.pages.try_out:build"),
    Page("/train", "Train", "Learn from your images, and watch it.", "pellucid.app.pages.train:build"),
    Page("/denoise", "Denoise", "Files, folders and volumes, with a model.", "pellucid.app.pages.denoise:build"),
    Page("/look", "Look", "Compare results, and look at what runs have left.", "pellucid.app.pages.look:build"),
)
"""In the order of the navigation: Open, Try, Train, Denoise, Look."""

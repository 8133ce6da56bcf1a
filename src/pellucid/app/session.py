"""What one browser tab has chosen; another tab, or another user, has a session of its own."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from pellucid.app.workplace import Workplace
from pellucid.box import DEFAULT

MOST = 200
"""Sessions that are kept; the one that was not used for longest is dropped first."""


@dataclass
class Session:
    """The choices of one tab, kept while it goes from page to page and when it is reloaded.

    Paths come from `workplace.roots`, so they lie within the folders that may be shown.

    Attributes:
        workplace: what all tabs share.
        image: what opens the image that is looked at, such as "/data/a.tif" or "/data/a.tif:1".
        plane: number of its plane in view.
        noisy: folder or file of noisy images.
        clean: folder or file of clean images.
        model: a name in the box, or the folder or zip of a model.
        compared: what opens the images that the page Look compares, in order: noisy, result, another result.
    """

    workplace: Workplace
    image: str | None = None
    plane: int = 0
    noisy: str | None = None
    clean: str | None = None
    model: str = DEFAULT
    compared: list[str | None] = field(default_factory=lambda: [None, None, None])


class Sessions:
    """The sessions by the id of their tab, which the browser keeps for as long as the tab is open."""

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self._by_tab: OrderedDict[str, Session] = OrderedDict()

    def of(self, tab: str) -> Session:
        """The session of a tab, a new one if it has none yet."""
        session = self._by_tab.pop(tab, None) or Session(self._workplace)
        self._by_tab[tab] = session
        while len(self._by_tab) > MOST:
            self._by_tab.popitem(last=False)
        return session

"""A page of the navigation. Pages import the frame, so the frame knows them by this alone."""

from __future__ import annotations

from typing import NamedTuple


class Page(NamedTuple):
    """A page in the navigation.

    Attributes:
        route: its address, which begins with a slash.
        title: one word.
        does: one sentence, which is read out by screen readers and shown as a tooltip.
        place: "module:function", imported when the server starts.
    """

    route: str
    title: str
    does: str
    place: str

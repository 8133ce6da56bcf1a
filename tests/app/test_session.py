"""Each tab has its own choices."""

from __future__ import annotations

from pellucid.app import session as module
from pellucid.app.session import Sessions


def test_a_tab_keeps_its_choices_and_another_has_its_own(workplace):
    sessions = Sessions(workplace)
    sessions.of("one").image = "a.tif"
    sessions.of("one").compared[1] = "b.tif"
    assert sessions.of("one").image == "a.tif"
    assert sessions.of("two").image is None
    assert sessions.of("two").compared == [None, None, None]


def test_the_tab_that_was_not_used_for_longest_is_forgotten(workplace, monkeypatch):
    monkeypatch.setattr(module, "MOST", 2)
    sessions = Sessions(workplace)
    for tab in ("one", "two"):
        sessions.of(tab).image = tab
    sessions.of("one")
    sessions.of("three")
    assert sessions.of("one").image == "one"
    assert sessions.of("two").image is None

from __future__ import annotations

from types import SimpleNamespace

import pytest
from best_state import Size, Watched, _found

TRUE = {(100, "last"): 20.0, (200, "last"): 24.0, (300, "last"): 25.0, (400, "last"): 24.8}
SIZES = [Size(100, 1), Size(200, 2), Size(210, 3), Size(205, 4)]


@pytest.mark.parametrize(
    ("expected", "stop", "kept", "loss", "by_it"),
    [
        ((21, 25, 27, 26), None, "last 300", 0.0, 0.0),
        ((21, 25, 26, 27), None, "last 400", 0.2, 0.0),
        ((21, 25, 26, 27), 200, "last 400", 0.2, 0.8),
        ((21, 25, 27, 26), 200, "last 300", 0.0, 1.0),
    ],
)
def test_losses_are_told_of_the_choice_and_of_ending_early(expected, stop, kept, loss, by_it):
    looks = dict(zip(TRUE, expected, strict=True))
    found = _found(looks, SimpleNamespace(true=TRUE, would_stop=stop, sizes=SIZES))
    assert (found["kept"], found["stopped"]) == (kept, stop or 0)
    assert (found["loss"], found["loss by it"]) == pytest.approx((loss, by_it))
    assert (found["MiB"], found["files, MiB"]) == ("200 → 205", "2.0 → 4.0")


def test_a_watched_training_is_never_ended_but_the_end_is_noted(monkeypatch):
    monkeypatch.setattr("pellucid.assessment.keep_best.KeepBest._nothing_gained", lambda _, training: True)
    watched = Watched(None, None, None, None)
    assert not watched._nothing_gained(SimpleNamespace(number=70))
    assert not watched._nothing_gained(SimpleNamespace(number=80))
    assert watched.would_stop == 70

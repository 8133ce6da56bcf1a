from __future__ import annotations

import pytest

from pellucid.methods import make_recipe
from pellucid.runs import pace, recorder, trainer
from pellucid.training.checkpoint import load_state

SETTINGS = {"width": 4, "patch": 20, "batch": 2, "steps": 3, "save_every": 100, "preview_every": 100}


@pytest.fixture
def run(pictures, tmp_path):
    """Train a method that draws random masks, into a folder of this name."""

    def start(name):
        recipe = make_recipe("noise2void", "quick", SETTINGS)
        return trainer.start({"noisy": str(pictures / "noisy")}, tmp_path / name, recipe, "cpu")

    return start


def test_what_comes_by_the_clock_changes_nothing_that_is_learned(run, monkeypatch, one_thread):
    saved, save = [], recorder.save_state
    monkeypatch.setattr(recorder, "save_state", lambda state, path: (saved.append(state["number"]), save(state, path)))
    by_steps = run("steps")
    assert saved == [3]
    assert not by_steps.preview(1).exists()
    for name in ("SAVE_AFTER", "PREVIEW_AFTER", "CURVES_AFTER"):
        monkeypatch.setattr(recorder, name, 0.0)
    monkeypatch.setattr(pace, "REST", 0.0)
    by_clock = run("clock")
    assert saved == [3, 1, 2, 3]
    assert all(by_clock.preview(number).exists() for number in (1, 2, 3))
    for which in ("last", "average"):
        assert by_clock.weights(which).read_bytes() == by_steps.weights(which).read_bytes()
    states = [load_state(each.state) for each in (by_clock, by_steps)]
    assert states[0]["number"] == states[1]["number"] == 3


def test_curves_are_there_before_the_first_preview(run, monkeypatch):
    monkeypatch.setattr(recorder, "CURVES_AFTER", 0.0)
    drawn = []
    monkeypatch.setattr(recorder, "curves_picture", lambda *_, **__: drawn.append(True))
    run("run")
    assert len(drawn) >= 2  # after the first step, and at the end

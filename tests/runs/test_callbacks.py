from __future__ import annotations

from types import SimpleNamespace

import pytest

from pellucid.methods import make_recipe
from pellucid.runs import callbacks, timer, trainer
from pellucid.training import Callback
from pellucid.training.checkpoint import load_state

SETTINGS = {"width": 4, "patch": 20, "batch": 2, "steps": 3, "save_every": 100, "preview_every": 100}


@pytest.fixture
def run(pictures, tmp_path):
    """Train a method that draws random masks, into a folder of this name."""

    def start(name, more=()):
        recipe = make_recipe("noise2void", "quick", SETTINGS)
        return trainer.train({"noisy": str(pictures / "noisy")}, tmp_path / name, recipe, "cpu", callbacks=more)

    return start


def test_what_comes_by_the_clock_changes_nothing_that_is_learned(run, monkeypatch, one_thread):
    saved, save = [], callbacks.save_state
    monkeypatch.setattr(callbacks, "save_state", lambda state, path: (saved.append(state["number"]), save(state, path)))
    by_steps = run("steps")
    assert saved == [3]
    assert not by_steps.preview(1).exists()
    for name in ("SAVE_AFTER", "PREVIEW_AFTER", "CURVES_AFTER"):
        monkeypatch.setattr(callbacks, name, 0.0)
    monkeypatch.setattr(timer, "REST", 0.0)
    by_clock = run("clock")
    assert saved == [3, 1, 2, 3]
    assert all(by_clock.preview(number).exists() for number in (1, 2, 3))
    for which in ("last", "average"):
        assert by_clock.weights(which).read_bytes() == by_steps.weights(which).read_bytes()
    states = [load_state(each.state) for each in (by_clock, by_steps)]
    assert states[0]["number"] == states[1]["number"] == 3


def test_curves_are_there_before_the_first_preview(run, monkeypatch):
    monkeypatch.setattr(callbacks, "CURVES_AFTER", 0.0)
    drawn = []
    monkeypatch.setattr(callbacks, "curves_picture", lambda *_, **__: drawn.append(True))
    run("run")
    assert len(drawn) >= 2  # after the first step, and at the end


class Note(Callback):
    """Notes what it is called with."""

    def __init__(self):
        self.calls = []

    def on_start(self, training, batches):
        self.calls.append(("start", training.number, sorted(batches(1))))

    def before_step(self, training):
        self.calls.append(("before", training.number))

    def after_step(self, training, losses):
        self.calls.append(("after", training.number, sorted(losses)))

    def on_end(self):
        self.calls.append("end")


def test_callbacks_see_the_training_and_leave_all_others_at_work(run, monkeypatch):
    monkeypatch.setattr(callbacks, "CURVES_AFTER", 0.0)
    notes = [Note(), Note()]
    alone, watched = run("alone"), run("watched", notes)
    assert notes[0].calls == notes[1].calls
    steps = [call for number in range(3) for call in (("before", number), ("after", number + 1, ["loss"]))]
    assert notes[0].calls == [("start", 0, ["noisy"]), *steps, "end"]
    files = [{path.relative_to(each.folder) for path in each.folder.rglob("*")} for each in (alone, watched)]
    assert files[0] == files[1]
    for name in ("metrics.jsonl", "weights/last.safetensors", "weights/average.safetensors", "previews/000003.png"):
        assert (watched.folder / name).read_bytes() == (alone.folder / name).read_bytes()


class NotedBar:
    def set(self, done, note=""):
        self.shown = done, note


@pytest.mark.parametrize(
    ("losses", "note"), [({"measured": 32.0}, "step 3  measuring the noise"), ({"error": 0.5}, "step 3  error 0.500")]
)
def test_a_method_that_measures_says_so(losses, note):
    method = SimpleNamespace(shown_losses=("error",), recipe=SimpleNamespace(minutes=10))
    training = SimpleNamespace(number=3, seconds=7.0, method=method, execution=SimpleNamespace(compile=False))
    bar = NotedBar()
    show = callbacks.ShowProgress(bar)
    show.on_start(training, None)
    show.after_step(training, losses)
    assert bar.shown == (7.0, note)

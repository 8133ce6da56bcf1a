from __future__ import annotations

import pytest

from pellucid.assessment import keep_best
from pellucid.assessment.keep_best import Look
from pellucid.cli.training_end import show_end
from pellucid.methods import make_recipe


class Finished:
    folder = "run"

    def __init__(self, recipe):
        self._recipe = recipe

    def recipe(self):
        return self._recipe


def end(monkeypatch, capsys, look, **settings):
    monkeypatch.setattr(keep_best, "best_look", lambda _: look)
    show_end(Finished(make_recipe("noise-transfer", "quick", settings)))
    return capsys.readouterr().err


@pytest.mark.parametrize("look", [None, Look(1, "last", 25.0, 0, 1, True, 19.0), Look(1, "last", 15.0, 0, 1, True)])
def test_a_training_ends_with_how_to_denoise(monkeypatch, capsys, look):
    assert end(monkeypatch, capsys, look) == "done. Denoise with: pellucid denoise INPUT OUTPUT --model run\n"


@pytest.mark.parametrize(
    ("settings", "more"),
    [
        ({"steps": 1}, "--set steps=1500"),
        ({"steps": 2000}, "--set steps=4000"),
        ({"minutes": 0.1}, "--minutes 10"),
        ({"minutes": 20}, "--minutes 40"),
    ],
)
def test_a_model_that_is_worse_than_the_noisy_images_is_not_to_be_used_yet(monkeypatch, capsys, settings, more):
    told = end(monkeypatch, capsys, Look(1, "last", 15.0, 0, 1, True, 19.0), **settings)
    assert told == (
        "warning: results are expected to be worse than the noisy images (15.0 dB, and 19.0 dB): do not use the model "
        f"yet, but train for longer: pellucid resume run {more}\n"
    )

"""What is held out of a training, and where the judge comes to it."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.data.source import open_source
from pellucid.methods import make_recipe
from pellucid.runs import trainer
from pellucid.runs.trainer import hold_out_of
from pellucid.training import Callback

pytestmark = pytest.mark.usefixtures("undrawn")


def planes(count, side=32):
    return open_source([np.zeros((side, side), np.uint8)] * count).planes


@pytest.mark.parametrize("kind", ["clean", "pairs"])
def test_an_eighth_of_each_kind_is_held_out_but_of_noise_alone(kind):
    given = {"noisy": planes(16), kind: planes(16), "noise": planes(16)}
    kept, held = hold_out_of(given)
    assert {name: len(of_kind) for name, of_kind in kept.items()} == {"noisy": 14, kind: 14, "noise": 16}
    assert {name: len(of_kind) for name, of_kind in held.items()} == {"noisy": 2, kind: 2}
    names = [{plane.name for plane in part["noisy"]} for part in (kept, held)]
    assert names[0] | names[1] == {plane.name for plane in given["noisy"]}
    assert not names[0] & names[1]


@pytest.mark.parametrize(
    "given",
    [{"noisy": planes(16)}, {"noisy": planes(16), "noise": planes(16)}, {"noisy": planes(16), "clean": planes(3)}],
    ids=["nothing clean", "noise alone", "too few clean ones"],
)
def test_nothing_is_held_out_that_would_judge_nothing(given):
    assert hold_out_of(given) == (given, {})


class Noting(Callback):
    def __init__(self):
        self.steps = []

    def after_step(self, training, _):
        self.steps.append(training.number)


def test_the_judge_is_made_of_what_is_held_out_and_called_at_each_step(pictures, tmp_path):
    asked, noting = [], Noting()

    def judge(*arguments):
        asked.append(arguments)
        return noting

    images = [np.random.default_rng(n).integers(0, 255, (48, 48)).astype(np.uint8) for n in range(8)]
    settings = {"width": 4, "depth": 1, "patch": 32, "batch": 2, "steps": 2, "save_every": 9, "preview_every": 9}
    recipe = make_recipe("student", "quick", settings)
    run = trainer.train({"noisy": images, "pairs": images}, tmp_path / "run", recipe, "cpu", judge=judge)
    ((folder, made_of, held, ranges),) = asked
    assert (folder.folder, made_of) == (run.folder, recipe)
    np.testing.assert_array_equal(held["noisy"][0].read(), images[0])
    assert {kind: len(of_kind) for kind, of_kind in held.items()} == {"noisy": 1, "pairs": 1}
    assert set(ranges) == {"noisy", "pairs"}
    assert noting.steps == [1, 2]
    assert run.judged()

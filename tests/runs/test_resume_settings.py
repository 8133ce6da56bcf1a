from __future__ import annotations

import json
import shutil

import pytest

from pellucid.errors import InputError
from pellucid.methods import build, make_recipe
from pellucid.runs import trainer
from pellucid.runs.folder import Run
from pellucid.runs.resume_settings import changed_recipe, differences
from pellucid.training.checkpoint import load_state

pytestmark = pytest.mark.usefixtures("undrawn")

SETTINGS = {"patch": 16, "batch": 2, "steps": 2, "save_every": 100, "preview_every": 100}
CONSTANT = make_recipe("noise2self", "quick", {**SETTINGS, "width": 4})
"""The settings of a method whose learning rate never changes."""


@pytest.fixture
def run(pictures, tmp_path, one_thread):
    """Train into a folder of this name."""

    def start(name, recipe):
        return trainer.train({"noisy": str(pictures / "noisy")}, tmp_path / name, recipe, "cpu")

    return start


def assert_equal(run, other):
    for which in ("last", "average"):
        assert run.weights(which).read_bytes() == other.weights(which).read_bytes()
    assert run.metrics.read_bytes() == other.metrics.read_bytes()


def test_with_a_constant_rate_an_extended_run_equals_a_longer_one(run, capsys):
    short = run("short", CONSTANT)
    trainer.resume(short.folder, "cpu", settings={"steps": "4", "save_every": 3})
    told = capsys.readouterr().err
    assert f"{short.folder}: steps=4 from now on, 2 so far" in told
    assert f"{short.folder}: resumes after step 2; 4 steps in total" in told
    assert short.recipe().steps == 4
    assert short.provenance()["resumed"][0]["changed"] == {"steps": [2, 4], "save_every": [100, 3]}
    assert_equal(short, run("long", CONSTANT.with_settings({"steps": 4})))


def test_a_falling_rate_goes_on_as_in_the_longer_training(run, capsys):
    falling = make_recipe("noise2void", "quick", {**SETTINGS, "width": 4, "patch": 20})
    first = run("first", falling)
    shutil.copytree(first.folder, first.folder.with_name("second"))
    trainer.resume(first.folder, "cpu", settings={"steps": 4})
    rates = [line for line in capsys.readouterr().err.splitlines() if line.startswith("learning rate of ")]
    method = build(falling.with_settings({"steps": 4}))
    ((name, optimiser),) = method.optimisers.items()
    before = build(falling).optimisers[name].schedule(2)
    assert rates == [f"learning rate of {name}: {before:.3g} at step 2, {optimiser.schedule(3):.3g} at step 3"]
    saved = load_state(first.state)["optimisers"][name]["inner"]["param_groups"][0]["lr"]
    assert saved == optimiser.schedule(4)
    # stopped on its way, it goes on with what it was extended to
    second = Run(first.folder.with_name("second"))
    second.change(second.recipe().with_settings({"steps": 4}))
    trainer.resume(second.folder, "cpu")
    assert_equal(second, first)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"width": 8},
            "width=8: the run was started with width=4, which cannot change any more; only steps, ",
        ),
        ({"seed": "5", "steps": 9}, "seed=5: the run was started with seed=0"),
        ({"steps": 1}, "steps=1: the run has already taken 2 steps; give at least as many"),
        ({"stepps": 3}, "unknown setting 'stepps': did you mean 'steps'"),
        ({"steps": "many"}, "setting steps='many'"),
    ],
)
def test_what_may_not_change_is_refused_in_one_line(settings, message):
    with pytest.raises(InputError, match=message) as told:
        changed_recipe(CONSTANT, settings, taken=2)
    assert len(str(told.value).splitlines()) == 1


def test_what_is_the_same_is_no_change():
    same = changed_recipe(CONSTANT, {"width": "4", "steps": 2}, taken=2)
    assert same == CONSTANT
    assert differences(CONSTANT, same) == {}


def test_a_finished_run_may_denoise_with_its_other_weights(trained, tmp_path, capsys):
    folder = shutil.copytree(trained, tmp_path / "run")
    before = json.loads((folder / "provenance.json").read_text())
    trainer.resume(folder, "cpu", settings={"weights": "last"})
    assert "weights=last from now on, average so far" in capsys.readouterr().err
    assert Run(folder).recipe().weights == "last"
    assert json.loads((folder / "provenance.json").read_text()) == before

"""The number of steps that fits into some minutes, with a clock that only steps move."""

from __future__ import annotations

import pytest
import torch

from pellucid.errors import InputError
from pellucid.methods import build, make_recipe
from pellucid.runs import trainer
from pellucid.runs.folder import Run
from pellucid.runs.resume_settings import changed_recipe
from pellucid.runs.time_budget import MARKS, TimeBudget
from pellucid.training import Callback, Training, fit
from pellucid.training.checkpoint import load_state

pytestmark = pytest.mark.usefixtures("undrawn")

MINUTES = 10.0
SECONDS = 60 * MINUTES


class Takes(Callback):
    """Lets the clock go on: each step takes so many seconds."""

    def __init__(self, clock, seconds):
        self.clock, self.seconds = clock, seconds

    def after_step(self, training, losses):
        self.clock.now += self.seconds(training.number)


class Plans(Callback):
    """Notes each number of steps, with the part of the time after which it was found."""

    def __init__(self):
        self.found = []

    def after_step(self, training, losses):
        steps = training.method.recipe.steps
        if steps != (self.found[-1][1] if self.found else 100):
            self.found.append((training.seconds / SECONDS, steps))


@pytest.fixture
def fitted(clock, tmp_path):
    """Train something cheap for ten minutes whose steps take so many seconds: the steps, and what was planned."""

    def run(seconds):
        recipe = make_recipe("mean-matched", settings={"minutes": MINUTES, "batch": 1}).with_settings({})
        recipe = make_recipe("mean-matched", settings={"minutes": MINUTES, "batch": 1})
        training, plans = Training(build(recipe), torch.device("cpu")), Plans()
        batch = {kind: torch.zeros(1, 1, 16, 16) for kind in ("noisy", "clean")}
        budget = TimeBudget(Run(tmp_path), clock)
        budget.begin(training)
        fit(training, lambda _: batch, [Takes(clock, seconds), budget, plans])
        return training, plans

    return run


@pytest.mark.parametrize(
    "seconds",
    [
        lambda _: 1.0,
        lambda number: 20.0 if number == 1 else 1.0,
        lambda number: 0.001 if number <= 30 else 1.0,
        lambda number: 0.001 if number <= 30 else 4.0 if number % 4 == 0 else 0.5,
        lambda number: 2.0 if number <= 100 else 0.5,
        lambda number: 0.5 if number <= 900 else 0.6,
        lambda number: 0.5 if number <= 900 else 0.4,
        lambda number: 90.0 if number == 2 else 0.5,
    ],
    ids=["even", "slow start", "measures first", "every fourth dearer", "stages", "busier", "idler", "compiles"],
)
def test_the_time_is_kept_whatever_the_steps_take(seconds, fitted, clock):
    training, plans = fitted(seconds)
    assert clock.now == training.seconds == pytest.approx(SECONDS, rel=0.05)
    assert training.number == training.method.recipe.steps
    assert len(plans.found) <= len(MARKS) + 1
    assert all(share < MARKS[-1] + 0.06 for share, _ in plans.found)  # from then on it stays


def test_saving_after_the_last_step_is_in_the_time(fitted, clock, monkeypatch):
    count = TimeBudget.after_step

    def count_and_save(self, training, losses):
        count(self, training, losses)
        if training.number % 400 == 0 or training.number == training.method.recipe.steps:
            clock.now += 10.0

    monkeypatch.setattr(TimeBudget, "after_step", count_and_save)
    fitted(lambda _: 0.5)
    assert clock.now == pytest.approx(SECONDS, rel=0.01)


def test_steps_that_are_too_long_are_warned_of_and_one_is_taken_at_least(fitted, clock, capsys):
    training, _ = fitted(lambda _: SECONDS / 10)
    assert training.number == 10
    told = "warning: only 10 steps fit into 600 s, too few to learn much: give more time, or a smaller batch or width"
    assert capsys.readouterr().err.count(told) == 1


def test_a_step_that_takes_longer_than_everything_is_the_only_one(fitted):
    training, _ = fitted(lambda _: 2 * SECONDS)
    assert training.number == training.method.recipe.steps == 1


def test_of_two_budgets_one_is_wanted():
    assert make_recipe("proposed", "quick").minutes == 10
    assert make_recipe("proposed", "paper").minutes is None
    assert make_recipe("proposed", "quick", {"steps": "7"}).minutes is None
    assert make_recipe("proposed", "paper", {"minutes": "2"}).minutes == 2
    with pytest.raises(InputError, match="steps and minutes are two budgets: give one of them"):
        make_recipe("proposed", "quick", {"steps": 7, "minutes": 3})


RECIPE = make_recipe(
    "noise2void", "quick", {"width": 4, "patch": 20, "batch": 2, "minutes": 1, "save_every": 1000}
)  # its learning rate falls


@pytest.fixture
def train(pictures, tmp_path, clock, one_thread):
    """Train for a minute with steps of a second, into a folder of this name; it may be killed after a step."""

    def start(
        name, seconds=lambda number: 1.0 if number <= 30 else 0.8 + number % 4 / 50, killed_after=None, settings=None
    ):

        class Kill(Callback):
            def after_step(self, training, losses):
                if training.number == killed_after:
                    raise Killed

        folder = tmp_path / name
        watching = [Takes(clock, seconds), Kill()]
        if folder.exists():
            trainer.resume(folder, "cpu", callbacks=watching, clock=clock, settings=settings)
        else:
            trainer.train({"noisy": str(pictures / "noisy")}, folder, RECIPE, "cpu", callbacks=watching, clock=clock)
        return Run(folder)

    start.folder = tmp_path
    return start


class Killed(Exception):
    """Ends a training where it is: nothing is saved."""


def test_the_run_ends_with_the_steps_that_it_took(train, capsys):
    run = train("run", lambda _: 1.0)
    assert (run.recipe().steps, run.recipe().minutes) == (60, 1)
    assert (load_state(run.state)["number"], load_state(run.state)["seconds"]) == (60, 60)
    assert len(run.metrics.read_text().splitlines()) == 60
    told = capsys.readouterr().err
    assert "recipe noise2void (quick), 1 minute, on cpu" in told
    assert "training, seconds 60/60 (100%)" in told
    method = build(run.recipe())
    ((name, optimiser),) = method.optimisers.items()
    assert load_state(run.state)["optimisers"][name]["inner"]["param_groups"][0]["lr"] == optimiser.schedule(60)


def test_killed_once_the_number_is_fixed_it_equals_one_that_never_stopped(train):
    whole = train("whole")
    steps = whole.recipe().steps
    with pytest.raises(Killed):
        train("killed", killed_after=steps - 1)
    assert Run(whole.folder.with_name("killed")).recipe().steps == steps
    assert load_state(whole.folder.with_name("killed") / "state.pt")["number"] < steps - 2
    killed = train("killed")
    assert load_state(killed.state)["seconds"] == pytest.approx(load_state(whole.state)["seconds"])
    for name in ("recipe.toml", "metrics.jsonl", "weights/last.safetensors", "weights/average.safetensors"):
        assert (killed.folder / name).read_bytes() == (whole.folder / name).read_bytes()


def test_killed_before_that_it_has_the_time_that_is_left(train):
    with pytest.raises(Killed):
        train("run", lambda _: 1.0, killed_after=30)
    killed_at = load_state(Run(train.folder / "run").state)["seconds"]
    assert 0 < killed_at <= 30
    run = train("run", lambda _: 0.5)
    assert load_state(run.state)["seconds"] == pytest.approx(60, abs=1)
    assert run.recipe().steps == pytest.approx(killed_at + 2 * (60 - killed_at), rel=0.05)


def test_more_minutes_continue_a_finished_run(train, capsys):
    train("run", lambda _: 1.0)
    capsys.readouterr()
    train("run")
    told = f"already finished after 60 steps; to train for longer: pellucid resume {train.folder / 'run'} --minutes 2"
    assert told in capsys.readouterr().err
    run = train("run", lambda _: 0.5, settings={"minutes": 2})
    assert (run.recipe().steps, run.recipe().minutes) == (180, 2)
    assert load_state(run.state)["seconds"] == 120
    told = capsys.readouterr().err
    assert "minutes=2.0 from now on, 1.0 so far" in told
    assert "resumes after step 60; 2 minutes in total" in told
    assert "at step 60" in told  # the learning rate
    run = train("run", settings={"steps": 181})
    assert (run.recipe().steps, run.recipe().minutes) == (181, None)
    assert "None" not in capsys.readouterr().err
    with pytest.raises(InputError, match="minutes=3: the run was started with a number of steps: change steps instead"):
        changed_recipe(run.recipe(), {"minutes": 3}, 181)
    with pytest.raises(InputError, match="minutes=2: the run has already taken 3 minutes; give more"):
        changed_recipe(RECIPE, {"minutes": 2}, 9, 180.0)
    with pytest.raises(InputError, match="steps and minutes are two budgets"):
        changed_recipe(RECIPE, {"minutes": 2, "steps": 9}, 9, 60.0)

from __future__ import annotations

import copy
import signal
import threading

import pytest
import torch

from pellucid import signals
from pellucid.errors import InputError, Interrupted, RunError
from pellucid.methods import build, make_recipe
from pellucid.methods.iscl import Iscl
from pellucid.seeding import generator
from pellucid.training import Callback, Training, fit
from pellucid.training.checkpoint import load_state, save_state

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make(recipe="proposed", **settings):
    settings = {"width": 1, "batch": 2, "steps": 20, "learning_rate": 1e-3, **settings}
    return Training(build(make_recipe(recipe, settings=settings)), CPU)


def batches(number):
    generator = torch.Generator().manual_seed(number)
    noisy, clean = torch.randn(2, 2, 1, 64, 64, generator=generator).mul(0.4).clamp(-1, 1)
    return {"noisy": noisy, "clean": clean}


class Note(Callback):
    """Notes which steps were taken and where the training stopped."""

    def __init__(self):
        self.steps, self.stops, self.losses = [], [], []

    def after_step(self, training, losses):
        self.steps.append(training.number)
        self.losses.append(sorted(losses))

    def on_stop(self, training):
        self.stops.append(training.number)


def run(training, until):
    losses = []
    while training.number < until:
        losses.append(training.step(batches(training.number + 1)))
    return losses


def test_all_steps_equal_some_of_them_a_stop_and_the_others(tmp_path):
    training, some, every = make(), 5, 7
    run(training, some)
    save_state(training.state(), tmp_path / "state.pt")
    expected = run(training, every)  # Lookahead goes back at step 6

    torch.manual_seed(99)  # another process has other random numbers
    resumed = make(seed=5)  # and other first weights
    resumed.restore(load_state(tmp_path / "state.pt"))
    assert resumed.number == some
    assert run(resumed, every) == expected
    states = [training.state(), resumed.state()]
    torch.testing.assert_close(states[1], states[0], rtol=0, atol=0)


def test_another_number_of_steps_is_that_of_a_training_resumed_with_it():
    training, resumed = make(steps=20), make(steps=40)
    run(training, 2)
    resumed.restore(copy.deepcopy(training.state()))
    training.change_steps(40)
    assert (training.method.recipe.steps, training.number) == (40, 2)
    assert run(training, 5) == run(resumed, 5)
    torch.testing.assert_close(training.state(), resumed.state(), rtol=0, atol=0)


@pytest.mark.parametrize("settings", [{"width": 2}, {"extractor": "instance"}, {"discriminator": "none"}])
def test_the_state_of_another_recipe_is_refused(settings):
    training = make()
    run(training, 1)
    with pytest.raises(InputError, match="does not match this recipe: restore the recipe"):
        make(**settings).restore(training.state())


def test_random_numbers_of_a_step_depend_on_seed_and_number_alone(monkeypatch):
    monkeypatch.setattr(Iscl, "step", lambda *_: {"drawn": torch.rand((), generator=generator(CPU))})
    drawn = [losses["drawn"] for seed in (0, 0, 1) for losses in run(make(seed=seed), 3)]
    assert drawn[:3] == drawn[3:6]
    assert len(set(drawn)) == 6


def test_the_callers_random_numbers_stay_as_they_are():
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    first = torch.rand(1)
    fit(make(steps=2), batches)
    assert torch.equal(torch.cat([first, torch.rand(1)]), expected)


def test_state_holds_every_network_optimiser_and_average(tmp_path):
    training = make()
    run(training, 1)
    save_state(training.state(), tmp_path / "state.pt")
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert set(state) == {"number", "seconds", "method", "optimisers", "average"}
    assert {key.split(".")[0] for key in state["method"]} == {"denoiser", "G", "D_X", "D_Y"}
    assert set(state["optimisers"]) == {"generators", "discriminators", "extractor"}
    assert set(state["average"]) == set(training.method.denoiser.state_dict())


def test_fit_takes_all_steps_and_tells_each():
    training, note = make(steps=3), Note()
    fit(training, batches, [note])
    assert (note.steps, note.stops) == ([1, 2, 3], [])
    assert note.losses[0] == sorted(training.method.step(batches(1), 4))
    fit(training, batches)  # finished: nothing more to do
    assert training.number == 3


@pytest.mark.parametrize(("kind", "loss"), [("noisy", "d_noisy"), ("clean", "d_noisy")])
def test_not_a_number_in_a_batch_names_the_first_bad_loss(kind, loss):
    training = make()
    poisoned = dict(batches(1))
    poisoned[kind] = poisoned[kind].clone()
    poisoned[kind][0, 0, 5, 5] = float("nan")
    with pytest.raises(RunError, match=f"loss '{loss}' became nan at step 1; .*lower learning_rate"):
        training.step(poisoned)


def test_a_weight_that_is_not_a_number_is_never_saved():
    training = make()
    training.method.H.layers[0].conv.weight.data[0, 0, 0, 0] = float("inf")
    with pytest.raises(RunError, match=r"weight 'denoiser\.H\.layers\.0\.conv\.weight' is not finite at step 0"):
        training.state()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_finishes_the_step_and_lets_callbacks_save(number, monkeypatch):
    monkeypatch.setattr(signals, "ECHO", 1e9)  # however slow the machine
    training, note = make(steps=5), Note()

    class Twice(Callback):
        def on_stop(self, training):
            signal.raise_signal(number)  # as to the group, so to each process: the same one again

    def interrupting(step):
        if step == 2:
            signal.raise_signal(number)
        return batches(step)

    with pytest.raises(Interrupted, match="stopped after step 2") as stop, signals.stop_on_signals():
        fit(training, interrupting, [Twice(), note])
    assert stop.value.exit_status == 128 + number
    assert (note.steps, note.stops) == ([1, 2], [2])
    torch.testing.assert_close(training.state()["method"], uninterrupted(2), rtol=0, atol=0)


def uninterrupted(steps):
    training = make(steps=5)
    run(training, steps)
    return training.state()["method"]


@pytest.mark.parametrize("hook", ["before_step", "after_step"])
def test_a_callback_stops_the_training_between_two_steps(hook):
    training, note = make(steps=5), Note()

    class Enough(Callback):
        def stop(self, training, losses=None):
            if training.number == 2:
                raise Interrupted("enough")

    setattr(Enough, hook, Enough.stop)
    with pytest.raises(Interrupted, match="enough"):
        fit(training, batches, [note, Enough()])
    assert (note.steps, note.stops) == ([1, 2], [2])
    torch.testing.assert_close(training.state()["method"], uninterrupted(2), rtol=0, atol=0)


def test_a_second_interrupt_does_not_wait(monkeypatch):
    monkeypatch.setattr(signals, "ECHO", 0.0)
    training = make(steps=5)

    def impatient(number):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        return batches(number)

    with pytest.raises(KeyboardInterrupt), signals.stop_on_signals():
        fit(training, impatient)
    assert training.number == 0


def test_a_library_call_leaves_the_signals_to_its_host():
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before, training = [signal.getsignal(number) for number in numbers], make(steps=5)

    def interrupted(step):
        assert [signal.getsignal(number) for number in numbers] == before
        if step == 2:
            signal.raise_signal(signal.SIGINT)
        return batches(step)

    with pytest.raises(KeyboardInterrupt):
        fit(training, interrupted)
    assert training.number == 1


def test_trains_in_another_thread_than_the_main_one():
    training = make(steps=1)
    thread = threading.Thread(target=fit, args=(training, batches))
    thread.start()
    thread.join()
    assert training.number == 1

"""Two processes that train one model, against one process with the same batches."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import tempfile
from functools import partial

import pytest
import torch
from torch.multiprocessing import spawn

from pellucid import process_group
from pellucid.errors import Interrupted, RunError
from pellucid.launch import share
from pellucid.methods import build, learning_recipes, make_recipe
from pellucid.runs.folder import Run
from pellucid.runs.time_budget import TimeBudget
from pellucid.signals import stop_on_signals
from pellucid.training import Execution, Training, fit

CPU = torch.device("cpu")
SMALL = {"width": 2, "batch": 2, "steps": 9, "learning_rate": 1e-3}
SHALLOW = {**SMALL, "depth": 4, "patch": 16}


def batch(recipe, kinds, dtype, number):
    """What this process has of a batch."""
    generator = torch.Generator().manual_seed(number)
    whole = torch.rand((len(kinds), recipe.batch, 1, recipe.patch, recipe.patch), generator=generator, dtype=dtype)
    rank, size = share()
    count = recipe.batch // size
    return dict(zip(kinds, whole[:, rank * count : (rank + 1) * count] * 2 - 1, strict=True))


def trained(name, settings, *, dtype=torch.float64, steps=2, execution=None):
    """The state after some steps, and the losses of the last."""
    recipe = make_recipe(name, settings=settings)
    training = Training(build(recipe).to(dtype), CPU, execution or Execution())
    losses = [training.step(batch(recipe, training.method.kinds, dtype, number)) for number in range(1, steps + 1)]
    return training.state(), losses[-1]


def shaded(dtype=torch.float64):
    """The state and losses of noise transfer when a bar of every fourth noisy image is dark."""
    recipe = make_recipe(
        "noise-transfer", settings={"width": 4, "depth": 1, "batch": 4, "patch": 32, "steps": 60, "measure": 8}
    )
    training, first = Training(build(recipe).to(dtype), CPU), share().rank == 0
    for number in range(1, 9):
        patches = batch(recipe, training.method.kinds, dtype, number)
        patches["noisy"][:first, :, 8:12] = -0.95
        losses = training.step(patches)
    return training.state(), losses


def local_statistics():
    """Running values and weights of a network whose norms see each share alone."""
    return trained("dncnn", SHALLOW, execution=Execution(local_statistics=True))


def resumed():
    """The last loss of four steps, and of two, a stop and two others."""
    recipe = make_recipe("dncnn", settings=SHALLOW)
    batches = partial(batch, recipe, ("noisy", "pairs"), torch.float32)
    whole, half, other = (Training(build(recipe), CPU) for _ in range(3))
    losses = [whole.step(batches(number)) for number in (1, 2, 3, 4)]
    for number in (1, 2):
        half.step(batches(number))
    other.restore(half.state())
    return losses[-1], [other.step(batches(number)) for number in (3, 4)][-1], whole.state(), other.state()


def interrupted():
    """How far both get if one of them is asked to stop in the third step."""
    recipe = make_recipe("redcnn", settings={**SMALL, "patch": 24})
    training = Training(build(recipe), CPU)

    def asked_to_stop(number):
        if number == 3 and share().rank == share().size - 1:
            os.kill(os.getpid(), signal.SIGINT)
        return batch(recipe, training.method.kinds, torch.float32, number)

    with pytest.raises(Interrupted), stop_on_signals():
        fit(training, asked_to_stop)
    return training.number


def budget():
    """How many steps fit into a minute, in which the clock of the second process goes twice as fast."""
    recipe = make_recipe("mean-matched", settings={"batch": 2, "patch": 16, "minutes": 1})
    training = Training(build(recipe), CPU)
    batches = partial(batch, recipe, training.method.kinds, torch.float32)
    with tempfile.TemporaryDirectory() as folder:
        limit = TimeBudget(Run(folder), itertools.count(step=(1 + share().rank) / 2).__next__)
        limit.begin(training)
        fit(training, batches, [limit])
    return training.number


def derivatives():
    """First and second derivatives of a function of a whole batch, of which each process has its samples and terms."""
    with process_group.sharing():
        x = process_group.own(torch.linspace(-1, 2, 12, dtype=torch.float64).view(4, 3)).clone().requires_grad_()
        mean = process_group.whole(x).mean(0)
        (first,) = torch.autograd.grad(((x - mean) * x).square().sum(), x, create_graph=True)
        (second,) = torch.autograd.grad(first.square().sum(), x)
        return process_group.whole(first.detach()), process_group.whole(second)


def drawn():
    """Random numbers for the samples of a whole batch."""
    torch.manual_seed(3)
    with process_group.sharing():
        mine = process_group.own(process_group.like_whole(torch.empty(4 // share().size, 2)).uniform_())
        return process_group.whole(mine), process_group.mean(torch.tensor(float(share().rank)))


PROGRAMS = {
    "proposed": partial(trained, "proposed", {**SMALL, "width": 1}, steps=1),
    "batch": partial(trained, "dncnn", SHALLOW),
    "batch-instance": partial(trained, "dncnn", {**SHALLOW, "normalisation": "batch-instance"}),
    "fast kernels": partial(trained, "dncnn", {**SHALLOW, "normalisation": "switchable"}, dtype=torch.float32),
    "pool": partial(trained, "cyclegan", {**SMALL, "blocks": 0, "pool": 3, "patch": 32}, steps=3),
    "draws": partial(
        trained, "uidnet", {**SMALL, "width": 4, "generator_width": 2, "discriminator_width": 2, "patch": 32}
    ),
    "hidden pixels": partial(trained, "noise2void", {**SMALL, "patch": 20}),
    "means": partial(trained, "mean-matched", {"batch": 2}),
    "measured": partial(trained, "bm3d-oracle", {"batch": 2}),
    "shaded": shaded,
    "local statistics": local_statistics,
    "resumed": resumed,
    "interrupted": interrupted,
    "budget": budget,
    "derivatives": derivatives,
    "drawn": drawn,
}
LEARNED = ("proposed", "batch", "batch-instance", "pool", "draws", "hidden pixels", "means", "measured", "shaded")


SLIP = 3 * SMALL["learning_rate"] * 2**14 * 2**-52 / 1e-8
"""How far rounding may carry a weight whose gradient is otherwise zero, such as a bias before a norm.

Gradients of this size add up to 2¹⁴ terms, so that of such a bias is not zero but some 2¹⁴ · 2⁻⁵² in float64, and
differs with the processor and the order of the sum. Adam divides it by its ε, 1e-8 at least, in each of three steps.
"""

TINY = {"width": 8, "generator_width": 2, "discriminator_width": 2, "blocks": 0, "pool": 1, "batch": 2, "patch": 64}
"""As far as a recipe has these settings."""


def tiny(name):
    """What a recipe learns in a step."""
    known = type(make_recipe(name)).model_fields
    settings = {key: value for key, value in TINY.items() if key in known}
    return trained(name, settings | ({"width": 6} if name == "noise2noise" else {}), steps=1)


EVERY = {name: partial(tiny, name) for name in learning_recipes()}


def member(rank, port, folder, programs):
    """One of two processes: its results, and what happens when the other leaves."""
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2", LOCAL_WORLD_SIZE="2")
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    try:
        with process_group.together(CPU):
            results = {name: program() for name, program in programs.items()}
            if rank == 1:
                raise RunError("a fault")
            process_group.meet()
    except RunError as problem:
        torch.save({**results, "error": str(problem)}, folder / f"{rank}.pt")


def results_of_both(programs, folder):
    """What the programs give in each of two processes."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    spawn(member, (port, folder, programs), nprocs=2)  # ends both when one fails
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in (0, 1)]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The results of both processes."""
    return results_of_both(PROGRAMS, tmp_path_factory.mktemp("both"))


def assert_one_process_learns_the_same(program, results):
    (state, losses), (other, _) = results
    torch.testing.assert_close(other, state, rtol=0, atol=0)  # they stay alike
    expected, expected_losses = program()
    for name, weight in expected["method"].items():
        slip = SLIP if name.endswith(("bias", "running_mean")) else 0  # what a norm sees is shifted by the bias
        torch.testing.assert_close(state["method"][name], weight, rtol=1e-9, atol=1e-9 + slip)
    assert losses == pytest.approx(expected_losses, rel=1e-9)


@pytest.mark.parametrize("name", LEARNED)
def test_two_processes_learn_what_one_does(name, both, one_thread):
    assert_one_process_learns_the_same(PROGRAMS[name], [results[name] for results in both])


@pytest.mark.slow
def test_two_processes_learn_what_one_does_by_every_recipe(tmp_path, one_thread):
    both = results_of_both(EVERY, tmp_path)
    for name, program in EVERY.items():
        assert_one_process_learns_the_same(program, [results[name] for results in both])


def test_the_fast_kernels_are_synchronised_too(both, one_thread):
    (state, losses), (other, _) = (results["fast kernels"] for results in both)
    torch.testing.assert_close(other, state, rtol=0, atol=0)
    expected, expected_losses = PROGRAMS["fast kernels"]()
    for name, weight in expected["method"].items():
        if name.endswith("weight"):  # the gradient of a bias before a norm is rounding alone
            torch.testing.assert_close(state["method"][name], weight, rtol=1e-5, atol=1e-7)
    assert losses == pytest.approx(expected_losses, rel=1e-5)


def test_derivatives_are_those_of_the_whole_batch(both):
    for results in both:
        torch.testing.assert_close(results["derivatives"], derivatives(), rtol=1e-12, atol=1e-12)


def test_samples_have_the_random_numbers_of_one_process(both):
    numbers, _ = drawn()
    assert len(numbers.unique()) == numbers.numel()
    for results in both:
        assert torch.equal(results["drawn"][0], numbers)
        assert results["drawn"][1] == 0.5  # the mean of ranks 0 and 1


def test_local_statistics_are_others_but_stay_alike(both):
    (state, _), (other, _) = (results["local statistics"] for results in both)
    torch.testing.assert_close(other, state, rtol=0, atol=0)
    expected, _ = PROGRAMS["batch"]()
    apart = {name: (value - state["method"][name]).abs().max() for name, value in expected["method"].items()}
    assert apart["denoiser.R.layers.2.weight"] > 1e-6
    assert apart["denoiser.R.layers.3.running_var"] > 1e-6


def test_a_resumed_training_equals_one_that_never_stopped_bit_for_bit(both):
    for results in both:
        losses, resumed_losses, state, resumed_state = results["resumed"]
        assert resumed_losses == losses
        torch.testing.assert_close(resumed_state, state, rtol=0, atol=0)


def test_all_stop_after_the_step_in_which_one_is_asked_to(both):
    assert [results["interrupted"] for results in both] == [3, 3]


def test_all_take_as_many_steps_as_fit_by_the_clock_of_the_first(both):
    assert [results["budget"] for results in both] == [60, 60]


def test_when_one_leaves_the_other_says_so(both):
    assert both[1]["error"] == "a fault"
    assert both[0]["error"].startswith("another process of this training has ended or does not answer")

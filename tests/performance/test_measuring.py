from __future__ import annotations

import time

import pytest
import torch
from _clock import BETWEEN, Clock
from _common import matrix_product, medians, medians_and_machine
from _growth import Growth, draw
from _process import alone, peak_of
from _steps import operations, operations_of_passes, our_step, plain_step, recipe_of
from torch import nn

MIB = 1 << 20


def test_programs_take_turns():
    calls = []
    times = medians({name: lambda name=name: calls.append(name) for name in "ab"}, seconds=0)
    assert "".join(calls) == "abababab"  # once to warm up, three times for the median
    assert set(times) == {"a", "b"}


def test_the_machine_is_measured_beside_the_programs():
    times, machine = medians_and_machine({"nap": lambda: time.sleep(0.01)}, seconds=0)
    assert set(times) == {"nap"}
    assert times["nap"] >= 0.01
    assert machine.operations > 1e8
    assert machine.bytes > 1e8


def test_operations_of_a_product_are_counted():
    run, amount = matrix_product(64)
    assert operations(run) == amount == 2 * 64**3


def takes(*sizes):
    return [peak_of(lambda size=size: torch.ones(size, dtype=torch.uint8)) for size in sizes]


def test_peaks_are_measured_in_a_process_of_its_own():
    large, small = alone(takes, 100 * MIB, MIB)
    assert 99 <= large < 150
    assert 0 <= small < 50  # the peak before is forgotten


def test_passes_are_those_of_the_paper():
    recipe = recipe_of("proposed", "paper", batch=2)
    assert operations_of_passes(recipe) / 2 / 2 == pytest.approx(12.1e9, rel=0.01)  # of a pair, as multiplications
    assert operations_of_passes(recipe_of("quan", "paper")) is None


@pytest.mark.parametrize(("name", "settings"), [("quan", {}), ("proposed", {"objective": "hinge"})])
def test_what_has_no_reference_is_not_compared(name, settings):
    assert plain_step(recipe_of(name, "quick", **settings)) is None


def test_filters_have_no_step_to_measure():
    with pytest.raises(SystemExit, match="gaussian: has no training step"):
        recipe_of("gaussian", "paper")


def test_steps_can_be_taken_again_and_again():
    recipe = recipe_of("proposed", "quick", width=2, batch=2)
    for step in (our_step(recipe), plain_step(recipe)):
        step()
        step()


def test_each_moment_is_booked_on_one_part():
    clock = Clock()
    with clock.on("outer"):
        time.sleep(0.02)
        with clock.on("inner"):
            time.sleep(0.04)
        time.sleep(0.02)
    assert set(clock.seconds) == {BETWEEN, "outer", "inner"}
    assert clock.seconds["outer"] >= 0.04
    assert clock.seconds["inner"] >= 0.04
    assert clock.seconds[BETWEEN] < 0.02


class Slow(torch.autograd.Function):
    """Takes long, forth and back; on the way back it asks for a gradient of its own."""

    @staticmethod
    def forward(ctx, x):
        time.sleep(0.02)
        return x * 2

    @staticmethod
    def backward(ctx, grad):
        with torch.enable_grad():
            inner = grad.detach().requires_grad_()
            outer = inner.sum()
            outer.register_hook(lambda _: time.sleep(0.05))
            torch.autograd.grad(outer, inner)
        return grad * 2


def test_passes_of_networks_are_told_apart():
    class Network(nn.Module):
        def forward(self, x):
            return Slow.apply(x)

    clock, networks = Clock(), [Network(), Network()]
    for name, network in zip("AB", networks, strict=True):
        clock.watch(network, name)
    x = torch.ones(3, requires_grad=True)
    with clock.watching_backward():
        networks[1](networks[0](networks[0](x))).sum().backward()
    assert x.grad.tolist() == [8, 8, 8]
    assert clock.seconds["A forward"] >= 0.04
    assert clock.seconds["A backward"] >= 0.1
    assert 0.05 <= clock.seconds["B backward"] < 0.1
    assert 0.02 <= clock.seconds["B forward"] < 0.04
    assert clock.seconds["losses backward"] < 0.05


def test_an_exponent_is_that_of_the_power_law(tmp_path):
    square = Growth("step", "side", "s", [1, 2, 4], [3.0, 12.0, 48.0], 2)
    assert square.exponent == pytest.approx(2)
    assert Growth("step", "threads", "s", [1], [3.0], -1).exponent is None
    draw([square, Growth("step", "images", "s", [1, 10], [1.0, 1.0], 0)], tmp_path / "growth.png")
    assert (tmp_path / "growth.png").stat().st_size > 5000

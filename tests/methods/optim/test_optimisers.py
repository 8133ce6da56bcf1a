from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from pellucid.methods import build, make_recipe
from pellucid.methods.iscl import IsclRecipe
from pellucid.methods.optim.optimisers import LookaheadRectifiedAdam, RectifiedAdam, TensorFlowAdam
from pellucid.methods.optim.schedules import constant
from pellucid.norms import feature

RECIPE = IsclRecipe(steps=20, learning_rate=1e-2)


class Curve(nn.Module):
    """A bent loss, so that gradients change from step to step."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(-1, 2, 5, dtype=torch.float64))

    def forward(self):
        return (self.weight.sin() * torch.arange(1, 6)).sum() + self.weight.square().sum()


def follow(optimiser, network, steps):
    path = []
    for number in range(1, steps + 1):
        optimiser.step(network(), number)
        path.append(network.weight.detach().clone())
    return torch.stack(path)


def written_out(steps, lookahead):
    """Rectified Adam (Liu et al. 2020, algorithm 2) as tensorflow-addons has it, and Lookahead around it."""
    network, path = Curve(), []
    weight, slow = network.weight, network.weight.detach().clone()
    m = v = torch.zeros_like(weight)
    for t in range(1, steps + 1):
        (g,) = torch.autograd.grad(network(), weight)
        rate = 1e-2 + (1e-7 - 1e-2) * t / 20
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        longest = 2 / (1 - 0.999) - 1
        length = longest - 2 * t * 0.999**t / (1 - 0.999**t)
        step = m / (1 - 0.9**t)
        if length > 5:
            rectified = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
            step = math.sqrt(rectified) * step / ((v / (1 - 0.999**t)).sqrt() + 1e-7)
        weight.data = weight.data - rate * step
        if lookahead and t % 6 == 0:
            slow = slow + 0.5 * (weight.data - slow)
            weight.data = slow.clone()
        path.append(weight.data.clone())
    return torch.stack(path)


def test_tensorflows_adam_adds_epsilon_before_the_bias_correction():
    network, plain = Curve(), Curve()
    found = follow(TensorFlowAdam([network], constant(RECIPE), betas=(0.5, 0.99), eps=0.3), network, 9)
    m = v = torch.zeros_like(plain.weight)
    for t, weight in enumerate(found, start=1):
        (g,) = torch.autograd.grad(plain(), plain.weight)
        m, v = 0.5 * m + 0.5 * g, 0.99 * v + 0.01 * g**2
        rate = 1e-2 * (1 - 0.99**t) ** 0.5 / (1 - 0.5**t)
        plain.weight.data -= rate * m / (v.sqrt() + 0.3)
        torch.testing.assert_close(weight, plain.weight.detach())


@pytest.mark.parametrize("name", ["quan", "uidnet", "cagan", "noise2noise", "noise2void", "self2self"])
def test_methods_from_tensorflow_take_its_adam(name):
    optimisers = build(make_recipe(name, "quick", {"width": 3})).optimisers.values()
    assert {type(optimiser) for optimiser in optimisers} == {TensorFlowAdam}


@pytest.mark.parametrize(("optimiser_type", "lookahead"), [(RectifiedAdam, False), (LookaheadRectifiedAdam, True)])
def test_path_equals_the_algorithm_written_out(optimiser_type, lookahead):
    network = Curve()
    path = follow(optimiser_type([network], RECIPE), network, 20)
    torch.testing.assert_close(path, written_out(20, lookahead), rtol=1e-5, atol=1e-7)
    assert (path[0] - path[-1]).abs().max() > 0.01


def test_path_equals_torchs_with_a_falling_rate():
    ours, theirs = Curve(), Curve()
    path = follow(RectifiedAdam([ours], RECIPE), ours, 20)
    adam = torch.optim.RAdam(theirs.parameters(), lr=1e-2, eps=1e-7)
    falling = torch.optim.lr_scheduler.LambdaLR(adam, lambda done: 1 + (1e-7 / 1e-2 - 1) * (done + 1) / 20)
    for expected in path:
        adam.zero_grad()
        theirs().backward()
        adam.step()
        falling.step()
        torch.testing.assert_close(expected, theirs.weight.detach(), rtol=1e-12, atol=1e-12)


def test_other_networks_get_no_gradient():
    network, other = Curve(), Curve()
    RectifiedAdam([network], RECIPE).step(network() * other(), 1)
    assert network.weight.grad is not None
    assert other.weight.grad is None


def test_norms_are_put_back_into_range_also_after_lookahead():
    network = feature.BatchInstance(2)
    optimiser = LookaheadRectifiedAdam([network], IsclRecipe(learning_rate=0.9))
    for number in range(1, 13):
        optimiser.step(-network.rho.sum() + network.gamma.sum() + network.beta.sum(), number)
        assert network.rho.max() <= 1
    assert network.rho.tolist() == [1, 1]


def test_parameters_that_do_not_learn_are_left_out():
    network = feature.FrozenSwitchable(3)
    assert len(RectifiedAdam([network], RECIPE).parameters()) == 2


@pytest.mark.parametrize("optimiser_type", [RectifiedAdam, LookaheadRectifiedAdam])
def test_saved_state_goes_on_as_if_never_stopped(optimiser_type):
    network = Curve()
    optimiser = optimiser_type([network], RECIPE)
    path = follow(optimiser, network, 16)
    first = Curve()
    stopped = optimiser_type([first], RECIPE)
    follow(stopped, first, 8)  # two steps after Lookahead's first return
    second = Curve()
    second.load_state_dict(first.state_dict())
    resumed = optimiser_type([second], RECIPE)
    resumed.load_state_dict(stopped.state_dict())
    for number in range(9, 17):
        resumed.step(second(), number)
        assert torch.equal(second.weight, path[number - 1])

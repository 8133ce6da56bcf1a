from __future__ import annotations

import torch
from torch import nn

from pellucid.norms import feature
from pellucid.training import MovingAverage


def walk(average, module, steps):
    """Random weights, step by step, and the plain formula beside."""
    expected = module.weight.detach().clone()
    for number in range(1, steps + 1):
        module.weight.data.normal_()
        average.update(number)
        decay = min(average.decay, (1 + number) / (10 + number))
        expected = decay * expected + (1 - decay) * module.weight.detach()
    return expected


def test_is_the_exponential_average_with_a_growing_decay():
    module = nn.Linear(3, 2, bias=False, dtype=torch.float64)
    average = MovingAverage(module, 0.6)
    expected = walk(average, module, 30)
    torch.testing.assert_close(average.state_dict()["weight"], expected)


def test_constant_weights_are_reached_and_random_first_ones_forgotten():
    module = nn.Linear(1, 1, bias=False)
    module.weight.data.fill_(1e6)
    average = MovingAverage(module, 0.999)
    module.weight.data.fill_(2)
    for number in range(1, 40):
        average.update(number)
    assert abs(float(average.state_dict()["weight"]) - 2) < 1


def test_does_not_touch_the_module_and_is_not_touched_by_it():
    module = nn.Linear(3, 2)
    average = MovingAverage(module, 0.9)
    before = module.weight.detach().clone()
    module.weight.data.add_(1)
    assert torch.equal(average.state_dict()["weight"], before)
    average.update(1)
    assert torch.equal(module.weight.detach(), before + 1)


def test_running_values_are_averaged_and_counters_copied():
    module = nn.Sequential(feature.Switchable(2))
    module.register_buffer("seen", torch.tensor(0))
    average = MovingAverage(module, 0.5)
    module[0](torch.randn(2, 2, 4, 4))
    module.seen += 5
    average.update(1)
    state = average.state_dict()
    assert state["seen"] == 5
    decay = 2 / 11
    expected = decay * torch.zeros(2) + (1 - decay) * module[0].running_mean
    torch.testing.assert_close(state["0.running_mean"], expected)


def test_state_fits_the_module_and_returns():
    module = nn.Linear(3, 2, bias=False)
    average = MovingAverage(module, 0.9)
    walk(average, module, 5)
    module.load_state_dict(average.state_dict())
    other = MovingAverage(nn.Linear(3, 2, bias=False), 0.9)
    other.load_state_dict(average.state_dict())
    assert torch.equal(other.state_dict()["weight"], average.state_dict()["weight"])

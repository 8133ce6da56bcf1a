from __future__ import annotations

import pytest
import torch
from torch import nn

from pellucid.methods.iscl import IsclRecipe
from pellucid.methods.optim.muon import ADAM_SHARE, Muon, MuonAndAdam, is_matrix, orthogonal
from pellucid.methods.optim.schedules import constant

RECIPE = IsclRecipe(steps=20, learning_rate=1e-2)


@pytest.mark.parametrize("shape", [(8, 8), (4, 36), (30, 5)])
def test_all_directions_become_about_as_long(shape):
    matrix = torch.randn(shape, dtype=torch.float64)
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    found = orthogonal(matrix)
    values = torch.linalg.svdvals(found)
    assert values.min() > 0.3
    assert values.max() < 1.25
    inner = u.T @ found @ v.T
    torch.testing.assert_close(inner, inner.diagonal().diag(), atol=1e-10, rtol=0)


def test_the_size_of_a_gradient_does_not_matter():
    matrix = torch.randn(6, 9)
    torch.testing.assert_close(orthogonal(1000 * matrix), orthogonal(matrix))
    assert not orthogonal(torch.zeros(6, 9)).any()


def test_kernels_are_matrices_but_not_vectors_or_those_to_one_channel():
    layer, last = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 1, 3)
    assert [is_matrix(p) for p in (layer.weight, layer.bias, last.weight, last.bias)] == [True, False, False, False]


def test_other_parameters_take_adam():
    ours, theirs = (nn.Parameter(torch.linspace(-1, 2, 5)) for _ in range(2))
    muon, adam = MuonAndAdam([ours], lr=0.1), torch.optim.Adam([theirs], lr=0.1 * ADAM_SHARE)
    for weight, optimiser in ((ours, muon), (theirs, adam)):
        for _ in range(9):
            optimiser.zero_grad()
            (weight.sin() * torch.arange(1, 6)).sum().backward()
            optimiser.step()
    torch.testing.assert_close(ours, theirs)


def test_the_first_step_of_a_kernel_is_the_orthogonal_gradient_times_the_rate():
    kernel = nn.Parameter(torch.zeros(8, 2, 1, 1))
    gradient = torch.randn(8, 2, 1, 1)
    optimiser = MuonAndAdam([kernel], lr=0.5)
    kernel.grad = gradient.clone()
    optimiser.step()
    torch.testing.assert_close(kernel.detach().flatten(1), -0.5 * 2 * orthogonal(gradient.flatten(1)))


def network():
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 3, padding=1))


def follow(optimiser, network, numbers):
    x = torch.linspace(-1, 1, 64).view(1, 1, 8, 8)
    losses = []
    for number in numbers:
        loss = (network(x) - x.square()).square().mean()
        optimiser.step(loss, number)
        losses.append(float(loss.detach()))
    return losses


def test_the_loss_falls():
    net = network()
    losses = follow(Muon([net], constant(RECIPE)), net, range(1, 31))
    assert losses[-1] < losses[0] / 2


def test_saved_state_goes_on_as_if_never_stopped():
    whole = network()
    follow(Muon([whole], constant(RECIPE)), whole, range(1, 9))
    first, second = network(), network()
    stopped = Muon([first], constant(RECIPE))
    follow(stopped, first, range(1, 5))
    second.load_state_dict(first.state_dict())
    resumed = Muon([second], constant(RECIPE))
    resumed.load_state_dict(stopped.state_dict())
    follow(resumed, second, range(5, 9))
    for expected, found in zip(whole.parameters(), second.parameters(), strict=True):
        assert torch.equal(found, expected)

from __future__ import annotations

import torch
from torch import nn

from pellucid.norms import keep_running_statistics, recalibrate
from pellucid.norms.feature import Batch, Switchable


def test_running_values_become_the_mean_over_the_passes():
    norm = Switchable(3)
    norm.running_mean.fill_(100)
    batches = [torch.randn(4, 3, 8, 8) + shift for shift in range(5)]
    recalibrate(norm, [lambda x=x: norm(x) for x in batches])
    means = torch.stack([x.mean((0, 2, 3)) for x in batches])
    variances = torch.stack([x.var((0, 2, 3), correction=0) for x in batches])
    torch.testing.assert_close(norm.running_mean, means.mean(0))
    torch.testing.assert_close(norm.running_var, variances.mean(0))


def test_momentum_is_the_norms_own_again():
    norm = Batch(2)
    recalibrate(norm, [lambda: norm(torch.randn(2, 2, 4, 4))])
    assert norm.momentum == Batch.momentum
    recalibrate(norm, [])
    assert norm.momentum == Batch.momentum


def test_passes_can_leave_running_values_alone():
    norm, x = Batch(2), torch.randn(3, 2, 4, 4) + 1
    with keep_running_statistics(norm):
        inside = norm(x)
    assert not norm.running_mean.any()
    assert torch.equal(norm.running_var, torch.ones(2))
    torch.testing.assert_close(norm(x), inside)  # normalised by the batch all the same
    torch.testing.assert_close(norm.running_mean, 0.01 * x.mean((0, 2, 3)))


def test_weights_stay_and_no_gradient_is_kept():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), Batch(2))
    before = [p.clone() for p in network.parameters()]
    recalibrate(network, [lambda: network(torch.randn(2, 1, 8, 8))] * 3)
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
    assert all(p.grad is None for p in network.parameters())

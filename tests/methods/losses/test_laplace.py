from __future__ import annotations

import pytest
import torch

from pellucid.methods.losses.laplace import laplace_interval, laplace_scale_loss


def laplace_errors(scale):
    torch.manual_seed(0)
    return torch.distributions.Laplace(0.0, scale).sample((100_000,))


def test_it_is_least_at_the_mean_absolute_error():
    error = laplace_errors(0.2).requires_grad_()
    log_scale = error.detach().abs().mean().log().requires_grad_()
    laplace_scale_loss(log_scale, error).backward()
    assert float(log_scale.grad) == pytest.approx(0, abs=1e-6)
    assert error.grad is None
    at_best, lower, higher = (float(laplace_scale_loss(log_scale.detach() + by, error)) for by in (0, -0.1, 0.1))
    assert at_best < min(lower, higher)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_the_interval_holds_its_share(share):
    inside = laplace_errors(0.3).abs() <= 0.3 * laplace_interval(share)
    assert float(inside.double().mean()) == pytest.approx(share, abs=0.005)

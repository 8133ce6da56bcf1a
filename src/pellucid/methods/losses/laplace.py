"""The loss of a predicted error: the negative log-likelihood of a Laplace distribution, which L1 belongs to."""

from __future__ import annotations

import math

from torch import Tensor


def laplace_scale_loss(log_scale: Tensor, error: Tensor) -> Tensor:
    """Mean of log b + |e|/b, least where b is the expected |e|; no gradient reaches what made the error.

    Args:
        log_scale: log b, of any shape.
        error: e = estimate − truth, of the same shape.
    """
    return (log_scale + error.detach().abs() * (-log_scale).exp()).mean()


def laplace_interval(share: float) -> float:
    """Half the width of the interval, in units of b, that holds this share of the errors: −log(1 − share)."""
    return -math.log1p(-share)

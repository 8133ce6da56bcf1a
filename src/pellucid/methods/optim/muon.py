"""Muon (Jordan et al. 2024): steps of which each turns all directions of a weight matrix alike; Adam for the rest.

    m ← μ·m + (1 − μ)·g        u = μ·m + (1 − μ)·g        W ← W − rate · √max(1, rows/columns) · orthogonal(u)

A kernel (out, in, k, k) is a matrix of `out` rows. The factors of `orthogonal`, the nearest matrix whose singular
values are all alike, come from Newton and Schulz's iteration with the authors' coefficients, which leaves them between
about 0.7 and 1.2. What is no matrix (biases, kernels to a single channel) takes Adam at a fifth of the rate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.methods.optim.optimisers import Descent
from pellucid.methods.optim.schedules import Schedule

MOMENTUM = 0.95
ITERATIONS = 5
ADAM_SHARE = 0.2
"""Rate of Adam as a share of that of Muon."""
BETAS, EPSILON = (0.9, 0.999), 1e-8


class Muon(Descent):
    """Muon for matrices and kernels, Adam for all other parameters."""

    def __init__(self, networks: Iterable[nn.Module], schedule: Schedule) -> None:
        super().__init__(networks, lambda parameters: MuonAndAdam(parameters, schedule(1)), schedule)


class MuonAndAdam(torch.optim.Optimizer):
    """Both as one of torch's optimisers; `lr` is that of Muon."""

    def __init__(self, parameters: Iterable[Tensor], lr: float) -> None:
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Move every parameter that has a gradient."""
        if closure is not None:
            raise NotImplementedError("Muon takes gradients that are there already")
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    move = self._muon if is_matrix(parameter) else self._adam
                    move(parameter, parameter.grad, group["lr"])

    def _muon(self, weight: Tensor, gradient: Tensor, rate: float) -> None:
        state: dict[str, Any] = self.state[weight]
        momentum = state.setdefault("momentum", torch.zeros_like(weight)).lerp_(gradient, 1 - MOMENTUM)
        update = orthogonal(gradient.lerp(momentum, MOMENTUM).flatten(1))
        rows, columns = update.shape
        weight.add_(update.reshape(weight.shape), alpha=-rate * max(1.0, rows / columns) ** 0.5)

    def _adam(self, weight: Tensor, gradient: Tensor, rate: float) -> None:
        state: dict[str, Any] = self.state[weight]
        state["step"] = number = state.get("step", 0) + 1
        mean = state.setdefault("mean", torch.zeros_like(weight)).lerp_(gradient, 1 - BETAS[0])
        square = state.setdefault("square", torch.zeros_like(weight)).lerp_(gradient.square(), 1 - BETAS[1])
        deviation = (square / (1 - BETAS[1] ** number)).sqrt_().add_(EPSILON)
        weight.addcdiv_(mean, deviation, value=-ADAM_SHARE * rate / (1 - BETAS[0] ** number))


def is_matrix(parameter: Tensor) -> bool:
    """Whether Muon takes it: more than one row and one column."""
    return parameter.ndim > 1 and min(parameter.shape[0], parameter[0].numel()) > 1


def orthogonal(matrix: Tensor) -> Tensor:
    """The matrix with all of its singular values between about 0.7 and 1.2, and the same singular vectors.

    X ← p(XXᵀ)·X five times, by polynomials of XXᵀ alone: the long side is multiplied twice, not ten times.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / x.norm().clamp_min(1e-7)
    gram, factor = x @ x.T, torch.eye(len(x), dtype=x.dtype, device=x.device)
    for _ in range(ITERATIONS):
        polynomial = 2.0315 * gram @ gram - 4.7750 * gram
        polynomial.diagonal().add_(3.4445)
        factor = polynomial @ factor
        gram = polynomial @ gram @ polynomial
    result: Tensor = factor @ x
    return result.T if tall else result

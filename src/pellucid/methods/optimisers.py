"""Optimisers as ISCL uses them: rectified Adam, Lookahead around it, a learning rate that falls linearly."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.norms import constrain
from pellucid.recipe import Recipe


class RectifiedAdam:
    """RAdam (Liu et al. 2020) over some networks, with the recipe's falling rate and the norms' constraints.

    `factor` multiplies the rate. β 0.9 and 0.999, ε 1e-7, no weight decay. torch adds ε before the bias correction,
    tensorflow-addons after it.
    """

    def __init__(self, networks: Iterable[nn.Module], recipe: Recipe, factor: float = 1.0) -> None:
        self.networks = list(networks)
        self.recipe = recipe
        self.factor = factor
        self.inner = torch.optim.RAdam(self.parameters(), lr=factor * recipe.learning_rate, eps=1e-7)

    def parameters(self) -> list[Tensor]:
        """Every trainable parameter of the networks, in order."""
        return [p for network in self.networks for p in network.parameters() if p.requires_grad]

    def step(self, loss: Tensor, number: int) -> None:
        """Descend once; `number` counts steps from 1."""
        self.inner.zero_grad(set_to_none=True)
        torch.autograd.backward(loss, inputs=self.parameters())  # and no gradient for any other network
        for group in self.inner.param_groups:
            group["lr"] = self.factor * linear_decay(self.recipe, number)
        self.inner.step()
        self.after_step(number)
        for network in self.networks:
            constrain(network)

    def after_step(self, number: int) -> None:
        """What a wrapper does once the weights have moved."""

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on."""
        return {"inner": self.inner.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self.inner.load_state_dict(state["inner"])


class LookaheadRectifiedAdam(RectifiedAdam):
    """RAdam with Lookahead (Zhang et al. 2019): every 6th step go back half-way to the weights of 6 steps before."""

    period = 6
    alpha = 0.5

    def __init__(self, networks: Iterable[nn.Module], recipe: Recipe, factor: float = 1.0) -> None:
        super().__init__(networks, recipe, factor)
        self.slow = [p.detach().clone() for p in self.parameters()]

    @torch.no_grad()
    def after_step(self, number: int) -> None:
        """slow ← slow + ½(fast − slow), fast ← slow; the moments of Adam stay."""
        if number % self.period:
            return
        for i, fast in enumerate(self.parameters()):
            self.slow[i] = self.slow[i].to(fast).lerp_(fast, self.alpha)  # the networks may have moved to a GPU
            fast.copy_(self.slow[i])

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on."""
        return {**super().state_dict(), "slow": [slow.clone() for slow in self.slow]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        super().load_state_dict(state)
        for slow, saved in zip(self.slow, state["slow"], strict=True):
            slow.copy_(saved)


def linear_decay(recipe: Recipe, number: int) -> float:
    """Learning rate of step `number` (from 1): linear from the recipe's first to its final one."""
    share = min(number, recipe.steps) / recipe.steps
    return recipe.learning_rate + (recipe.final_learning_rate - recipe.learning_rate) * share

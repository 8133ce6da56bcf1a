"""Moving average of a denoiser's weights, which vary from step to step while they are trained."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class MovingAverage:
    """Exponential moving average of all parameters and buffers of a module.

    The decay grows from 0.1 with the steps, `(1 + n)/(10 + n)`, so that the random first weights are soon forgotten.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.module = module
        self.decay = decay
        self.values = {name: value.detach().clone() for name, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, number: int) -> None:
        """Add the weights after step `number`, counted from 1."""
        decay = min(self.decay, (1 + number) / (10 + number))
        current = self.module.state_dict()
        floating = [name for name, value in self.values.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.values[name] for name in floating], [current[name] for name in floating], 1 - decay)
        for name in self.values.keys() - floating:
            self.values[name].copy_(current[name])

    def state_dict(self) -> dict[str, Tensor]:
        """Return the averaged state, by the names of the module."""
        return self.values

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a saved average."""
        for name, value in self.values.items():
            value.copy_(state[name])

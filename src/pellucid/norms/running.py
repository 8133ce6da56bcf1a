"""Running statistics for weights that no training step ever had, such as averaged ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import nn

from pellucid.norms.feature import RunningNorm


def running_norms(network: nn.Module) -> list[RunningNorm]:
    """The norms of a network that keep running statistics."""
    return [module for module in network.modules() if isinstance(module, RunningNorm)]


@torch.no_grad()
def settle(network: nn.Module, passes: Iterable[Callable[[], object]]) -> None:
    """Replace running statistics by their plain mean over some passes through the network (Izmailov et al. 2018).

    Args:
        network: left in training mode.
        passes: each sends one batch through the network.
    """
    norms = running_norms(network)
    usual = [norm.momentum for norm in norms]
    network.train()
    try:
        for number, run in enumerate(passes, start=1):
            for norm in norms:
                norm.momentum = 1 / number
            run()
    finally:
        for norm, momentum in zip(norms, usual, strict=True):
            norm.momentum = momentum

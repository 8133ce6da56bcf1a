"""Running statistics: which passes they come from, and what they are for weights that no training step ever had."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from pellucid.norms.feature import RunningNorm


def running_norms(network: nn.Module) -> list[RunningNorm]:
    """The norms of a network that keep running statistics."""
    return [module for module in network.modules() if isinstance(module, RunningNorm)]


@contextmanager
def unremembered(network: nn.Module) -> Iterator[None]:
    """Within the block passes in training mode leave running statistics as they are."""
    with _momentum_put_back(network) as norms:
        for norm in norms:
            norm.momentum = 0.0
        yield


@torch.no_grad()
def settle(network: nn.Module, passes: Iterable[Callable[[], object]]) -> None:
    """Replace running statistics by their plain mean over some passes through the network (Izmailov et al. 2018).

    Args:
        network: left in training mode.
        passes: each sends one batch through the network.
    """
    network.train()
    with _momentum_put_back(network) as norms:
        for number, run in enumerate(passes, start=1):
            for norm in norms:
                norm.momentum = 1 / number
            run()


@contextmanager
def _momentum_put_back(network: nn.Module) -> Iterator[list[RunningNorm]]:
    """The running norms, which have the momentum they had again after the block."""
    norms = running_norms(network)
    usual = [norm.momentum for norm in norms]
    try:
        yield norms
    finally:
        for norm, momentum in zip(norms, usual, strict=True):
            norm.momentum = momentum

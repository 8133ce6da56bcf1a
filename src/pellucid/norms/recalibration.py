"""Running statistics: which passes update them, and their recalibration for averaged weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from pellucid.norms.feature import RunningNorm


def running_norms(network: nn.Module) -> list[RunningNorm]:
    """The norms of a network that have running statistics."""
    return [module for module in network.modules() if isinstance(module, RunningNorm)]


@contextmanager
def keep_running_statistics(network: nn.Module) -> Iterator[None]:
    """Within the block passes in training mode do not change running statistics."""
    with _restored_momentum(network) as norms:
        for norm in norms:
            norm.momentum = 0.0
        yield


@torch.no_grad()
def recalibrate(network: nn.Module, passes: Iterable[Callable[[], object]]) -> None:
    """Replace running statistics by their mean over some passes through the network (Izmailov et al. 2018).

    Args:
        network: is left in training mode.
        passes: each sends one batch through the network.
    """
    network.train()
    with _restored_momentum(network) as norms:
        for number, run in enumerate(passes, start=1):
            for norm in norms:
                norm.momentum = 1 / number
            run()


@contextmanager
def _restored_momentum(network: nn.Module) -> Iterator[list[RunningNorm]]:
    """The running norms; after the block they have their old momentum again."""
    norms = running_norms(network)
    usual = [norm.momentum for norm in norms]
    try:
        yield norms
    finally:
        for norm, momentum in zip(norms, usual, strict=True):
            norm.momentum = momentum

"""Norm statistics of an image that is too large to pass through a network at once.

Layer by layer: when the first k norms are frozen, the (k + 1)th sees in each tile exactly what it would see in the
whole image, so its moments over all cores, merged, are the whole image's. Each norm costs a pass up to it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from pellucid.inference.tiles import Box, Tile
from pellucid.norms import Moments, freeze, measure, merge, moments_from, record


class _MeasuredError(Exception):
    """The norm of interest has seen this tile: nothing behind it is needed."""


@torch.no_grad()
def exact_statistics(network: nn.Module, read: Callable[[Box], Tensor], plan: list[Tile]) -> dict[str, Moments]:
    """Moments, each (1, C), that every norm of `network` would measure in the whole image.

    Args:
        network: takes the image itself, (1, 1, H, W); in evaluation mode.
        read: gives the pixels of a box as (1, 1, h, w).
        plan: tiles that cover the image.
    """
    moments: dict[str, Moments] = {}
    for name in record(network, lambda: network(read(plan[0].read))):  # in the order of execution
        parts: list[Moments] = []
        for tile in plan:
            source = _measure_core(tile, parts)
            with freeze(network, moments), moments_from(network, {name: source}):
                try:
                    network(read(tile.read))
                except _MeasuredError:
                    continue
        moments[name] = merge(parts)
    return moments


def _measure_core(tile: Tile, parts: list[Moments]) -> Callable[[Tensor], Moments]:
    def measure_core(x: Tensor) -> Moments:
        scale = (tile.read.bottom - tile.read.top) // x.shape[2]
        rows, columns = tile.core.within(tile.read, scale).slices
        parts.append(measure(x[:, :, rows, columns]))
        raise _MeasuredError

    return measure_core

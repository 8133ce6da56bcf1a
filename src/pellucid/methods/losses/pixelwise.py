"""Losses that compare pixel by pixel, by name, and the brightness scale that some networks want."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from torch import Tensor
from torch.nn.functional import l1_loss, mse_loss

PixelLossName = Literal["mse", "l1"]

PIXEL_LOSSES: dict[PixelLossName, Callable[[Tensor, Tensor], Tensor]] = {"mse": mse_loss, "l1": l1_loss}
"""Mean squared error, whose best answer is a mean, and mean absolute error, whose best answer is a median."""


def to_positive(x: Tensor) -> Tensor:
    """[−1, 1] -> [0, 1]."""
    return (x + 1) / 2


def to_signed(x: Tensor) -> Tensor:
    """[0, 1] -> [−1, 1]."""
    return 2 * x - 1


def total_variation(x: Tensor) -> Tensor:
    """Mean absolute difference of vertical plus that of horizontal neighbours in (N, C, H, W)."""
    return x.diff(dim=2).abs().mean() + x.diff(dim=3).abs().mean()

"""Tables over the intensity of a pixel, from black (−1) to white (1)."""

from __future__ import annotations

import torch
from torch import Tensor

BINS = 32


def sums(intensity: Tensor, values: Tensor) -> Tensor:
    """The sum of values over the pixels of each intensity, (BINS,); both tensors of one shape."""
    number = ((intensity.clamp(-1, 1) + 1) * (BINS / 2)).long().clamp_max(BINS - 1)
    return values.new_zeros(BINS).index_add_(0, number.reshape(-1), values.reshape(-1))


def look_up(table: Tensor, intensity: Tensor) -> Tensor:
    """The values of a table at intensities of any shape, linear between the middles of the bins."""
    place = ((intensity.clamp(-1, 1) + 1) * (BINS / 2) - 0.5).clamp(0, BINS - 1)
    left = place.long().clamp_max(BINS - 2)
    return torch.lerp(table[left], table[left + 1], place - left)


def smoothed(values: Tensor, weights: Tensor) -> Tensor:
    """Weighted means over a few neighbouring bins; where there is no weight, mostly the mean of all."""
    total, weight = values * weights, weights
    for _ in range(2):
        total, weight = _near(total), _near(weight)
    mean = (values * weights).sum() / weights.sum().clamp_min(1e-20)
    little = 0.01 * weights.max().clamp_min(1e-20)
    return (total + little * mean) / (weight + little)


def _near(table: Tensor) -> Tensor:
    """Means over each bin and its neighbours, weights ¼, ½, ¼."""
    wide = torch.cat((table[:1], table, table[-1:]))
    return wide[1:-1] / 2 + (wide[:-2] + wide[2:]) / 4

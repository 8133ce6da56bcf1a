"""Statistics of what a denoiser removes: a spectrum, and moments at each intensity, of the recent patches."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pellucid import process_group
from pellucid.methods.noise_model import by_intensity
from pellucid.methods.noise_model.spectrum import smoothed, spectrum

MEMORY = 0.98
"""Share of the statistics that stays when patches are added."""
ENOUGH = 300.0
"""Pixels of one intensity from which its variance is known."""


class Residuals(nn.Module):
    """Fading sums over residuals r = x − S(x) of patches.

    Args:
        side: of a patch, in pixels.
    """

    power: Tensor
    weight: Tensor
    moments: Tensor

    def __init__(self, side: int) -> None:
        super().__init__()
        self.register_buffer("power", torch.zeros(side, side))
        self.register_buffer("weight", torch.zeros(()))
        self.register_buffer("moments", torch.zeros(3, by_intensity.BINS))

    @torch.no_grad()
    def add(self, noisy: Tensor, denoised: Tensor) -> None:
        """Add patches (N, 1, P, P) and what a denoiser made of them."""
        noisy, denoised = process_group.whole(noisy), process_group.whole(denoised.float())
        removed = noisy - denoised
        now = [by_intensity.sums(denoised, removed**power) for power in range(3)]
        self.moments.mul_(MEMORY).add_(torch.stack(now))
        self.power.mul_(MEMORY).add_(spectrum(removed))
        self.weight.mul_(MEMORY).add_(1)

    @property
    def spectrum(self) -> Tensor:
        """The spectrum of the residuals, smoothed."""
        return smoothed(self.power / self.weight.clamp_min(1e-20))

    @property
    def pixels(self) -> Tensor:
        """The number of pixels of each denoised intensity; 0 where there are too few."""
        count = self.moments[0]
        return torch.where(count > ENOUGH, count, 0)

    @property
    def variance(self) -> Tensor:
        """The variance of the residual at each denoised intensity."""
        count = self.moments[0].clamp_min(1)
        mean = self.moments[1] / count
        return (self.moments[2] / count - mean**2).clamp_min(0)

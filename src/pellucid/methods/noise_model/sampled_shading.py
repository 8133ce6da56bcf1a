"""Shading as it may be: for each patch another quantile of the likely factors, where `Shading` takes their median.

The median leaves places unshaded that are shaded less often than not, which a student learns best from. Noise that
shall be as strong as the real one needs the whole distribution:

    p(m | x̄) ∝ p(log m) · p(log ȳ = log x̄ − log m)
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from pellucid.methods.noise_model.shading import BIN, BINS, FACTORS, FLOOR, Shading, factors
from pellucid.seeding import generator

QUANTILES = 32


class SampledShading(Shading):
    """Shading whose maps show weak and strong shade as often as there is."""

    def settle(self, brightness: Tensor) -> None:
        """As `Shading.settle`; also find the quantiles of the factors."""
        super().settle(brightness)
        if self.found:
            self.quantiles = quantiles(self.noisy[int(self.window)], self.clean[int(self.window)])

    def _shade(self, noisy: Tensor) -> Tensor:
        """The factor m in each pixel, of a quantile drawn for each patch."""
        drawn = torch.randint(QUANTILES, (len(noisy),), generator=generator(torch.device("cpu"))).tolist()
        return torch.cat([self._shade_of(patch[None], number) for patch, number in zip(noisy, drawn, strict=True)])

    def _shade_of(self, patch: Tensor, number: int) -> Tensor:
        self.likely = self.quantiles[number]
        return super()._shade(patch)


def quantiles(noisy: Tensor, clean: Tensor) -> Tensor:
    """Quantiles (QUANTILES, BINS) of log m at each bin of log x̄, from counts (BINS,) of log x̄ and log ȳ.

    Only what is darker than the median of log m is shade.
    """
    chance, _ = factors(noisy, clean)
    values = torch.arange(*FACTORS, device=chance.device) * BIN
    shade = (values - values[int((chance.cumsum(0) < 0.5).sum())]).clamp_max(0)
    margin = max(-FACTORS[0], FACTORS[1])
    unshaded = pad(clean / clean.sum(), (margin, margin))
    given = torch.stack([unshaded[margin - k : margin - k + BINS] for k in range(*FACTORS)]) + FLOOR
    joint = chance[:, None] * given
    below = joint.cumsum(0) / joint.sum(0)
    shares = (torch.arange(QUANTILES, device=chance.device) + 0.5) / QUANTILES
    return torch.stack([shade[(below < share).sum(0).clamp_max(len(shade) - 1)] for share in shares])

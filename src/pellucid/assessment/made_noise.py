"""The noise of noisy images, as it is put on clean ones to judge denoisers.

It is the model that noise transfer measures before it learns (`methods/noise_model`), with four differences, since an
estimate of quality must not be too good where a training had better be careful:

- shade is drawn from its whole distribution;
- no shade is looked for where noise is clipped at black: there is no telling it from black material;
- coarse noise, which structure hides, is as strong as the slope of finer noise lets expect;
- its strength at each intensity is measured: fine detail of real and of made noisy images has the same variance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from pellucid.data.clipping import LEAST
from pellucid.methods.noise_model import by_intensity
from pellucid.methods.noise_model.model import NoiseModel
from pellucid.methods.noise_model.sampled_shading import SampledShading
from pellucid.methods.noise_model.spectrum import frequencies

Batch = tuple[Tensor, Tensor]
"""Noisy and clean patches, each (N, 1, P, P) in [−1, 1]."""

BETWEEN = 0.12, 0.16, 0.2
"""Frequencies between which the slope of the noise is measured, in cycles per pixel."""
STEEP = 1.9
"""Slope (power ∝ frequency^−slope) from which coarse noise is taken to be twice as strong; film has it."""
FINE, LOCAL = 3, 9
"""Sides of the windows whose mean is taken from a pixel to leave fine detail, and whose mean is its intensity."""
ROUNDS = 2
"""How often the strength by intensity is corrected."""
FACTOR = 2.0
"""Limit of one correction."""
ENOUGH = 2000
"""Pixels from which the variance at an intensity is known."""


def measured_noise(batches: Sequence[Batch]) -> NoiseModel:
    """Measure the noise in batches of noisy and clean patches.

    Args:
        batches: one or more, all of one size.
    """
    side = batches[0][0].shape[-1]
    noise = NoiseModel(side)
    noise.shading = SampledShading(side)
    for noisy, clean in batches:
        noise.measure_brightness(noisy, clean)
    noise.settle_brightness()
    if _clipped(batches) <= LEAST:
        noise.settle_shading()
    for noisy, clean in batches:
        noise.measure_spectrum(noisy, clean)
    noise.settle_spectrum()
    _add_coarse_noise(noise)
    for _ in range(ROUNDS):
        _correct_strength(noise, batches)
    return noise


def _clipped(batches: Sequence[Batch]) -> float:
    """The share of the pixels of noisy patches that are clipped at black."""
    return float(torch.stack([(noisy <= -1).float().mean() for noisy, _ in batches]).mean())


def _add_coarse_noise(noise: NoiseModel) -> None:
    """Multiply the power of coarse noise by 1, if finer noise is white, to 2, if it rises as film's."""
    radius = frequencies(len(noise.power), noise.power.device)
    inner, middle, outer = BETWEEN
    coarser, finer = (
        float(noise.power[(radius >= low) & (radius < high)].mean()) for low, high in ((inner, middle), (middle, outer))
    )
    slope = math.log(max(coarser, 1e-20) / max(finer, 1e-20)) / math.log((middle + outer) / (inner + middle))
    factor = 2 ** min(max(slope / STEEP, 0.0), 1.0)
    power = noise.power * torch.lerp(torch.tensor(factor), torch.tensor(1.0), (radius / inner).clamp_max(1) ** 4)
    scale = float((power.mean() / noise.power.mean()).sqrt())
    noise.power.copy_(power / scale**2)
    noise.strength.mul_(scale)


def _correct_strength(noise: NoiseModel, batches: Sequence[Batch]) -> None:
    """Bring the variance of fine detail at each intensity closer to the real one; the whole strength stays."""
    real = torch.stack([_fine_detail(noisy) for noisy, _ in batches]).sum(0)
    made = torch.stack([_fine_detail(noise(noise.matched(clean))) for _, clean in batches]).sum(0)
    pixels = torch.where((real[0] > ENOUGH) & (made[0] > ENOUGH), real[0], 0)
    ratio = (_variance(real) / _variance(made)).clamp(1 / FACTOR, FACTOR)
    strength = noise.strength * by_intensity.smoothed(ratio.log() / 2, pixels).exp()
    share = made[0] / made[0].sum()
    whole = ((share * noise.strength**2).sum() / (share * strength**2).sum().clamp_min(1e-20)).sqrt()
    noise.strength.copy_(strength * whole)


def _fine_detail(patches: Tensor) -> Tensor:
    """Number of pixels and sum of squared fine detail at each intensity, (2, BINS)."""
    detail, intensity = patches - _mean(patches, FINE), _mean(patches, LOCAL)
    return torch.stack([by_intensity.sums(intensity, detail**power) for power in (0, 2)])


def _variance(sums: Tensor) -> Tensor:
    return sums[1] / sums[0].clamp_min(1) + 1e-6


def _mean(patches: Tensor, side: int) -> Tensor:
    return avg_pool2d(pad(patches, (side // 2,) * 4, mode="reflect"), side, 1)

"""Power spectra of patches, and Gaussian fields that have a given one.

A spectrum is a tensor (P, P) of power by frequency in the order of `torch.fft`: its mean is the variance of a pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad

from pellucid import process_group
from pellucid.seeding import generator

SQUARE = 32
"""Side of the squares whose flattest are looked for."""
FLATTEST = 0.15
"""Which share of the squares counts as flat, at each frequency."""
RINGS = (0, 0.03, 0.06, 0.09, 0.12, 0.16, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.71)
"""Bounds of rings of frequencies, in cycles per pixel."""


def spectrum(patches: Tensor) -> Tensor:
    """The mean spectrum (P, P) of patches (N, 1, P, P), each less its mean, seen through a Hann window."""
    return _power(patches).mean((0, 1))


def flattest_spectrum(patches: Tensor) -> Tensor:
    """The spectrum (P, P) of the flattest squares of patches (N, 1, P, P), up to a factor.

    At each frequency it is the power that only `FLATTEST` of the squares fall below. Structure is in some places and
    noise is everywhere: here noise counts for more than in the mean. For white noise of unit variance see
    `flattest_white`.
    """
    step = SQUARE // 2
    squares = patches.unfold(2, SQUARE, step).unfold(3, SQUARE, step).reshape(-1, 1, SQUARE, SQUARE)
    power = _power(squares)
    power = (power + power.flip(2).roll(1, 2)) / 2  # real images: the flip of one axis is that of the other
    near = avg_pool2d(pad(power, (1, 1, 1, 1), mode="circular"), 3, 1)
    rank = 1 + round(FLATTEST * (len(near) - 1))  # torch's quantile takes no more than 16 million values
    return resized(near.kthvalue(rank, dim=0).values[0], patches.shape[-1])


def flattest_white(patches: Tensor) -> Tensor:
    """`flattest_spectrum` of white noise of unit variance, as many patches as these; its mean is the factor."""
    return flattest_spectrum(torch.empty_like(patches).normal_(generator=generator(patches.device))).mean()


def smoothed(power: Tensor) -> Tensor:
    """A spectrum made even in both axes, averaged over neighbouring frequencies."""
    power = (power + power.flip(0).roll(1, 0)) / 2
    power = (power + power.flip(1).roll(1, 1)) / 2
    for axis in (0, 1):
        power = power / 2 + (power.roll(1, axis) + power.roll(-1, axis)) / 4
    return power


def frequencies(side: int, device: torch.device) -> Tensor:
    """The radial frequency (P, P) of each value of a spectrum, in cycles per pixel."""
    axis = torch.fft.fftfreq(side, device=device)
    return torch.hypot(axis[:, None], axis[None])


def ring_means(power: Tensor) -> Tensor:
    """The mean power in each of the `RINGS`."""
    radius = frequencies(len(power), power.device)
    rings = pairwise(RINGS)
    return torch.stack([power[(radius >= inner) & (radius < outer)].mean() for inner, outer in rings])


def from_rings(values: Tensor, radius: Tensor) -> Tensor:
    """Values of the `RINGS` at any radial frequencies, linear between the middles of the rings."""
    middles = torch.tensor([(a + b) / 2 for a, b in pairwise(RINGS)], device=radius.device)
    return linear(values, middles, radius)


def linear(values: Tensor, points: Tensor | Sequence[float], where: Tensor) -> Tensor:
    """Values (K) at increasing points (K), interpolated linearly; constant beyond the ends."""
    at = torch.as_tensor(points, dtype=where.dtype, device=where.device)
    right = torch.searchsorted(at, where.contiguous()).clamp(1, len(at) - 1)
    share = ((where - at[right - 1]) / (at[right] - at[right - 1])).clamp(0, 1)
    result: Tensor = values[right - 1] * (1 - share) + values[right] * share
    return result


def resized(power: Tensor, side: int) -> Tensor:
    """The same spectrum on a grid of another even side, (side, side)."""
    centred = torch.fft.fftshift(power)
    closed = pad(centred[None, None], (0, 1, 0, 1), mode="circular")
    finer = interpolate(closed, (side + 1, side + 1), mode="bilinear", align_corners=True)[0, 0, :-1, :-1]
    result: Tensor = torch.fft.ifftshift(finer)
    return result


def gaussian_field(like: Tensor, power: Tensor) -> Tensor:
    """Gaussian noise of this spectrum, of unit variance, in patches (N, 1, P, P) such as `like`.

    It is drawn at twice the side and cut, since opposite edges of a periodic field would resemble each other.
    """
    side = 2 * like.shape[-1]
    amplitude = resized(power, side).clamp_min(0)
    amplitude[0, 0] = (amplitude[0, 1] + amplitude[1, 0]) / 2  # the patches' means were not measured
    amplitude = (amplitude / amplitude.mean().clamp_min(1e-20)).sqrt()[:, : side // 2 + 1]
    white = process_group.like_whole(like.new_empty((len(like), 1, side, side)))
    white = process_group.own(white.normal_(generator=generator(like.device)))
    field = torch.fft.irfft2(torch.fft.rfft2(white) * amplitude, s=(side, side))
    result: Tensor = field[..., : like.shape[-2], : like.shape[-1]].contiguous()
    return result


def _power(patches: Tensor) -> Tensor:
    """The power (N, 1, P, P) of each patch less its mean, through a Hann window."""
    window = torch.hann_window(patches.shape[-1], periodic=False, device=patches.device)
    both = window[:, None] * window
    both = both / both.square().mean().sqrt()
    centred = patches - patches.mean((-2, -1), keepdim=True)
    power: Tensor = torch.fft.fft2(centred * both).abs().square() / patches[0, 0].numel()
    return power

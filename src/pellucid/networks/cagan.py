"""The networks of CaGAN (Huang et al., IEEE TCI 6, 2020): attention over channels and over rows and columns.

Layer by layer as the TensorFlow code of ISCL's first author has them; no official code was found. There the criss-cross
attention is degenerate: it adds the largest float where it should take it away, so that every pixel attends to itself
alone. `attention="degenerate"` gives that.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.networks.layers import SLOPE, he_normal, truncated_normal
from pellucid.norms import FeatureNorm, Moments

Attention = Literal["correct", "degenerate"]


class ChannelAttention(FeatureNorm):
    """Each map times a number between 0 and 1, which two dense layers find from the means of all maps.

    An affine map of instance moments like any norm: in tiles it takes the means of the whole image.

    Args:
        channels: C of the maps (N, C, H, W).
        reduction: how many times fewer the hidden layer has (4 in CaGAN).
    """

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__(channels, slope=1.0)
        del self.gamma, self.beta
        self.gamma, self.beta = 1.0, 0.0
        shrink, widen = nn.Linear(channels, channels // reduction), nn.Linear(channels // reduction, channels)
        for layer in (shrink, widen):
            truncated_normal(layer, 0.05)
        self.weigh = nn.Sequential(shrink, nn.ReLU(), widen, nn.Sigmoid())

    def affine(self, moments: Moments) -> tuple[Tensor, Tensor]:
        """y = s_nc·x."""
        scale: Tensor = self.weigh(moments.mean)
        return scale, torch.zeros_like(scale)


class CrissCross(nn.Module):
    """x + γ·(what each pixel gathers from its row and its column), γ = 0 at the start (CCNet, Huang et al. 2019).

    The weights are one softmax of f(x)·g(x') over all H + W − 1 pixels x' of the cross: H + W numbers a pixel.

    Args:
        channels: C of the maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(1, channels // 8)
        self.f, self.g = nn.Conv2d(channels, inner, 1), nn.Conv2d(channels, inner, 1)
        self.h = nn.Conv2d(channels, channels, 1)
        self.gamma = nn.Parameter(torch.zeros(()))
        for conv in (self.f, self.g, self.h):
            he_normal(conv)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same."""
        return torch.addcmul(x, self.gamma, self.gather(x))

    def gather(self, x: Tensor) -> Tensor:
        """Σ softmax(f(x)·g(x'))·h(x') over the cross; the pixel itself counts once, in its row."""
        f, g, h = self.f(x), self.g(x), self.h(x)
        own = torch.eye(x.shape[2], dtype=torch.bool, device=x.device)[:, None]
        row = torch.einsum("nchw,nchv->nhwv", f, g)
        column = torch.einsum("nchw,ncuw->nhwu", f, g).masked_fill(own, -torch.inf)
        weights = torch.cat((row, column), dim=3).softmax(3)
        of_row, of_column = weights[..., : x.shape[3]], weights[..., x.shape[3] :]
        return torch.einsum("nhwv,nchv->nchw", of_row, h) + torch.einsum("nhwu,ncuw->nchw", of_column, h)


class DegenerateCrissCross(CrissCross):
    """What is left when each pixel's own weight is 1 and all others are 0; f and g never learn."""

    def gather(self, x: Tensor) -> Tensor:
        """h(x)."""
        result: Tensor = self.h(x)
        return result


ATTENTIONS: dict[Attention, type[CrissCross]] = {"correct": CrissCross, "degenerate": DegenerateCrissCross}
"""Criss-cross attention, as meant and as published."""


class CaganGenerator(nn.Module):
    """Twelve convolutions, the maps of all weighted by channel, three branches with criss-cross attention.

    What it finds is added to the input, blurred by a 3×3 mean. Every convolution is followed by leaky ReLU, the last
    one too, and none by a norm.

    Args:
        width: channels of a convolution (64 in the published code).
        attention: form of the criss-cross attention.
    """

    depth = 12
    local_halo = depth + 2 + 3
    """How far an output pixel sees, in pixels, but for the criss-cross attention, by which it sees everything."""

    def __init__(self, width: int = 64, attention: Attention = "correct") -> None:
        super().__init__()
        w, layer, cross = width, partial(_activated, sigma=_sigma(width)), ATTENTIONS[attention]
        self.features = nn.ModuleList(layer((1 if number == 0 else w, w), 3) for number in range(self.depth))
        self.channels = ChannelAttention(self.depth * w)
        entry = (self.depth * w, w)
        self.branches = nn.ModuleList(
            (
                nn.Sequential(layer(entry, 1), cross(w)),
                nn.Sequential(layer(entry, 1), layer((w, w), 3), cross(w)),
                nn.Sequential(layer(entry, 1), layer((w, w), 5), cross(w)),
            )
        )
        self.fuse = nn.Sequential(layer((3 * w, w), 3), layer((w, w), 3), layer((w, 1), 3))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, H, W) in [0, 1] -> (N, 1, H, W) on the same scale, unbounded."""
        weighted = self.channels(self._maps(x))
        found: Tensor = self.fuse(torch.cat([branch(weighted) for branch in self.branches], dim=1))
        return found + mean_filter(x)

    def _maps(self, x: Tensor) -> Tensor:
        maps = [x]
        for layer in self.features:
            maps.append(layer(maps[-1]))
        return torch.cat(maps[1:], dim=1)


class CaganDiscriminator(nn.Module):
    """Six convolutions with criss-cross attention behind them, then two dense layers; no norm.

    Args:
        width: channels of the first convolution (64 in the published code).
        attention: form of the criss-cross attention.
        side: height and width of the images it judges, a multiple of 8.
    """

    def __init__(self, width: int = 64, attention: Attention = "correct", side: int = 64) -> None:
        super().__init__()
        w, sigma = width, _sigma(width)
        self.maps = nn.Sequential(
            _activated((1, w), 3, sigma),
            _halving((w, w), sigma),
            _activated((w, 2 * w), 3, sigma),
            _halving((2 * w, 2 * w), sigma),
            _activated((2 * w, 4 * w), 3, sigma),
            _halving((4 * w, 4 * w), sigma),
            ATTENTIONS[attention](4 * w),
        )
        self.judge = nn.Sequential(
            nn.Flatten(), nn.Linear(4 * w * (side // 8) ** 2, 16 * w), nn.LeakyReLU(SLOPE), nn.Linear(16 * w, 1)
        )
        for layer in self.judge:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, side, side) -> (N, 1), unbounded: high means real."""
        result: Tensor = self.judge(self.maps(x))
        return result


def mean_filter(x: Tensor) -> Tensor:
    """3×3 mean of (N, C, H, W), mirrored at the border without repeating it."""
    return functional.avg_pool2d(functional.pad(x, (1, 1, 1, 1), mode="reflect"), 3, stride=1)


def _sigma(width: int) -> float:
    """The published σ = 0.05 of the weights at 64 channels; more where there are fewer, to pass on as much."""
    return 0.05 * math.sqrt(64 / width)


def _activated(channels: tuple[int, int], kernel: int, sigma: float) -> nn.Sequential:
    """Zero-padded convolution of the same size, leaky ReLU."""
    conv = nn.Conv2d(*channels, kernel, padding=kernel // 2)
    truncated_normal(conv, sigma)
    return nn.Sequential(conv, nn.LeakyReLU(SLOPE))


def _halving(channels: tuple[int, int], sigma: float) -> nn.Sequential:
    """3×3 convolution with stride 2, padded at the end alone as TensorFlow's 'same', leaky ReLU."""
    conv = nn.Conv2d(*channels, 3, stride=2)
    truncated_normal(conv, sigma)
    return nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), conv, nn.LeakyReLU(SLOPE))

"""U-Nets that denoise: Noise2Noise's, and the shallow one of CSBDeep that Noise2Void takes.

Both have the same way up: double the size, join what the way down kept at this size, convolve twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from pellucid.norms import Norm, norm

Block = Callable[[int, int], nn.Module]
"""Makes one convolution, with all that goes before and after it, from its channels in and out."""

SLOPE = 0.1
"""Negative slope of Noise2Noise's leaky ReLU."""


class Decoder(nn.Module):
    """The way up of a U-Net.

    Args:
        channels: of the deepest map.
        skips: channels of the maps that the way down kept, the deepest first.
        widths: channels of the two convolutions at each of these sizes.
        block: makes a convolution.
    """

    def __init__(self, channels: int, skips: Sequence[int], widths: Sequence[tuple[int, int]], block: Block) -> None:
        super().__init__()
        levels: list[nn.Module] = []
        for skip, (first, second) in zip(skips, widths, strict=True):
            levels.append(nn.Sequential(block(channels + skip, first), block(first, second)))
            channels = second
        self.levels = nn.ModuleList(levels)

    def forward(self, x: Tensor, skips: Sequence[Tensor]) -> Tensor:
        """(N, C, H, W) and the kept maps, the deepest first, each twice as high and wide as the one before."""
        for level, skip in zip(self.levels, skips, strict=True):
            x = level(torch.cat((interpolate(x, scale_factor=2.0, mode="nearest"), skip), 1))
        return x


def noise2noise_decoder(width: int, block: Block) -> Decoder:
    """The way up from five poolings of `width` channels each, to ⅔·width channels; its last skip is the image."""
    return Decoder(width, [width] * 4 + [1], [(2 * width, 2 * width)] * 4 + [(4 * width // 3, 2 * width // 3)], block)


class Noise2NoiseUnet(nn.Module):
    """The U-Net of Lehtinen et al., ICML 2018: five poolings, no norm, the image itself as the last skip.

    Args:
        width: channels of the way down (48 in the published code); a multiple of 3.
    """

    stride = 32
    """Height and width must be multiples of it."""
    halo = 160
    """How far an output pixel sees, in pixels, rounded up to the stride."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        w = width
        self.down = nn.ModuleList(
            [nn.Sequential(_leaky(1, w), _leaky(w, w), nn.MaxPool2d(2))]
            + [nn.Sequential(_leaky(w, w), nn.MaxPool2d(2)) for _ in range(4)]
        )
        self.bottom = _leaky(w, w)
        self.up = noise2noise_decoder(w, _leaky)
        self.last = he_normal(nn.Conv2d(2 * w // 3, 1, 3, padding=1), "linear")

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, H, W) -> (N, 1, H, W), unbounded; H and W multiples of 32."""
        kept = [x]
        for level in self.down:
            kept.append(level(kept[-1]))
        deepest = self.bottom(kept.pop())
        result: Tensor = self.last(self.up(deepest, kept[::-1]))
        return result


class CsbdeepUnet(nn.Module):
    """The U-Net of CSBDeep (Weigert et al. 2018) with two poolings: convolution, norm and ReLU, Glorot's weights.

    Noise2Void's own copy has, since it took up blur-pooling, `width` channels on all of the way up.

    Args:
        width: channels at full resolution.
        kernel: side of every convolution but the last, which is 1×1; odd.
        normalisation: name of a norm (`pellucid.norms.NORMS`); "batch" is the source's.
    """

    stride = 4
    """Height and width must be multiples of it."""

    def __init__(self, width: int = 32, kernel: int = 3, normalisation: str = "batch") -> None:
        super().__init__()
        w, n = width, norm(normalisation)
        self.halo = 20 * (kernel // 2) + 4
        """How far an output pixel sees, in pixels, rounded up to the stride."""

        def block(channels: int, out: int) -> nn.Module:
            return _normalised(channels, out, kernel, n)

        self.down = nn.ModuleList(
            [nn.Sequential(block(1, w), block(w, w)), nn.Sequential(block(w, 2 * w), block(2 * w, 2 * w))]
        )
        self.pool = nn.MaxPool2d(2)
        self.bottom = nn.Sequential(block(2 * w, 4 * w), block(4 * w, 2 * w))
        self.up = Decoder(2 * w, [2 * w, w], [(2 * w, w), (w, w)], block)
        self.last = glorot(nn.Conv2d(w, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, H, W) -> (N, 1, H, W), unbounded; H and W multiples of 4."""
        kept: list[Tensor] = []
        for level in self.down:
            kept.append(level(x))
            x = self.pool(kept[-1])
        result: Tensor = self.last(self.up(self.bottom(x), kept[::-1]))
        return result


def glorot(conv: nn.Conv2d) -> nn.Conv2d:
    """The convolution with Glorot's uniform weights and bias 0 (Keras' defaults)."""
    nn.init.xavier_uniform_(conv.weight)
    return _unbiased(conv)


def he_normal(conv: nn.Conv2d, follows: Literal["relu", "linear"] = "relu") -> nn.Conv2d:
    """The convolution with He's normal weights for what follows it, of variance 2/fan-in or 1/fan-in, and bias 0."""
    nn.init.kaiming_normal_(conv.weight, nonlinearity=follows)
    return _unbiased(conv)


def _unbiased(conv: nn.Conv2d) -> nn.Conv2d:
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return conv


def _leaky(channels: int, out: int) -> nn.Module:
    return nn.Sequential(he_normal(nn.Conv2d(channels, out, 3, padding=1)), nn.LeakyReLU(SLOPE))


def _normalised(channels: int, out: int, kernel: int, norm: Norm) -> nn.Module:
    conv = glorot(nn.Conv2d(channels, out, kernel, padding=kernel // 2))
    return nn.Sequential(norm.conv(conv), norm.layer(out, 0.0))

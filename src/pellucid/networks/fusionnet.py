"""Encoder and decoder of FusionNet (Quan, Hildebrand, Jeong 2016/2021), with or without its skip connections.

Instance norm with γ and β and leaky ReLU 0.2 after every convolution; resolution falls to 1/16 and rises again.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise, zip_longest

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from pellucid.networks.layers import SLOPE, UpConv, he_normal
from pellucid.norms import Norm
from pellucid.norms.feature import Instance

DILATIONS = (1, 2, 4)
MULTIPLES = (1, 2, 4, 8)
"""Channels of the four encoder blocks, as multiples of the width."""
INSTANCE = Norm(partial(Instance, eps=1e-5), needs_pixels=True)
"""Instance norm with γ and β and tensorpack's ε."""


def reflect_pad(x: Tensor, width: int) -> Tensor:
    """Mirror (N, C, H, W) at its border pixels, not repeating them; back and forth where it is too small for once."""
    if width < min(x.shape[2:]):
        return functional.pad(x, (width,) * 4, mode="reflect")
    for dim in (2, 3):
        last = x.shape[dim] - 1
        places = torch.arange(-width, last + 1 + width, device=x.device)
        x = x.index_select(dim, last - (places % max(2 * last, 1) - last).abs())
    return x


fx.wrap("reflect_pad")  # what it does depends on the size: one step for whoever traces the network


class ReflectConv(nn.Module):
    """3×3 convolution with reflected borders."""

    def __init__(self, channels: tuple[int, int], *, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(*channels, 3, stride, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, H, W) -> (N, C_out, H/stride, W/stride)."""
        result: Tensor = self.conv(reflect_pad(x, self.conv.dilation[0]))
        return result


class DilatedResidual(nn.Module):
    """Convolutions of dilation 1, 2 and 4, one after the other, a last norm, and the input added."""

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        steps = ((ReflectConv((channels, channels), dilation=d), norm.layer(channels, SLOPE)) for d in DILATIONS)
        self.layers = nn.Sequential(*(layer for step in steps for layer in step), norm.layer(channels, 1.0))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same."""
        result: Tensor = x + self.layers(x)
        return result


class EncoderBlock(nn.Sequential):
    """Half the resolution: a convolution of stride 2, a residual, a convolution."""

    def __init__(self, channels: tuple[int, int], norm: Norm) -> None:
        out = channels[1]
        super().__init__(
            ReflectConv(channels, stride=2),
            norm.layer(out, SLOPE),
            DilatedResidual(out, norm),
            ReflectConv((out, out)),
            norm.layer(out, SLOPE),
        )


class DecoderBlock(nn.Module):
    """Twice the resolution: a transposed convolution, a residual, the mean of a learned and a bilinear enlargement."""

    def __init__(self, channels: tuple[int, int], norm: Norm) -> None:
        super().__init__()
        out = channels[1]
        self.layers = nn.Sequential(
            nn.ConvTranspose2d(*channels, 3, padding=1), norm.layer(out, SLOPE), DilatedResidual(out, norm)
        )
        self.enlarge = nn.Sequential(UpConv((out, out), norm), norm.layer(out, SLOPE))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, H, W) -> (N, C_out, 2H, 2W)."""
        x = self.layers(x)
        learned: Tensor = self.enlarge(x)
        return (learned + functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)) / 2


class FusionEncoder(nn.Sequential):
    """Four encoder blocks; alone it is a discriminator whose 128 channels are all judgements.

    Args:
        inputs: channels of the image.
        width: channels of the first block (16 in the source).
    """

    smallest = 32
    """Smallest side of a training patch: on a single pixel instance norm leaves nothing but β."""

    def __init__(self, inputs: int = 1, width: int = 16) -> None:
        channels = [inputs, *(width * multiple for multiple in MULTIPLES)]
        super().__init__(*(EncoderBlock(pair, INSTANCE) for pair in pairwise(channels)))
        self.apply(initialise)


class FusionNet(nn.Module):
    """Four encoder blocks, four decoder blocks, a last convolution and tanh.

    Args:
        inputs: channels of the image: 1, or 2 for two images on top of each other.
        width: channels of the first and of the last block (16 in the source).
        skips: whether what an encoder block gives is added to what the decoder block of that size gives.
    """

    stride = 16
    halo = 528
    """How far an output pixel sees, in pixels (255 through the encoder, 271 through the decoder), rounded up."""

    def __init__(self, inputs: int = 1, width: int = 16, *, skips: bool = False) -> None:
        super().__init__()
        w, self.skips = width, skips
        channels = [8 * w, 4 * w, 2 * w, w, w]
        self.encoder = FusionEncoder(inputs, w)
        self.decoder = nn.Sequential(*(DecoderBlock(pair, INSTANCE) for pair in pairwise(channels)))
        self.last = ReflectConv((w, 1))
        self.decoder.apply(initialise)
        self.last.apply(initialise)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) in [−1, 1] -> (N, 1, H, W) in [−1, 1]; H and W multiples of 16."""
        found = []
        for block in self.encoder:
            x = block(x)
            found.append(x)
        sides = found[-2::-1] if self.skips else []
        for block, side in zip_longest(self.decoder, sides):
            x = block(x) if side is None else block(x) + side
        return torch.tanh(self.last(x))


def initialise(module: nn.Module) -> None:
    """He's truncated normal weights by fan-in, biases 0: tensorpack's defaults."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        he_normal(module)

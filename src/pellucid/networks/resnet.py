"""Residual encoders and decoders of the image-to-image generators: CycleGAN, ADN, DRGAN.

    7×7 head -> two halvings -> residual blocks -> two doublings -> 7×7 tail, tanh

Convolutions have reflected borders and biases, also before a norm, as published. Instance norms have no affine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.norms import norm

RELU = 0.0
"""Slope of a leaky ReLU that is a ReLU."""

NO_ACTIVATION = 1.0


def convolve(channels: tuple[int, int], kernel: int, stride: int = 1) -> nn.Conv2d:
    """Convolution with reflected borders: an odd kernel keeps the size, 4 with stride 2 halves it."""
    return nn.Conv2d(*channels, kernel, stride, (kernel - 1) // 2, padding_mode="reflect")


def instance_norm(channels: int, slope: float) -> nn.Module:
    """Instance norm without affine, then leaky ReLU."""
    return norm("instance-torch").layer(channels, slope)


def layer_norm(channels: int, slope: float) -> nn.Module:
    """Layer norm over C, H and W with γ ~ U(0, 1) at the start, then leaky ReLU: that of ADN's and DRGAN's decoders."""
    layer = norm("layer").layer(channels, slope)
    nn.init.uniform_(layer.get_parameter("gamma"))
    return layer


def initialise(network: nn.Module, weights: Callable[[Tensor], Any]) -> None:
    """Draw the weights of every convolution and linear layer with `weights`; their biases are 0."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            weights(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class Residual(nn.Module):
    """Two 3×3 convolutions with instance norm around a shortcut; no activation after the sum."""

    def __init__(self, channels: int, slope: float = RELU) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            convolve((channels, channels), 3),
            instance_norm(channels, slope),
            convolve((channels, channels), 3),
            instance_norm(channels, NO_ACTIVATION),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same."""
        result: Tensor = x + self.layers(x)
        return result


class ResnetGenerator(nn.Module):
    """The generator of CycleGAN (Zhu et al. 2017), of one channel.

    Args:
        width: channels at full resolution (64 in the published code).
        blocks: residual blocks (9 for images from 256 pixels, 6 for smaller ones).
    """

    stride = 4
    """Height and width must be multiples of it."""

    def __init__(self, width: int = 64, blocks: int = 9) -> None:
        super().__init__()
        w = width
        self.halo = 12 + 8 * blocks
        self.layers = nn.Sequential(
            convolve((1, w), 7),
            instance_norm(w, RELU),
            nn.Conv2d(w, 2 * w, 3, stride=2, padding=1),
            instance_norm(2 * w, RELU),
            nn.Conv2d(2 * w, 4 * w, 3, stride=2, padding=1),
            instance_norm(4 * w, RELU),
            *(Residual(4 * w) for _ in range(blocks)),
            nn.ConvTranspose2d(4 * w, 2 * w, 3, stride=2, padding=1, output_padding=1),
            instance_norm(2 * w, RELU),
            nn.ConvTranspose2d(2 * w, w, 3, stride=2, padding=1, output_padding=1),
            instance_norm(w, RELU),
            convolve((w, 1), 7),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, H, W) -> (N, 1, H, W) in [−1, 1]; H and W multiples of 4."""
        return torch.tanh(self.layers(x))


class Encoder(nn.Module):
    """Image -> code at a quarter of its size, and the features on the way: ADN's and DRGAN's (Liao et al. 2020).

    Args:
        width: channels at full resolution (64 in both methods' code).
        blocks: residual blocks at the end.
    """

    def __init__(self, width: int = 64, blocks: int = 4) -> None:
        super().__init__()
        w = width
        self.stages = nn.ModuleList(
            [
                nn.Sequential(convolve((1, w), 7), instance_norm(w, RELU)),
                nn.Sequential(convolve((w, 2 * w), 4, 2), instance_norm(2 * w, RELU)),
                nn.Sequential(convolve((2 * w, 4 * w), 4, 2), instance_norm(4 * w, RELU)),
            ]
        )
        self.residuals = nn.Sequential(*(Residual(4 * w) for _ in range(blocks)))

    def sides(self, x: Tensor) -> list[Tensor]:
        """Features before the residual blocks: width channels at full size, 2·width at half, 4·width at a quarter."""
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, H, W), multiples of 4 -> code (N, 4·width, H/4, W/4)."""
        return self.code(self.sides(x))

    def code(self, sides: Sequence[Tensor]) -> Tensor:
        """The code from the features on the way to it."""
        result: Tensor = self.residuals(sides[-1])
        return result


class Upsampling(nn.Module):
    """From a quarter of the size to the image, taking in features of the same size at three places if given.

    Args:
        width: channels at full resolution.
        slope: negative slope of its leaky ReLU.
    """

    def __init__(self, width: int, slope: float) -> None:
        super().__init__()
        channels = (4 * width, 2 * width, width)
        self.fusions = nn.ModuleList([nn.Conv2d(2 * c, c, 1) for c in channels])
        self.stages = nn.ModuleList(
            [
                *(
                    nn.Sequential(nn.Upsample(scale_factor=2), convolve((c, c // 2), 5), layer_norm(c // 2, slope))
                    for c in channels[:2]
                ),
                nn.Sequential(convolve((width, 1), 7), nn.Tanh()),
            ]
        )

    def forward(self, x: Tensor, sides: Sequence[Tensor] = ()) -> Tensor:
        """(N, 4·width, H/4, W/4) and an encoder's `sides` -> (N, 1, H, W) in [−1, 1]."""
        coarse_to_fine = reversed(sides)
        for fusion, stage in zip(self.fusions, self.stages, strict=True):
            side = next(coarse_to_fine, None)
            x = stage(x if side is None else fusion(torch.cat((x, side), 1)))
        return x


class Decoder(nn.Module):
    """Four residual blocks, then up to the image: ADN's decoders and DRGAN's clean one.

    Args:
        width: channels at full resolution (64 in both methods' code).
        slope: negative slope of every leaky ReLU (ADN 0.2, DRGAN 0).
    """

    def __init__(self, width: int = 64, slope: float = RELU) -> None:
        super().__init__()
        self.residuals = nn.Sequential(*(Residual(4 * width, slope) for _ in range(4)))
        self.upsampling = Upsampling(width, slope)

    def forward(self, code: Tensor, sides: Sequence[Tensor] = ()) -> Tensor:
        """Code (N, 4·width, H/4, W/4), with or without `sides` of an encoder -> (N, 1, H, W) in [−1, 1]."""
        result: Tensor = self.upsampling(self.residuals(code), sides)
        return result

"""The noise side of DRGAN (Huang et al. 2021): an image's noise as a code, and a decoder that follows it by AdaIN."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from pellucid.networks.resnet import NO_ACTIVATION, RELU, Encoder, Upsampling, convolve
from pellucid.norms import measure
from pellucid.norms.affine import affine_leaky_relu
from pellucid.norms.feature import standardise

CODE = 8
"""Length of a noise code."""


def adaptive_norm(x: Tensor, shift: Tensor, scale: Tensor, slope: float) -> Tensor:
    """AdaIN (Huang & Belongie 2017), ε 1e-5, then leaky ReLU: maps get mean `shift`, deviation `scale`, each (N, C)."""
    moments = measure(x)
    by, to = standardise(moments.mean, moments.var, 1e-5)
    return affine_leaky_relu(x, scale * by, scale * to + shift, slope)


class NoiseEncoder(nn.Module):
    """Image -> code of its noise: an encoder without residual blocks, averaged over all pixels."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.features = Encoder(width, blocks=0)
        self.code = nn.Linear(4 * width, CODE)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, H, W), multiples of 4 -> (N, 8)."""
        result: Tensor = self.code(self.features(x).mean((2, 3)))
        return result


class AdaptiveResidual(nn.Module):
    """Residual block whose two norms take their shift and scale from outside."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = convolve((channels, channels), 3)
        self.second = convolve((channels, channels), 3)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """(N, C, H, W) and style (N, 2, 2, C), shift and scale of both norms -> the same shape."""
        shift, scale = style.unbind(2)
        inner = adaptive_norm(self.first(x), shift[:, 0], scale[:, 0], RELU)
        return x + adaptive_norm(self.second(inner), shift[:, 1], scale[:, 1], NO_ACTIVATION)


class NoisyDecoder(nn.Module):
    """Content and a noise code -> noisy image.

    Args:
        width: channels at full resolution (64 in the published code).
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        channels = hidden = 4 * width  # 256 in the published code, both
        self.residuals = nn.ModuleList([AdaptiveResidual(channels) for _ in range(4)])
        self.upsampling = Upsampling(width, RELU)
        self.style = nn.Sequential(
            nn.Linear(CODE, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, len(self.residuals) * 2 * 2 * channels),
        )

    def forward(self, content: Tensor, sides: Sequence[Tensor], noise_code: Tensor) -> Tensor:
        """Code and `sides` of the content encoder, noise code (N, 8) -> (N, 1, H, W) in [−1, 1]."""
        styles = self.style(noise_code).unflatten(1, (len(self.residuals), 2, 2, -1))
        x = content
        for residual, style in zip(self.residuals, styles.unbind(1), strict=True):
            x = residual(x, style)
        result: Tensor = self.upsampling(x, sides)
        return result

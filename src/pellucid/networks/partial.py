"""Partial convolutions (Liu et al., ECCV 2018), which see known pixels only, and the U-Net of Self2Self."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, leaky_relu, max_pool2d

from pellucid.networks.layers import symmetric_pad
from pellucid.networks.unet import SLOPE, glorot, he_normal, noise2noise_decoder
from pellucid.seeding import RandomLayer, dropout


class PartialConv(nn.Module):
    """A 3×3 convolution of the known pixels alone, mirrored at the border, and leaky ReLU.

        y = W·(x·m) · 9/Σm + b where Σm > 0, else b;      m' = 1 where Σm > 0, else 0

    with Σm over the window. All channels share one mask: the mask after a layer is the same for all of them, so 9/Σm
    is the usual k²·C/ΣΣm.
    """

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv = glorot(nn.Conv2d(channels, out, 3))

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, H, W) and its mask (N, 1, H, W) of 0 and 1 -> (N, C', H, W) and the mask of what is known now."""
        share = avg_pool2d(symmetric_pad(mask, 1), 3, 1)
        known = (share > 0).to(x.dtype)
        weighted = conv2d(symmetric_pad(x * mask, 1), self.conv.weight) * (known / share.clamp_min(1 / 9))
        assert self.conv.bias is not None
        return leaky_relu(weighted + self.conv.bias[:, None, None], SLOPE), known


class LastingDropout(RandomLayer):
    """Dropout that stays on in evaluation mode: it makes the predictions that are averaged."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """Set a share of the numbers to 0 and scale the others up."""
        return dropout(x, self.share)


class PartialUnet(nn.Module):
    """Noise2Noise's U-Net with partial convolutions on the way down, dropout before each one on the way up, sigmoid.

    Args:
        width: channels of the way down (48 in the published code); a multiple of 3.
        share: of the numbers that dropout sets to 0.
    """

    stride = 32
    """Height and width must be multiples of it."""
    halo = 160
    """How far an output pixel sees, in pixels, rounded up to the stride."""

    def __init__(self, width: int = 48, share: float = 0.3) -> None:
        super().__init__()

        def block(channels: int, out: int) -> nn.Module:
            conv = nn.Conv2d(channels, out, 3, padding=1, padding_mode="replicate")
            return nn.Sequential(LastingDropout(share), he_normal(conv), nn.LeakyReLU(SLOPE))

        w = width
        self.first = PartialConv(1, w)
        self.down = nn.ModuleList(PartialConv(w, w) for _ in range(5))
        self.bottom = PartialConv(w, w)
        self.up = noise2noise_decoder(w, block)
        last = he_normal(nn.Conv2d(2 * w // 3, 1, 3, padding=1, padding_mode="replicate"), "linear")
        self.last = nn.Sequential(LastingDropout(share), last)

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        """An image (N, 1, H, W) in [0, 1] and the mask of its known pixels -> (N, 1, H, W) in (0, 1)."""
        kept = [image * mask]
        x, mask = self.first(image, mask)
        for level in self.down:
            x, mask = level(x, mask)
            x, mask = max_pool2d(x, 2), max_pool2d(mask, 2)
            kept.append(x)
        kept.pop()
        x, _ = self.bottom(x, mask)
        return torch.sigmoid(self.last(self.up(x, kept[::-1])))

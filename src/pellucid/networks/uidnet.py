"""The two players of UIDNet (Hong et al. 2020): noise made for a clean image, and the judge of noisy images."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid import process_group
from pellucid.networks.layers import SLOPE, he_normal, truncated_normal
from pellucid.seeding import RandomLayer, dropout


class NoiseGenerator(nn.Module):
    """A U-Net of three resolutions that makes noise for a clean image from a random one; no norms.

    Its last two layers are ReLU and one weight, so that the noise of all pixels lies on one side of tanh(bias).

    Args:
        width: channels at full resolution (32 in the published code).
    """

    stride = 4

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        w = width
        self.fine = _two((2, w))
        self.middle = _two((w, 2 * w))
        self.coarse = nn.Sequential(*_two((2 * w, 4 * w)), Dropout(0.5))
        self.to_middle = _enlarge((4 * w, 2 * w))
        self.middle_again = _two((4 * w, 2 * w))
        self.to_fine = _enlarge((2 * w, w))
        self.fine_again = nn.Sequential(*_two((2 * w, w)), nn.Conv2d(w, 1, 3, padding=1), nn.ReLU())
        self.last = nn.Conv2d(1, 1, 1)
        self._initialise()

    def forward(self, z: Tensor, clean: Tensor) -> Tensor:
        """Noise (N, 1, H, W) in [−1, 1] from z and the clean image, both of that shape; H and W multiples of 4."""
        fine = self.fine(torch.cat((z, clean), 1))
        middle = self.middle(functional.max_pool2d(fine, 2))
        coarse = self.coarse(functional.max_pool2d(middle, 2))
        middle = self.middle_again(torch.cat((middle, self.to_middle(coarse)), 1))
        fine = self.fine_again(torch.cat((fine, self.to_fine(middle)), 1))
        return torch.tanh(self.last(fine))

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                he_normal(module)
        nn.init.xavier_uniform_(self.last.weight)


class Dropout(nn.Dropout, RandomLayer):
    """Dropout that is drawn for the whole batch, of which a process may have a share."""

    def forward(self, x: Tensor) -> Tensor:
        """The same shape; in evaluation mode the same numbers."""
        if not self.training:
            return x
        return x * process_group.own(dropout(process_group.like_whole(x).fill_(1), self.p))


class SharpDiscriminator(nn.Module):
    """Four 5×5 convolutions of stride 2 on a sharpened image, and a linear layer; no norms.

    Args:
        side: of the images that it judges, a multiple of 16.
        width: channels after the first convolution (64 in the published code).
    """

    def __init__(self, side: int = 64, width: int = 64) -> None:
        super().__init__()
        channels = (2, width, 2 * width, 4 * width, 8 * width)
        convolutions = [nn.Conv2d(*pair, 5, 2) for pair in pairwise(channels)]
        self.convolutions = nn.ModuleList(convolutions)
        self.linear = nn.Linear((side // 16) ** 2 * channels[-1], 1)
        for layer in convolutions:
            truncated_normal(layer, 0.02)
        nn.init.normal_(self.linear.weight, std=0.02)
        nn.init.zeros_(self.linear.bias)

    def forward(self, image: Tensor) -> Tensor:
        """(N, 1, side, side) -> (N, 1), unbounded: high means real."""
        return self.judge(sharpen(image))

    def judge(self, sharpened: Tensor) -> Tensor:
        """(N, 2, side, side), as `sharpen` gives it -> (N, 1)."""
        x = sharpened
        for convolution in self.convolutions:
            x = functional.leaky_relu(convolution(functional.pad(x, (1, 2, 1, 2))), SLOPE)
        result: Tensor = self.linear(x.flatten(1))
        return result


def sharpen(image: Tensor) -> Tensor:
    """The image and what it has beyond its 3×3 mean, (N, 2, H, W); at the border the mean is of fewer pixels."""
    blurred = functional.avg_pool2d(image, 3, 1, 1, count_include_pad=False)
    return torch.cat((image, image - blurred), 1)


def _two(channels: tuple[int, int]) -> nn.Sequential:
    out = channels[1]
    return nn.Sequential(nn.Conv2d(*channels, 3, padding=1), nn.ReLU(), nn.Conv2d(out, out, 3, padding=1), nn.ReLU())


def _enlarge(channels: tuple[int, int]) -> nn.Sequential:
    """Nearest neighbour, then a 2×2 convolution that looks down and to the right, as TensorFlow's 'same'."""
    return nn.Sequential(nn.Upsample(scale_factor=2), nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(*channels, 2), nn.ReLU())

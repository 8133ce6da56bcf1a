"""A small network for what is trained with pairs: most of its work is done at half resolution and below."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, layer_norm, pixel_shuffle, pixel_unshuffle


class Student(nn.Module):
    """A U-Net without norm that adds its skip connections and begins at half resolution.

    At full resolution there are only a few channels, computed from the image itself, which join the result of the
    U-Net just before the end: they keep fine detail. Arithmetic is dear where there are many pixels; a quarter of the
    pixels leave room for four times the operations on each. Chosen by a measured search (`performance/student.py`).

    Args:
        width: channels at half resolution, doubled at each further level; a multiple of 4.
        depth: how often the resolution is halved.
        slices: neighbouring slices of a volume that it sees, an odd number; it denoises the middle one.
    """

    def __init__(self, width: int = 32, depth: int = 3, slices: int = 1) -> None:
        super().__init__()
        widths = [width << level for level in range(depth)]
        fine = width // 4
        self.width = width
        """Channels of the features."""
        self.stride = 1 << depth
        """Height and width must be multiples of it."""
        self.reach = 7 * self.stride - 6
        """How far an output pixel sees, in pixels."""
        self.halo = self.reach + -self.reach % self.stride
        """The same, rounded up to the stride."""
        self._middle = slices // 2
        self.halve = nn.Sequential(nn.Conv2d(slices, width, 4, stride=2, padding=1), nn.ReLU(inplace=True))
        self.first = _two_convolutions(width)
        self.down = nn.ModuleList(
            nn.Sequential(nn.Conv2d(w, 2 * w, 2, stride=2), _two_convolutions(2 * w)) for w in widths[:-1]
        )
        self.enlarge = nn.ModuleList(nn.Conv2d(2 * w, w, 1) for w in widths[-2::-1])
        self.up = nn.ModuleList(_two_convolutions(w) for w in widths[-2::-1])
        self.fine = nn.Sequential(_mirrored(slices, fine), nn.ReLU(inplace=True))
        self.join = nn.Sequential(_mirrored(2 * fine, fine), nn.ReLU(inplace=True))
        self.last = _mirrored(fine, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the estimate, and the features that `PredictedError` takes.

        Args:
            x: (N, slices, H, W) in [−1, 1]; H and W multiples of the stride.

        Returns:
            The estimate (N, 1, H, W), unbounded, and features (N, width, H/2, W/2).
        """
        coarse = self._coarse(x)
        joined = torch.cat((pixel_shuffle(coarse, 2), self.fine(x)), 1)
        return x[:, self._middle : self._middle + 1] + self.last(self.join(joined)), coarse

    def _coarse(self, x: Tensor) -> Tensor:
        """(N, slices, H, W) -> (N, width, H/2, W/2)."""
        x = self.first(self.halve(x))
        kept = []
        for down in self.down:
            kept.append(x)
            x = down(x)
        for enlarge, up in zip(self.enlarge, self.up, strict=True):
            x = up(interpolate(enlarge(x), scale_factor=2.0, mode="nearest") + kept.pop())
        return x


class PredictedError(nn.Module):
    """Two layers that predict the error of a student's estimate from its features, which their loss does not change.

    So the estimate is the same without them, and is found without them where it alone is wanted.

    Args:
        width: of the student.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(width + 8, width, 1), nn.ReLU(inplace=True), nn.Conv2d(width, 4, 1))

    def forward(self, x: Tensor, estimate: Tensor, coarse: Tensor) -> Tensor:
        """Return the logarithm of the expected absolute error.

        Args:
            x: (N, 1, H, W) in [−1, 1].
            estimate: what the student made of it.
            coarse: the student's features, which are scaled in each pixel alone.

        Returns:
            log b of the shape of `x`, unbounded, where b is the scale of a Laplace distribution of the error, hence
            the expected |estimate − truth|.
        """
        scaled = layer_norm(coarse.detach().movedim(1, 3), coarse.shape[1:2]).movedim(3, 1)
        images = (pixel_unshuffle(image, 2) for image in (x, estimate.detach()))
        return pixel_shuffle(self.layers(torch.cat((scaled, *images), 1)), 2)


def _mirrored(channels: int, out: int) -> nn.Conv2d:
    """A 3×3 convolution that sees the image mirrored beyond its border.

    Of zeros there, less than the noise would be removed along the border: a frame of one noisy pixel.
    """
    return nn.Conv2d(channels, out, 3, padding=1, padding_mode="reflect")


def _two_convolutions(width: int) -> nn.Sequential:
    """Two 3×3 convolutions, each followed by ReLU."""
    layers = [(nn.Conv2d(width, width, 3, padding=1), nn.ReLU(inplace=True)) for _ in range(2)]
    return nn.Sequential(*(layer for pair in layers for layer in pair))

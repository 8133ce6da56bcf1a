"""The student and networks that it was compared with, none with norms over pixels.

All take (N, 1, H, W) and return an estimate of that shape, the student and its variants also the logarithm of its
error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from pellucid.networks.student import PredictedError, Student


def convolutions(channels: int, out: int) -> nn.Sequential:
    """Two 3×3 convolutions, each followed by ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels, out, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(out, out, 3, padding=1),
        nn.ReLU(inplace=True),
    )


class Unet(nn.Module):
    """A plain U-Net from full resolution on, which concatenates its skip connections or adds them."""

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 128), *, add: bool = False) -> None:
        super().__init__()
        self.add = add
        steps = list(pairwise(widths))
        self.first = convolutions(1, widths[0])
        self.down = nn.ModuleList(nn.Sequential(nn.MaxPool2d(2), convolutions(w, deeper)) for w, deeper in steps)
        self.narrow = nn.ModuleList(nn.Conv2d(deeper, w, 1) if add else nn.Identity() for w, deeper in steps[::-1])
        self.up = nn.ModuleList(convolutions(w if add else w + deeper, w) for w, deeper in steps[::-1])
        self.last = nn.Conv2d(widths[0], 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """H and W multiples of 2 to the number of poolings."""
        kept = [self.first(x)]
        for down in self.down:
            kept.append(down(kept[-1]))
        maps = kept.pop()
        for narrow, up in zip(self.narrow, self.up, strict=True):
            maps, skip = interpolate(narrow(maps), scale_factor=2.0, mode="nearest"), kept.pop()
            maps = up(maps + skip if self.add else torch.cat((maps, skip), 1))
        return x + self.last(maps)  # type: ignore[no-any-return]


class Added(nn.Module):
    """x plus what layers make of it."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same."""
        return x + self.layers(x)  # type: ignore[no-any-return]


class GatedBlock(nn.Module):
    """NAFNet's block (Chen et al., ECCV 2022) without attention, which measures: the norm is over channels alone."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        first, second = (nn.Conv2d(width, 2 * width, 1) for _ in range(2))
        spread = nn.Conv2d(2 * width, 2 * width, 3, padding=1, groups=2 * width)
        self.widen = nn.ModuleList((nn.Sequential(first, spread), second))
        self.narrow = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in range(2))
        self.scales = nn.Parameter(torch.full((2, width, 1, 1), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same."""
        for norm, widen, narrow, scale in zip(self.norms, self.widen, self.narrow, self.scales, strict=True):
            one, other = widen(norm(x.movedim(1, 3)).movedim(3, 1)).chunk(2, 1)
            x = x + scale * narrow(one * other)
        return x


class WithError(nn.Module):
    """A student and the error that it predicts of itself."""

    def __init__(self, student: Student) -> None:
        super().__init__()
        self.student = student
        self.error = PredictedError(student.width)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The estimate, and the logarithm of its expected absolute error."""
        estimate, coarse = self.student(x)
        return estimate, self.error(x, estimate, coarse)


def gated_student(width: int = 32, depth: int = 3) -> Student:
    """The student with two gated blocks where it has two convolutions."""

    def blocks(level: int) -> nn.Module:
        return nn.Sequential(*(GatedBlock(width << level) for _ in range(2)))

    student = Student(width, depth)
    student.first = blocks(0)  # type: ignore[assignment]
    for level, down in enumerate(student.down, start=1):
        down.register_module("1", blocks(level))
    student.up = nn.ModuleList(blocks(level) for level in reversed(range(depth - 1)))
    return student


def residual_network(width: int = 24, blocks: int = 4) -> nn.Module:
    """Residual blocks at full resolution."""
    return Added(
        nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1),
            *(Added(convolutions(width, width)[:3]) for _ in range(blocks)),
            nn.Conv2d(width, 1, 3, padding=1),
        )
    )


def estimator(network: nn.Module) -> nn.Module:
    """The part of a network that the estimate alone needs."""
    return network.student if isinstance(network, WithError) else network


def estimate_and_error(network: nn.Module, x: Tensor) -> tuple[Tensor, Tensor | None]:
    """What a network finds: the estimate and, if it predicts that, the logarithm of its expected error."""
    found = network(x)
    return (found, None) if isinstance(found, Tensor) else found


CANDIDATES: Mapping[str, Callable[[], nn.Module]] = {
    "student": lambda: WithError(Student()),
    "student, width 24": lambda: WithError(Student(24)),
    "student, width 48": lambda: WithError(Student(48)),
    "student, 4 halvings": lambda: WithError(Student(32, 4)),
    "student, gated blocks": lambda: WithError(gated_student()),
    "U-Net": Unet,
    "U-Net, added skips": lambda: Unet(add=True),
    "residual network": residual_network,
}
"""Networks by the name that `performance/student.py` takes."""

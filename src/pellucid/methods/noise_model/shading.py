"""Shading: places where noisy images are darker or brighter than the specimen, as under charging, beyond fine noise.

The local mean of a noisy image is that of the specimen times a factor m, and one does not depend on the other:

    p(log x̄) = p(log ȳ) ∗ p(log m)          x̄, ȳ: means over a window around a pixel

Clean images give p(log ȳ), noisy ones p(log x̄). Richardson and Lucy's iteration finds p(log m). Shade is what makes it
uneven: a factor as likely above the median of m as below it is a difference of contrast. Bayes' rule gives the median
factor at each x̄. So a place that is darker than any clean one is known to be in shade, while one that is as dark as a
dark organelle does not change.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pad

from pellucid import process_group
from pellucid.methods.noise_model.spectrum import linear
from pellucid.seeding import generator

WINDOWS = ((17, 17), (5, 49), (49, 5))
"""Windows (Y, X) of the local mean: round, along the lines of a scan, across them."""
DARKEST, BRIGHTEST, BINS = -3.2, 0.7, 117
"""Range and number of the bins of log(1 + intensity)."""
BIN = (BRIGHTEST - DARKEST) / BINS
FACTORS = (-80, 25)
"""Smallest and largest log m, in bins."""
ITERATIONS = 300
FLOOR = 1e-5
"""Chance of any brightness that no clean patch shows."""
WIDER = 1.4
"""From how much larger a variance of log x̄ than that of log ȳ there may be shading."""
ONE_SIDED = 2.5
"""From which skewness of log m on it is shading (charging: 2.9 to 5).

Noise that scatters to both sides has less (line noise: 1.5), and black material that clean images lack (cuticle: 2.1).
"""
SPACING = 8
"""Pixels between the places whose local means are counted."""


class Shading(nn.Module):
    """The shading of some noisy images, kept as maps of m of some of their patches.

    Args:
        side: of a patch, in pixels.
        capacity: number of maps.
    """

    noisy: Tensor
    clean: Tensor
    likely: Tensor
    window: Tensor
    maps: Tensor
    filled: Tensor

    def __init__(self, side: int, capacity: int = 256) -> None:
        super().__init__()
        self.register_buffer("noisy", torch.zeros(len(WINDOWS), BINS))
        self.register_buffer("clean", torch.zeros(len(WINDOWS), BINS))
        self.register_buffer("likely", torch.zeros(BINS))
        self.register_buffer("window", torch.tensor(-1))
        self.register_buffer("maps", torch.ones(capacity, 1, side, side))
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def count(self, noisy: Tensor, clean: Tensor) -> None:
        """Count the local means of patches (N, 1, P, P) in [−1, 1]."""
        for number, window in enumerate(WINDOWS):
            self.noisy[number] += _counts(noisy, window)
            self.clean[number] += _counts(clean, window)

    @torch.no_grad()
    def settle(self, brightness: Tensor) -> None:
        """Decide from the counts whether there is shading, in which window it shows best, and the likely factors.

        Args:
            brightness: factor by which clean patches will be brighter than those that were counted.
        """
        middles = _middles(self.clean.device)
        self.clean.copy_(torch.stack([linear(row, middles, middles - brightness.log()) for row in self.clean]))
        wider = torch.stack([_variance(x) / _variance(y) for x, y in zip(self.noisy, self.clean, strict=True)])
        best = int(wider.argmax())
        chance, likely = factors(self.noisy[best], self.clean[best])
        if wider[best] > WIDER and abs(_skewness(chance)) > ONE_SIDED:
            self.window.fill_(best)
            self.likely.copy_(likely)

    @property
    def found(self) -> bool:
        """Whether there is shading."""
        return int(self.window) >= 0

    @torch.no_grad()
    def keep(self, noisy: Tensor) -> None:
        """Keep the maps of some noisy patches; the oldest go when there are too many."""
        if not self.found:
            return
        for shade in self._shade(noisy):
            self.maps[int(self.filled) % len(self.maps)] = shade
            self.filled += 1

    def forward(self, clean: Tensor) -> Tensor:
        """Clean patches (N, 1, P, P) in the shade of maps drawn by chance, flipped by chance along both axes."""
        if not self.found or not int(self.filled):
            return clean
        count, draws = len(process_group.like_whole(clean[:, :, :1, :1])), generator(torch.device("cpu"))
        chosen = torch.randint(min(int(self.filled), len(self.maps)), (count,), generator=draws)
        flips = torch.randint(4, (count,), generator=draws).tolist()
        shades = process_group.own(torch.stack([_flipped(self.maps[k], f) for k, f in zip(chosen, flips, strict=True)]))
        return (clean + 1) * shades - 1

    def _shade(self, noisy: Tensor) -> Tensor:
        """The likely factor m in each pixel."""
        return linear(self.likely, _middles(noisy.device), _local_mean(noisy, WINDOWS[int(self.window)])).exp()


def factors(noisy: Tensor, clean: Tensor) -> tuple[Tensor, Tensor]:
    """The distribution of log m, and the likely log m at each bin of log x̄, from counts (BINS,) of log x̄ and log ȳ."""
    margin = max(-FACTORS[0], FACTORS[1])
    unshaded = pad(clean / clean.sum(), (margin, margin))
    given = torch.stack([unshaded[margin - k : margin - k + BINS] for k in range(*FACTORS)]) + FLOOR  # p(x̄ | m)
    observed = noisy / noisy.sum()
    chance = noisy.new_full((len(given), 1), 1 / len(given))
    for _ in range(ITERATIONS):
        chance = chance * (given * (observed / (chance * given).sum(0))).sum(1, keepdim=True)
        chance = chance / chance.sum()
    return chance[:, 0], _median(_one_sided(chance[:, 0]), chance * given)


def _one_sided(chance: Tensor) -> Tensor:
    """log m as far as it is shade: below its median, less what scatters as much to the bright side; else 0."""
    values, median = _logarithms(chance), int((chance.cumsum(0) < 0.5).sum())
    brighter = chance[median + 1 : 2 * median + 1]
    mirrored = pad(brighter, (0, median - len(brighter))).flip(0)
    share = (1 - mirrored / chance[:median].clamp_min(1e-20)).clamp_min(0)
    return pad(share, (0, len(chance) - median)) * (values - values[median])


def _median(values: Tensor, joint: Tensor) -> Tensor:
    """The median of values (K,) at each place, from their joint distribution (K, BINS).

    A mean would lie between shade and none where either is possible, and such half shade would be common everywhere.
    """
    order = values.argsort()
    below = (joint[order] / joint.sum(0)).cumsum(0)
    return values[order][(below < 0.5).sum(0).clamp_max(len(values) - 1)]


def _logarithms(like: Tensor) -> Tensor:
    """The values of log m."""
    return torch.arange(*FACTORS, device=like.device, dtype=like.dtype) * BIN


def _skewness(chance: Tensor) -> float:
    """The skewness of log m: −3 where a few places are dark."""
    values = _logarithms(chance)
    centred = values - (chance * values).sum()
    variance = (chance * centred**2).sum().clamp_min(1e-12)
    return float((chance * centred**3).sum() / variance**1.5)


def _local_mean(patches: Tensor, window: tuple[int, int]) -> Tensor:
    """log(1 + mean intensity) over a window around each pixel; beyond the edges the outermost pixels go on."""
    rows, columns = window
    wide = pad(patches + 1, (columns // 2, columns // 2, rows // 2, rows // 2), mode="replicate")
    return avg_pool2d(wide, window, 1).clamp_min(math.exp(DARKEST)).log()


def _middles(device: torch.device) -> Tensor:
    """The logarithm in the middle of each bin."""
    return torch.arange(BINS, device=device) * BIN + (DARKEST + BIN / 2)


def _counts(patches: Tensor, window: tuple[int, int]) -> Tensor:
    means = _local_mean(patches, window)[..., ::SPACING, ::SPACING]
    return torch.histc(means.clamp(DARKEST, BRIGHTEST), BINS, DARKEST, BRIGHTEST)


def _variance(counts: Tensor) -> Tensor:
    """The variance of what was counted, in bins²."""
    share, number = counts / counts.sum(), torch.arange(BINS, device=counts.device)
    return (share * number**2).sum() - (share * number).sum() ** 2


def _flipped(shade: Tensor, which: int) -> Tensor:
    """A map (1, P, P) flipped left-right (1), up-down (2), both (3)."""
    return shade.flip([axis for bit, axis in ((1, -1), (2, -2)) if which & bit])

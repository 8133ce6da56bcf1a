"""Planted structures: faint membranes, gaps, vesicles and dots put into noisy images; which of them are kept?

A structure p of contrast c is added to a noisy image x0, giving x1. What the denoiser D keeps of it is

    <D(x1) − D(x0), p> / <x1 − x0, p>

which is 1 if it is as strong afterwards as before and 0 if it is gone. For a gap, x1 shows the whole membrane and x0
the membrane with the gap: 0 means that the gap was closed or the membrane was lost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import cycle, islice, product
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter, label, median_filter

from pellucid.assessment.pseudo_pairs import Images, Stacks
from pellucid.methods.noise_model.model import NoiseModel
from pellucid.methods.slices import apart, stacked
from pellucid.seeding import seeded

Denoise = Callable[[Images], Images]
Mask = NDArray[np.float32]

CONTRASTS = (0.05, 0.1, 0.2, 0.4)
"""Contrasts of planted structures, as shares of the distance from black to white."""
SPACING = 64
"""Side of the square that each structure has to itself, in pixels."""
FAR = 24
"""Distance from any planted structure, in pixels, at which nothing should change."""
SOFT = 0.7
"""σ of the Gaussian, in pixels, by which planted structures are as soft as those of a microscope."""
MEMBRANE = 3.0
"""Width of the membrane that a gap is in."""
LENGTH = 40.0
"""Length of a membrane."""
FLAT_LEVELS = (-0.5, 0.0, 0.5)
"""Intensities of areas without structure on which noise alone is denoised."""
LEAST_AREA = 6
"""Pixels from which what stands out of a flat area counts as a structure."""


class Kind(NamedTuple):
    """A kind of planted structure: its name in plots, and its sizes in pixels."""

    name: str
    sizes: tuple[int, ...]


KINDS = (
    Kind("membrane", (1, 2, 4, 8)),
    Kind("gap", (4, 8, 16)),
    Kind("vesicle", (8, 16)),
    Kind("dot", (2, 4, 8)),
)


@dataclass(frozen=True)
class Planted:
    """What became of planted structures.

    Attributes:
        kept: share of the contrast that is left, by kind, size in pixels, and contrast.
        elsewhere: largest change far from what was planted, as a share of its contrast.
    """

    kept: Mapping[tuple[str, int, float], float]
    elsewhere: float

    def smallest_kept(self, kind: str, contrast: float, share: float = 0.5) -> int | None:
        """The smallest size from which on at least this share of the contrast is kept; None if none is."""
        sizes = sorted(size for name, size, c in self.kept if (name, c) == (kind, contrast))
        kept = [
            size for size in sizes if all(self.kept[kind, each, contrast] >= share for each in sizes if each >= size)
        ]
        return kept[0] if kept else None


@dataclass(frozen=True)
class FromNoise:
    """What a denoiser makes of noise on areas without structure.

    Attributes:
        left: standard deviation of the result as a share of that of the noise.
        structures: number of structures in a megapixel that stand out by the faintest of `CONTRASTS`.
    """

    left: float
    structures: float


def plant(noisy: Images, denoise: Denoise, seed: int = 0) -> Planted:
    """Plant structures of all kinds, sizes and contrasts into noisy images (N, Y, X), and denoise them."""
    sums: dict[tuple[str, int, float], list[float]] = defaultdict(list)
    elsewhere = 0.0
    for contrast, sites in product(CONTRASTS, _rounds(noisy, seed)):
        before, after = noisy.copy(), noisy.copy()
        for site in sites:
            site.plant(before, after, 2 * contrast)
        change, given = denoise(after) - denoise(before), after - before
        for site in sites:
            sums[site.kind, site.size, contrast].append(site.kept(change, given))
        far = _far_from(given)
        elsewhere = max(elsewhere, float(np.abs(change[far]).max(initial=0)) / (2 * contrast))
    return Planted({key: float(np.mean(values)) for key, values in sums.items()}, elsewhere)


def made_from_noise(
    noise: NoiseModel, shape: tuple[int, int, int], denoise: Callable[[Stacks], Images], seed: int = 0
) -> FromNoise:
    """Denoise noise alone, in flat areas of several intensities.

    Args:
        noise: independent in each slice.
        shape: (slices, Y, X) of what the denoiser sees.
        denoise: the denoiser, of stacks (N, slices, Y, X).
        seed: of the noise.
    """
    slices = shape[0]
    flat = np.repeat(np.array(FLAT_LEVELS, np.float32), 2)[:, None, None, None] * np.ones(shape, np.float32)
    with seeded(seed):
        stacks = stacked(noise(apart(torch.from_numpy(flat))), slices).numpy()
    noisy, result = stacks[:, slices // 2], denoise(stacks)
    spread = float((noisy - noisy.mean((1, 2), keepdims=True)).std())
    left = float((result - result.mean((1, 2), keepdims=True)).std())
    found = sum(_structures(image) for image in result)
    return FromNoise(left / spread if spread > 0 else 0.0, found / (noisy.size / 1e6))


class _Site:
    """One structure in its square of one image.

    Args:
        image: number of the image.
        top: of the square.
        left: of the square.
        kind: of the structure.
        size: of the structure, in pixels.
        draws: decide on its angle.
    """

    def __init__(self, image: int, top: int, left: int, kind: str, size: int, draws: np.random.Generator) -> None:
        self.kind, self.size = kind, size
        self._window = image, slice(top, top + SPACING), slice(left, left + SPACING)
        self._base, self._shape = _drawn(kind, size, float(draws.uniform(0, np.pi)))

    def plant(self, before: Images, after: Images, contrast: float) -> None:
        """Add the structure to `after` and what it stands on to both: dark where it is bright, bright where dark."""
        place = before[self._window]
        sign = -1.0 if place.mean() > 0 else 1.0
        after[self._window] = np.clip(place + sign * contrast * (self._base + self._shape), -1, 1)
        before[self._window] = np.clip(place + sign * contrast * self._base, -1, 1)

    def kept(self, change: Images, given: Images) -> float:
        """The share of the structure that is left."""
        there = float((given[self._window] * self._shape).sum())
        return float((change[self._window] * self._shape).sum()) / there if there else 0.0


def _drawn(kind: str, size: int, angle: float) -> tuple[Mask, Mask]:
    """What a structure stands on, and the structure, in the middle of its square, 0 to 1."""
    y, x = np.mgrid[:SPACING, :SPACING] - (SPACING - 1) / 2
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    radius = np.hypot(x, y)
    nothing = np.zeros((SPACING, SPACING))
    membrane = (np.abs(across) <= (MEMBRANE if kind == "gap" else size) / 2) & (np.abs(along) <= LENGTH / 2)
    if kind == "membrane":
        base, shape = nothing, membrane
    elif kind == "gap":
        gap = membrane & (np.abs(along) <= size / 2)
        base, shape = membrane & ~gap, gap
    elif kind == "vesicle":
        base, shape = nothing, np.abs(radius - size / 2) <= 1
    else:
        base, shape = nothing, radius <= size / 2
    soft = [gaussian_filter(mask.astype(np.float32), SOFT) for mask in (base, shape)]
    return soft[0], soft[1]


def _rounds(images: Images, seed: int) -> list[list[_Site]]:
    """Sites of all kinds and sizes, equally many of each or one more; in several rounds if squares are few."""
    kinds = [(kind.name, size) for kind in KINDS for size in kind.sizes]
    corners = _corners(images)
    needed = -(-len(kinds) // len(corners)) * len(corners)
    draws = np.random.Generator(np.random.Philox(seed))
    places = zip(islice(cycle(corners), needed), cycle(kinds), strict=False)
    sites = [_Site(image, *corner, *kind, draws) for (image, corner), kind in places]
    return [sites[start : start + len(corners)] for start in range(0, needed, len(corners))]


def _corners(images: Images) -> list[tuple[int, tuple[int, int]]]:
    """The squares of all images, image by image in turn, so that each kind comes to many images."""
    tops, lefts = (range(size % SPACING // 2, size - SPACING + 1, SPACING) for size in images.shape[1:])
    return [(number, (top, left)) for top in tops for left in lefts for number in range(len(images))]


def _far_from(given: Images) -> NDArray[np.bool_]:
    """Where nothing was planted nearby."""
    return np.stack([distance_transform_edt(np.abs(image) < 1e-3) > FAR for image in given])


def _structures(image: NDArray[np.float32]) -> int:
    """The number of areas that stand out from their surroundings."""
    out = np.abs(image - median_filter(image, 31)) > 2 * CONTRASTS[0]
    areas, count = label(out)
    sizes = np.bincount(areas.ravel(), minlength=count + 1)[1:]
    return int((sizes >= LEAST_AREA).sum())

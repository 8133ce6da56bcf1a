"""Pairs of noisy and clean patches of all kinds, for a model that shall clean images that it has never seen.

Clean patches differ in specimen, magnification, brightness, contrast and polarity; noise in kind and strength.
Everything is drawn from a seed: the same number gives the same pair.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

from pellucid.simulation.noise import simulate

Image = NDArray[np.float32]
"""(Y, X) from 0 to 1."""

INVERTED = 0.3
"""Share of patches with inverted polarity."""
ENLARGED, LARGEST = 0.3, 2.5
"""Share of patches that are enlarged beyond their own detail, as many microscopes sample, and by how much at most."""


class Texture(NamedTuple):
    """A fine structure that belongs to the truth; some patches get it.

    Attributes:
        share: of the patches.
        deviations: least and largest, white = 1.
        corners: least and largest frequency beyond which its power falls, in cycles per pixel.
    """

    share: float
    deviations: tuple[float, float]
    corners: tuple[float, float]


TISSUE = Texture(0.35, (0.01, 0.08), (0.02, 0.3))
"""As cytoplasm and chromatin have it, and the phantom has not."""
GRAIN = Texture(0.4, (0.004, 0.02), (0.1, 0.5))
"""As clean images have it, too faint to be told from mild noise: in doubt the model keeps it."""


class Specimen(NamedTuple):
    """Clean images of one kind.

    Attributes:
        images: uint8.
        scales: range of the magnification; the smaller, the less is left of the grain of the images.
    """

    images: Sequence[NDArray[np.uint8]]
    scales: tuple[float, float]


@dataclass(frozen=True)
class Examples:
    """A source of pairs.

    Attributes:
        specimens: clean images of each kind; each is taken as often.
        resin: images of noise alone, uint8.
        side: of a patch, in pixels.
    """

    specimens: Sequence[Specimen]
    resin: Sequence[NDArray[np.uint8]]
    side: int

    def pair(self, seed: int, number: int) -> tuple[Image, Image]:
        """A noisy patch and its truth, from 0 to 1."""
        draws = np.random.Generator(np.random.Philox((seed, number)))
        truth = self._clean(draws)
        return np.clip(self._noisy(truth, draws), 0, 1).astype(np.float32), truth

    def _clean(self, draws: np.random.Generator) -> Image:
        specimen = self.specimens[int(draws.integers(len(self.specimens)))]
        image = specimen.images[int(draws.integers(len(specimen.images)))]
        scale = _log_uniform(draws, *specimen.scales)
        enlarged = _log_uniform(draws, 1, LARGEST) if draws.random() < ENLARGED else 1.0
        wide = min(int(np.ceil(self.side / (scale * enlarged))) + 2, *image.shape)
        top, left = (int(draws.integers(size - wide + 1)) for size in image.shape)
        patch = image[top : top + wide, left : left + wide].astype(np.float32) / 255
        smooth = gaussian_filter(patch, 0.6 * np.sqrt(scale**-2 - 1)) if scale < 1 else patch
        patch = zoom(smooth, self.side / wide, order=1 if scale * enlarged < 1 else 3, mode="mirror", grid_mode=True)
        patch = np.rot90(patch[: self.side, : self.side], int(draws.integers(4)))
        low, high = np.quantile(image[::8, ::8], (0.01, 0.99)) / 255
        contrast = (patch[:, ::-1] if draws.random() < 0.5 else patch) - low
        toned = _toned(_textured(contrast / max(high - low, 0.05), TISSUE, draws), draws)
        return np.clip(_textured(toned, GRAIN, draws), 0, 1)

    def _noisy(self, truth: Image, draws: np.random.Generator) -> Image:
        kinds = list(KINDS)
        kind = kinds[draws.choice(len(kinds), p=[share for share, _ in KINDS.values()])]
        return KINDS[kind][1](self, truth, draws)

    def captured(self, truth: Image, draws: np.random.Generator) -> Image:
        """Noise of empty resin, as strong as drawn."""
        image = self.resin[int(draws.integers(len(self.resin)))].astype(np.float32)
        top, left = (int(draws.integers(size - self.side + 1)) for size in image.shape)
        noise = image[top : top + self.side, left : left + self.side] - image.mean()
        return np.asarray(truth + noise / noise.std() * _deviation(draws), np.float32)


def _toned(patch: Image, draws: np.random.Generator) -> Image:
    """Other brightness, contrast, gamma and polarity, of a patch that is mostly between 0 and 1."""
    black, white = draws.uniform(0, 0.35), draws.uniform(0.55, 1)
    patch = np.clip(patch, -0.3, 1.3) * (white - black) + black
    patch = np.clip(patch, 0, 1) ** np.exp(draws.uniform(-0.4, 0.4))
    return np.ascontiguousarray(1 - patch if draws.random() < INVERTED else patch, dtype=np.float32)


def _textured(patch: Image, texture: Texture, draws: np.random.Generator) -> Image:
    """The patch, with the texture if the draw says so."""
    if draws.random() > texture.share:
        return patch
    strength = _log_uniform(draws, *texture.deviations)
    field = _field(len(patch), _log_uniform(draws, *texture.corners), draws.uniform(1, 3), 1.0, draws)
    return np.asarray(patch + strength * _tilted(patch, draws) * field, np.float32)


def _tilted(truth: Image, draws: np.random.Generator) -> Image:
    """A factor about 1 that is larger, or smaller, where it is bright."""
    slope = draws.uniform(-0.8, 0.8)
    return np.asarray(np.clip(1 + slope * (2 * truth - 1), 0.1, None), np.float32)


def _field(side: int, corner: float, steep: float, stretch: float, draws: np.random.Generator) -> Image:
    """A Gaussian field (side, side) of deviation 1, whose power falls beyond a frequency, in cycles per pixel."""
    rows, columns = np.fft.fftfreq(2 * side)[:, None], np.fft.fftfreq(2 * side)[None]
    radius = np.hypot(rows * stretch, columns / stretch)
    amplitude = (1 + (radius / corner) ** 2) ** (-steep / 2)
    white = np.fft.fft2(draws.standard_normal(radius.shape))
    field = np.fft.ifft2(white * amplitude / np.sqrt((amplitude**2).mean())).real
    return np.asarray(field[:side, :side], np.float32)


def _log_uniform(draws: np.random.Generator, least: float, most: float) -> float:
    return float(np.exp(draws.uniform(np.log(least), np.log(most))))


def _deviation(draws: np.random.Generator) -> float:
    """Standard deviation of noise of 10 to 35 dB, white = 1."""
    return float(10 ** (-draws.uniform(10, 35) / 20))


def _simulated(kind: str, least: float, most: float) -> Callable[[Examples, Image, np.random.Generator], Image]:
    """Noise of a simulator, of a strength between two (uniform in its logarithm)."""

    def noisy(_: Examples, truth: Image, draws: np.random.Generator) -> Image:
        strength = _log_uniform(draws, least, most)
        return np.asarray(simulate(truth, kind, strength, int(draws.integers(2**32))), np.float32)

    return noisy


def _correlated(_: Examples, truth: Image, draws: np.random.Generator) -> Image:
    """A Gaussian field of a random spectrum, stronger or weaker where it is bright, along any axis."""
    stretch = float(np.exp(draws.uniform(-1.5, 1.5))) if draws.random() < 0.4 else 1.0
    field = _field(len(truth), _log_uniform(draws, 0.02, 0.4), draws.uniform(0.4, 2), stretch, draws)
    return np.asarray(truth + _deviation(draws) * _tilted(truth, draws) * field, np.float32)


KINDS: dict[str, tuple[float, Callable[[Examples, Image, np.random.Generator], Image]]] = {
    "film": (0.15, _simulated("film", 0.5, 14)),
    "charge": (0.2, _simulated("charge", 0.5, 5)),
    "poisson_gaussian": (0.14, _simulated("poisson_gaussian", 0.018, 0.35)),
    "gaussian": (0.03, _simulated("gaussian", 0.018, 0.3)),
    "line": (0.07, _simulated("line", 0.018, 0.2)),
    "captured": (0.2, Examples.captured),
    "correlated": (0.17, _correlated),
    "none": (0.04, lambda _, truth, __: truth),
}
"""Kinds of noise, with the share of the patches that have it."""

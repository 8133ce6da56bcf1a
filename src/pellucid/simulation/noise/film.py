"""Film noise: the grain, mottle, uneven illumination and dirt of a support film in a transmission microscope.

A multiplicative field of mean about 1. Measured on empty support films (8 tiles of 512×512, as a fraction of the
mean): relative standard deviation 0.037 to 0.078, of which slow (beyond a Gaussian of σ 16 px) 0.020 to 0.068 and fast
0.030 to 0.047; the fast part almost Gaussian (skewness −0.07 to 0.02, excess kurtosis 0.1 to 0.5) and isotropic,
correlated 0.54 to 0.70, 0.28 to 0.50, 0.10 to 0.26 at lags of 1, 2 and 4 px; 0 to 4 dark specks of dirt a tile, 5 to
20 px wide, some with a bright core.
"""

from __future__ import annotations

import numpy as np
from scipy import fft, ndimage

from pellucid.simulation.noise.levels import Pixels

# Measured power by radial frequency (cycles/px), relative to the last band. Below 0.008 what is measured is mostly
# uneven illumination, which `illumination` draws; there the grain goes on at the level of the last figure it owns.
BANDS = (0.002, 0.004, 0.008, 0.016, 0.03, 0.06, 0.12, 0.25, 0.5)
POWER = (350.0, 350.0, 133.0, 80.0, 44.0, 17.0, 3.8, 1.0)
FAST_STD = (0.030, 0.038, 0.047)  # lowest, most frequent, highest
SLOW_STD = (0.018, 0.060)  # of the illumination; the grain's own slow part comes on top
SLOW_SIGMA = 16.0
CAMERA_BLUR = 0.25  # cycles/px where a scintillator camera passes 1/e of the power
TILE = 512 * 512


def film(plane: Pixels, rng: np.random.Generator, strength: float, *, dirt: float = 1.5) -> Pixels:
    """Intensities seen through a film: `plane` times `film_field`.

    Args:
        plane: intensities (Y, X) from 0 to 1.
        rng: where the field comes from.
        strength: 1 is the measured film, 0 none.
        dirt: mean number of specks on 512×512 px.
    """
    return np.asarray(plane * film_field(plane.shape, rng, strength, dirt))


def film_field(shape: tuple[int, ...], rng: np.random.Generator, strength: float = 1.0, dirt: float = 1.5) -> Pixels:
    """Relative intensity (Y, X) behind a film, not negative.

    A strength above 1 stands for a lower dose: the shot noise, blurred by the camera, grows with it, while the film's
    mottle, its dirt and the lamp's unevenness stay as measured. (Scaled alike, mottle and gradients alone would leave
    any denoiser below 26 dB at the benchmark's 19 dB; supervised ones reached about 28 dB on the paper's film noise.)
    Below 1 everything fades together.
    """
    fade = min(strength, 1.0)
    mottle, shot = _grain(shape, rng)
    slow = _illumination(shape, rng)
    specks = _dirt(shape, rng, dirt)
    field = (1 + fade * mottle + strength * shot) * (1 + fade * slow) * specks**fade
    return np.asarray(np.maximum(field, 0))


def _grain(shape: tuple[int, ...], rng: np.random.Generator) -> tuple[Pixels, Pixels]:
    """The film's mottle and the shot noise: Gaussian fields that have the measured spectrum together.

    Their amplitude wanders by some 13 % from place to place.
    """
    y, x = (fft.next_fast_len(n + 64, real=True) for n in shape)  # longer than the plane: opposite edges differ
    frequency = np.hypot(fft.fftfreq(y)[:, None], fft.rfftfreq(x))
    power = _power(frequency)
    fast = power * (1 - np.exp(-2 * (np.pi * SLOW_SIGMA * frequency) ** 2)) ** 2
    weight = np.full(fast.shape[1], 2.0)
    weight[0] = 1
    power /= (fast * weight).sum() / (y * x)
    shot = power * _shot_share(frequency, power)
    amplitude = rng.triangular(*FAST_STD) * (1 + 0.13 * _smooth(shape, 80.0, rng))

    def draw(spectrum: Pixels) -> Pixels:
        white = fft.rfft2(rng.standard_normal((y, x)))
        return np.asarray(amplitude * fft.irfft2(white * np.sqrt(spectrum), s=(y, x))[: shape[0], : shape[1]])

    return draw(power - shot), draw(shot)


def _power(frequency: Pixels) -> Pixels:
    """The measured power at each radial frequency, none at 0."""
    centres = np.sqrt(np.multiply(BANDS[:-1], BANDS[1:]))
    with np.errstate(divide="ignore"):
        power = np.exp(np.interp(np.log(frequency), np.log(centres), np.log(POWER)))
    power *= np.where(frequency > centres[-1], (np.maximum(frequency, 1e-9) / centres[-1]) ** -1.5, 1)
    power[0, 0] = 0
    return np.asarray(power)


def _shot_share(frequency: Pixels, power: Pixels) -> Pixels:
    """Which share of the power is shot noise: all in the last band, and below it what the camera's blur says."""
    last = (frequency > BANDS[-2]) & (frequency <= BANDS[-1])
    blur = np.exp(-((frequency / CAMERA_BLUR) ** 2))
    shot = blur * power[last].mean() / blur[last].mean()
    return np.asarray(np.minimum(np.divide(shot, power, out=np.zeros_like(power), where=power > 0), 1))


def _smooth(shape: tuple[int, ...], scale: float, rng: np.random.Generator) -> Pixels:
    """Gaussian field of unit variance on average, varying over `scale` px."""
    coarse = rng.standard_normal([int(np.ceil(n / scale)) + 3 for n in shape])
    y, x = (np.arange(n) / scale + 1 for n in shape)
    grid = np.stack(np.meshgrid(y, x, indexing="ij"))
    # 151/315 is what cubic B-spline interpolation of independent values keeps of their variance, per axis.
    return np.asarray(ndimage.map_coordinates(coarse, grid, order=3, prefilter=False) * (315 / 151))


def _illumination(shape: tuple[int, ...], rng: np.random.Generator) -> Pixels:
    """Gradient across the plane and vignetting about a point that is off its centre; mean 0."""
    y, x = (np.linspace(-1, 1, n) for n in shape)
    angle = rng.uniform(0, 2 * np.pi)
    gradient = np.sin(angle) * y[:, None] + np.cos(angle) * x
    centre = rng.uniform(-0.5, 0.5, 2)
    vignette = -((y[:, None] - centre[0]) ** 2 + (x - centre[1]) ** 2)
    slow = gradient + rng.uniform(0.2, 0.8) * vignette
    slow -= slow.mean()
    return np.asarray(slow * rng.uniform(*SLOW_STD) / max(float(slow.std()), 1e-12))


def _dirt(shape: tuple[int, ...], rng: np.random.Generator, mean_count: float) -> Pixels:
    """Transmission of specks: 1 beside them."""
    transmission = np.ones(shape)
    tiles = shape[0] * shape[1] / TILE
    count = min(int(rng.poisson(mean_count * tiles)), int(np.ceil(4 * tiles)))
    for _ in range(count):
        speck = _speck(rng)
        top, left = (int(rng.integers(-len(speck) // 2, n - len(speck) // 2)) for n in shape)
        ys = slice(max(top, 0), min(top + len(speck), shape[0]))
        xs = slice(max(left, 0), min(left + len(speck), shape[1]))
        transmission[ys, xs] *= speck[ys.start - top : ys.stop - top, xs.start - left : xs.stop - left]
    return transmission


def _speck(rng: np.random.Generator) -> Pixels:
    """One speck: an irregular outline with a soft edge, dark, now and then with a bright core."""
    radius = rng.uniform(2.5, 8.5)
    half = int(np.ceil(1.8 * radius)) + 2
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(float)
    angle = np.arctan2(y, x)
    lobes = sum(rng.normal(0, 0.22 / k) * np.cos(k * angle + rng.uniform(0, 2 * np.pi)) for k in (1, 2, 3, 4))
    depth = radius * np.maximum(1 + lobes, 0.3) - np.hypot(y, x) * rng.uniform(0.9, 1.2)
    cover = 1 / (1 + np.exp(-2 * depth))
    transmission = 1 - rng.uniform(0.35, 0.75) * cover
    if rng.random() < 0.3:
        core = np.exp(-0.5 * ((y**2 + x**2) / (0.35 * radius) ** 2))
        transmission += rng.uniform(0.4, 0.9) * core
    return np.asarray(transmission)

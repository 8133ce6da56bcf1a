from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from pellucid.data.texture import blockiness, noise_level, ridges, skewness, structure, structure_size
from pellucid.simulation.phantom import tissue


@pytest.fixture(scope="module")
def planes():
    return [tissue((320, 320), seed=seed).astype(float) for seed in range(2)]


def white(seed=0, side=320):
    return np.random.default_rng(seed).normal(0, 1, (side, side))


def correlated(seed=0):
    noise = ndimage.gaussian_filter(white(seed), 1.0)
    return noise / noise.std()


def test_the_noise_level_is_the_deviation_of_white_noise():
    assert noise_level(100 + 20 * white()) == pytest.approx(20, rel=0.06)
    assert noise_level(np.full((80, 80), 7.0)) == 0


def test_the_noise_level_sees_noise_on_tissue_white_or_not(planes):
    for plane in planes:
        quiet = noise_level(plane)
        for noise in (white(), correlated()):
            levels = [noise_level(plane + sigma * noise) for sigma in (15, 30)]
            assert quiet < levels[0] < levels[1]
            assert levels[1] > 1.5 * quiet


@pytest.mark.parametrize("noise", [white(), correlated(), np.abs(white()) ** 0.5, ndimage.gaussian_filter(white(), 4)])
def test_noise_of_any_spectrum_has_no_structure(noise):
    assert abs(structure(noise)) < 0.08


def test_tissue_has_structure_also_below_noise(planes):
    for plane in planes:
        assert structure(plane) > 0.15
        assert structure(plane + 28 * white(seed=3)) > 0.08
    assert structure(np.full((80, 80), 7.0)) == 0


def test_lines_are_dark_or_bright(planes):
    for plane in planes:
        assert ridges(plane) > 0.04
        assert ridges(-plane) == pytest.approx(-ridges(plane))
    assert abs(ridges(white())) < 0.04


def test_skewness_is_signed():
    values = np.random.default_rng(0).gamma(2, 1, (100, 100))
    assert skewness(values) == pytest.approx(2 / np.sqrt(2), rel=0.1)
    assert skewness(-values) == pytest.approx(-skewness(values))
    assert skewness(np.ones((4, 4))) == 0


def test_structures_of_a_magnified_image_are_larger(planes):
    for plane in planes:
        once = structure_size(plane[:256, :256])
        twice = structure_size(ndimage.zoom(plane[32:160, 32:160], 2, order=1))
        assert twice / once > 1.3
        assert structure_size(plane[:256, :256] + 25 * white(side=256)) == pytest.approx(once, rel=0.15)


@pytest.mark.parametrize("offset", [0, 3])
def test_blocks_of_jpeg_are_found_wherever_they_begin(planes, offset):
    for plane in planes:
        file = io.BytesIO()
        Image.fromarray(plane.astype(np.uint8)).save(file, "JPEG", quality=70)
        compressed = np.asarray(Image.open(file)).astype(float)
        assert blockiness(compressed[offset:, offset:]) > 1.3
        assert blockiness(plane) < 1.1


def test_scan_lines_are_no_blocks():
    image = white() + np.where(np.arange(320) % 8 == 0, 5.0, 0.0)
    assert blockiness(image) < 1.1

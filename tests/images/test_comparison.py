"""Warnings are tried on tissue of the phantom, with and without heavy noise: noise alone must not raise any."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from pellucid.images import PixelSize, compare, inspect_source, open_source, write_array
from pellucid.phantom import tissue


@pytest.fixture(scope="module")
def tissues():
    return [tissue((384, 384), seed=seed) for seed in range(4)]


@pytest.fixture(scope="module")
def clean(tissues):
    return inspect_source(open_source(tissues[:2]))


def noisy_inventory(arrays):
    return inspect_source(open_source([np.clip(np.rint(array), 0, 255).astype(np.uint8) for array in arrays]))


def gaussian(array, rng):
    return array + rng.normal(0, 40, array.shape)


def film(array, rng):
    noise = ndimage.gaussian_filter(rng.normal(size=array.shape), 1)
    return array * (1 + 0.2 * noise / noise.std())


def along_lines(array, rng):
    noise = ndimage.gaussian_filter1d(rng.normal(size=array.shape), 0.7, axis=1)
    return array + 30 * noise / noise.std()


def poisson(array, rng):
    return rng.poisson(array / 8.0) * 8


def nothing(array, rng):
    return array


NOISES = [nothing, gaussian, film, along_lines, poisson]


@pytest.mark.parametrize("noise", NOISES)
def test_noise_alone_raises_no_warning(tissues, clean, noise):
    rng = np.random.default_rng(0)
    assert compare(clean, noisy_inventory([noise(array, rng) for array in tissues[2:]])) == []


@pytest.mark.parametrize("noise", NOISES)
def test_opposite_polarity_is_seen_through_noise(tissues, clean, noise):
    rng = np.random.default_rng(0)
    (warning,) = compare(clean, noisy_inventory([noise(255 - array, rng) for array in tissues[2:]]))
    assert warning.startswith("opposite polarity: thin lines, after smoothing, are mostly dark in the clean images")
    assert "invert one of the two" in warning


def test_opposite_tails_are_seen_where_there_are_no_lines():
    rng = np.random.default_rng(0)
    blobs = [ndimage.gaussian_filter(rng.normal(size=(400, 400)), 20) for _ in range(4)]
    dark = [200 - 150 * np.exp(3 * (blob / blob.std() - 2)).clip(0, 1) for blob in blobs]
    first = noisy_inventory(dark[:2])
    second = noisy_inventory([255 - array for array in dark[2:]])
    warnings = compare(first, second)
    assert any("opposite polarity" in warning for warning in warnings), (first.looks, second.looks)
    assert compare(first, noisy_inventory(dark[2:])) == []


@pytest.mark.parametrize(("zoom", "warned"), [(0.8, False), (1.3, False), (4.0, True)])
def test_magnification_is_judged_by_structures_where_pixel_sizes_are_unknown(tissues, clean, zoom, warned):
    other = noisy_inventory([ndimage.zoom(array[:256, :256].astype(float), zoom, order=1) for array in tissues[2:]])
    assert any("perhaps different magnification" in warning for warning in compare(clean, other)) == warned


@pytest.mark.parametrize(("size", "warned"), [(10.5, False), (8.0, True), (20.0, True)])
def test_magnification_by_pixel_size(tmp_path, tissues, size, warned):
    for name, value, array in [("clean", 10.0, tissues[0]), ("noisy", size / 1000, tissues[1])]:
        unit = "nm" if name == "clean" else "µm"
        for number in range(2):
            part = array[:, number * 192 : number * 192 + 192]
            write_array(tmp_path / name / f"{number}.tif", part, pixel_size=PixelSize({"Y": value, "X": value}, unit))
    warnings = compare(*(inspect_source(open_source(tmp_path / name)) for name in ("clean", "noisy")))
    found = [warning for warning in warnings if "different magnification" in warning]
    assert len(found) == warned
    if warned:
        assert f"10 nm in the clean images and {size:g} nm in the noisy ones" in found[0]


def test_known_pixel_sizes_count_more_than_looks(tmp_path, tissues):
    zoomed = [ndimage.zoom(array[:256, :256], 4, order=1) for array in tissues[2:]]
    for name, arrays in [("clean", tissues[:2]), ("noisy", zoomed)]:
        for number, array in enumerate(arrays):
            write_array(tmp_path / name / f"{number}.tif", array, pixel_size=PixelSize({"Y": 5.0, "X": 5.0}, "nm"))
    assert compare(*(inspect_source(open_source(tmp_path / name)) for name in ("clean", "noisy"))) == []


def test_planes_in_both_are_named(tissues, clean):
    (warning,) = compare(clean, inspect_source(open_source([tissues[2], tissues[3], tissues[1]])))
    assert warning.startswith("duplicates: 1 plane is the same in both, pixel by pixel (such as array 1 and array 2)")


def test_too_few_pixels_and_constant_planes(tissues, clean):
    few = inspect_source(open_source([tissues[2][:300, :300], np.full((64, 64), 9, np.uint8)]))
    warnings = compare(clean, few)
    assert any(w.startswith("too few pixels: the noisy images have 0.094 megapixels, at least 0.25") for w in warnings)
    assert any(w.startswith("constant: all pixels are equal in array 1 (noisy)") for w in warnings)
    assert any("the clean images have 0.094" in warning for warning in compare(few, clean))


def test_a_source_of_constant_planes_only_is_compared(clean):
    constant = inspect_source(open_source(np.full((600, 600), 9, np.uint8)))
    assert [warning.split(":")[0] for warning in compare(clean, constant)] == ["constant"]


@pytest.mark.parametrize(("levels", "warned"), [(8, True), (64, False), (256, False)])
def test_very_different_bit_depth(tissues, clean, levels, warned):
    step = 256 // levels
    coarse = inspect_source(open_source([array // step * step for array in tissues[2:]]))
    assert any("very different bit depth" in warning for warning in compare(clean, coarse)) == warned

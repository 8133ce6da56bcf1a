"""Warnings are tried on tissue of the phantom, with and without heavy noise: noise alone must not raise any."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from pellucid.data.inventory import inspect_source
from pellucid.data.source import open_source
from pellucid.data.unpaired_checks import compare
from pellucid.io.pixel_size import PixelSize
from pellucid.io.writing import write_array
from pellucid.simulation.phantom import tissue


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


NOISES = [gaussian, film, along_lines, poisson]


def texts(clean, noisy):
    return [finding.text for finding in compare(clean, noisy)]


def checks(clean, noisy):
    return [finding.check for finding in compare(clean, noisy)]


@pytest.mark.parametrize("noise", NOISES)
def test_noise_alone_raises_no_warning(tissues, clean, noise):
    rng = np.random.default_rng(0)
    assert compare(clean, noisy_inventory([noise(array, rng) for array in tissues[2:]])) == []


@pytest.mark.parametrize("noise", NOISES)
def test_opposite_polarity_is_seen_through_noise(tissues, clean, noise):
    rng = np.random.default_rng(0)
    (warning,) = texts(clean, noisy_inventory([noise(255 - array, rng) for array in tissues[2:]]))
    assert warning.startswith("opposite polarity: thin lines, after smoothing, are mostly dark in the clean images")
    assert "invert one of the two" in warning


def test_opposite_tails_are_seen_where_there_are_no_lines():
    rng = np.random.default_rng(0)
    blobs = [ndimage.gaussian_filter(rng.normal(size=(400, 400)), 20) for _ in range(4)]
    dark = [200 - 150 * np.exp(3 * (blob / blob.std() - 2)).clip(0, 1) + rng.normal(0, 2, blob.shape) for blob in blobs]
    first = noisy_inventory(dark[:2])
    second = noisy_inventory([255 - array for array in dark[2:]])
    assert "polarity" in checks(first, second)
    assert "polarity" not in checks(first, noisy_inventory(dark[2:]))


@pytest.mark.parametrize(("zoom", "warned"), [(0.8, False), (1.3, False), (4.0, True)])
def test_magnification_is_judged_by_structures_where_pixel_sizes_are_unknown(tissues, clean, zoom, warned):
    other = noisy_inventory([ndimage.zoom(array[:320, :320].astype(float), zoom, order=1) for array in tissues[2:]])
    assert any("possibly different magnification" in warning for warning in texts(clean, other)) == warned


def test_tiny_crops_have_no_magnification(tissues, clean):
    rng = np.random.default_rng(0)
    tiny = noisy_inventory([gaussian(array[:100, :120], rng) for array in tissues[2:]])
    assert not {"magnification", "polarity"} & set(checks(clean, tiny))


@pytest.mark.parametrize(("size", "warned"), [(10.5, False), (8.0, True), (20.0, True)])
def test_magnification_by_pixel_size(tmp_path, tissues, size, warned):
    for name, value, array in [("clean", 10.0, tissues[0]), ("noisy", size / 1000, tissues[1])]:
        unit = "nm" if name == "clean" else "µm"
        for number in range(2):
            part = array[:, number * 192 : number * 192 + 192]
            write_array(tmp_path / name / f"{number}.tif", part, pixel_size=PixelSize({"Y": value, "X": value}, unit))
    warnings = texts(*(inspect_source(open_source(tmp_path / name)) for name in ("clean", "noisy")))
    found = [warning for warning in warnings if "different magnification" in warning]
    assert len(found) == warned
    if warned:
        assert f"10 nm in the clean images and {size:g} nm in the noisy ones" in found[0]


def test_known_pixel_sizes_count_more_than_looks(tmp_path, tissues):
    zoomed = [ndimage.zoom(array[:256, :256], 4, order=1) for array in tissues[2:]]
    for name, arrays in [("clean", tissues[:2]), ("noisy", zoomed)]:
        for number, array in enumerate(arrays):
            write_array(tmp_path / name / f"{number}.tif", array, pixel_size=PixelSize({"Y": 5.0, "X": 5.0}, "nm"))
    told = checks(*(inspect_source(open_source(tmp_path / name)) for name in ("clean", "noisy")))
    assert not {"magnification", "pixel size"} & set(told)


def test_planes_in_both_are_named(tissues, clean):
    warning, *_ = texts(clean, inspect_source(open_source([tissues[2], tissues[3], tissues[1]])))
    assert warning.startswith("duplicates: 1 plane is identical in both sources (for example array 1 and array 2)")


def test_too_few_pixels_and_constant_planes(tissues, clean):
    few = inspect_source(open_source([tissues[2][:300, :300], np.full((64, 64), 9, np.uint8)]))
    warnings = texts(clean, few)
    said = "too few pixels: the noisy images have 0.094 megapixels in total; at least 0.25"
    assert any(warning.startswith(said) for warning in warnings)
    assert any(w.startswith("constant: all pixels are equal in array 1 (noisy)") for w in warnings)
    assert any("the clean images have 0.094" in warning for warning in texts(few, clean))


def test_a_source_of_constant_planes_only_is_compared(clean):
    constant = inspect_source(open_source(np.full((600, 600), 9, np.uint8)))
    assert checks(clean, constant) == ["constant"]


@pytest.mark.parametrize("noise", NOISES)
def test_swapped_folders_are_told_by_their_noise(tissues, clean, noise):
    rng = np.random.default_rng(0)
    (warning,) = texts(noisy_inventory([noise(array, rng) for array in tissues[2:]]), clean)
    assert warning.startswith("the clean images look noisier (σ ")
    assert warning.endswith("are --clean and --noisy swapped?")


def test_noisy_images_without_noise_are_told(tissues, clean):
    (warning,) = texts(clean, noisy_inventory(tissues[2:]))
    assert warning.startswith("the noisy images look hardly noisier (σ ")


def test_brightness_and_contrast_of_8_bits_are_compared_noise_aside(tissues, clean):
    rng = np.random.default_rng(0)
    noisy = [gaussian(array, rng) for array in tissues[2:]]
    (dim,) = texts(noisy_inventory([array // 2 for array in tissues[:2]]), noisy_inventory(noisy))
    assert dim.startswith("different brightness: white is at 9")
    assert dim.endswith("stretch the clean images to match")
    (flat,) = texts(clean, noisy_inventory([128 + (array - 128) / 2.5 for array in noisy]))
    assert flat.startswith("different contrast: 2")


def test_images_of_more_bits_are_stretched_anyway(tissues):
    rng = np.random.default_rng(0)
    deep = [(array.astype(np.uint16) * 16) for array in tissues[:2]]
    noisy = [np.clip(gaussian(array, rng), 0, 255).astype(np.uint16) * 257 for array in tissues[2:]]
    assert compare(*(inspect_source(open_source(arrays)) for arrays in (deep, noisy))) == []


def test_noise_without_tissue_is_called_so_and_nothing_else(clean):
    rng = np.random.default_rng(0)
    resin = noisy_inventory([190 + 3 * gaussian(np.zeros((384, 384)), rng) / 40 for _ in range(3)])
    assert checks(clean, resin) == ["no structure"]


def test_pairs_by_accident(tissues, clean):
    rng = np.random.default_rng(0)
    (found,) = compare(clean, noisy_inventory([gaussian(array, rng) for array in (*tissues[2:], tissues[1])]))
    said = "the same area in both: 1 clean image is very similar to a noisy one (for example array 1 "
    assert found.text.startswith(said)
    assert "array 2)" in found.text


def test_masked_images_are_compared_and_a_place_in_both_is_found(tissues):
    rng = np.random.default_rng(0)
    noisy = np.clip(np.stack(tissues[:2]) + rng.normal(0, 30, (2, 384, 384)), 0, 255).astype(np.uint8)
    mask = np.zeros(noisy.shape, bool)
    mask[:, :100, :100] = True
    sources = [np.ma.MaskedArray(np.where(mask, under, stack), mask) for under, stack in ((0, tissues[:2]), (9, noisy))]
    assert checks(*(inspect_source(open_source(source)) for source in sources)) == ["pairs"]

"""Each check both ways: it speaks of what is wrong, and is silent of what is not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from pellucid.data.inventory import inspect_source
from pellucid.data.source import open_source
from pellucid.data.source_checks import check_source
from pellucid.io.pixel_size import PixelSize
from pellucid.io.writing import write_array
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue

BLACK = np.zeros((64, 64), np.uint8)


@pytest.fixture(scope="module")
def planes():
    return [tissue((384, 384), seed=seed) for seed in range(2)]


def check(arrays, name="clean"):
    return check_source(name, inspect_source(open_source(list(arrays))))


def jpeg(plane):
    file = io.BytesIO()
    Image.fromarray(plane).save(file, "JPEG", quality=70)
    return np.asarray(Image.open(file))


def barred(plane):
    plane = plane.copy()
    plane[-30:] = 0
    plane[-20:-8:4, 20:90:3] = 255
    return plane


def blank(seed):
    return np.random.default_rng(seed).normal(120, 9, (384, 384)).round().astype(np.uint8)


def stretched(plane):
    low = np.quantile(plane, 0.077)
    return np.clip((plane - low) * 255.0 / (255 - low), 0, 255).round().astype(np.uint8)


def saturated(plane):
    return np.minimum(plane, int(np.quantile(plane, 0.95))).astype(np.uint8)


def grainy(seed):
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(384, 384)), 1.0)
    return (120 + 8 * noise / noise.std()).round().astype(np.uint8)


def test_nothing_is_said_of_images_as_they_are(planes):
    assert check(planes) == []


@pytest.mark.parametrize("kind", ["film", "gaussian", "poisson", "charge", "speckle"])
def test_nothing_is_said_of_noisy_images(planes, kind):
    assert check([simulate(plane, kind, seed=number) for number, plane in enumerate(planes)], "noisy") == []


@pytest.mark.parametrize(
    ("name", "begins", "alter"),
    [
        ("no structure", "no structure: the clean images look like pure noise", lambda p: [blank(0), blank(1)]),
        ("no structure", "no structure: the clean images look like pure noise", lambda p: [grainy(0), grainy(1)]),
        ("constant", "constant: all pixels are equal in array 2 (clean)", lambda p: [*p, BLACK]),
        ("single image", "a single clean image of 0.36 megapixels", lambda p: [np.tile(p[0][:300, :300], (2, 2))]),
        ("tiny images", "tiny images: some clean images have as few as 40×50 pixels", lambda p: [*p, p[0][:40, :50]]),
        ("repeated", "the same image twice: array 0 and array 2 (clean)", lambda p: [*p, p[0]]),
        ("clipped", "clipped: 8.0 %", lambda p: map(stretched, p)),
        ("clipped", "clipped: 5.", lambda p: map(saturated, p)),
        ("bars", "bars or canvas: 7.8 %", lambda p: map(barred, p)),
        ("compressed", "compressed: the clean images show JPEG's 8×8 blocks", lambda p: map(jpeg, p)),
    ],
)
def test_what_is_wrong_is_said_once(planes, name, begins, alter):
    (found,) = check(alter(planes))
    assert found.check == name
    assert found.text.startswith(begins)
    assert "\n" not in found.text


def test_few_pixels_and_coarse_levels(planes):
    (few,) = check([planes[0][:300, :300], planes[1][:300, :200]])
    assert few.text.startswith("too few pixels: the clean images have 0.15 megapixels in total; at least 0.25 are")
    coarse = check([plane // 32 * 32 for plane in planes])
    assert any(finding.text.startswith("coarse grey levels: the clean images have only 7") for finding in coarse)
    assert check([plane // 4 * 4 for plane in planes]) == []


def test_a_single_noisy_image_is_enough_for_methods_that_learn_from_it(planes):
    assert check([np.tile(planes[0], (2, 1))], "noisy") == []


def test_a_volume_is_no_single_image(planes):
    assert check([np.stack(planes)]) == []


@pytest.mark.parametrize(("second", "warned"), [(10.5, False), (5.0, True)])
def test_pixel_sizes_of_one_folder(planes, tmp_path, second, warned):
    for number, (plane, size) in enumerate(zip(planes, (10.0, second), strict=True)):
        write_array(tmp_path / f"{number}.tif", plane, pixel_size=PixelSize({"Y": size, "X": size}, "nm"))
    found = check_source("clean", inspect_source(open_source(tmp_path)))
    assert [finding.check for finding in found] == ["mixed magnification"] * warned


def test_tiny_crops_that_hold_nothing_but_cytoplasm_are_not_called_noise():
    crops = [blank(seed)[:96, :96] for seed in range(4)]
    assert "no structure" not in [finding.check for finding in check(crops)]


def test_clipped_noise_is_told_beside_a_bar():
    image = np.random.default_rng(0).normal(20, 40, (256, 256)).clip(0, 255).round().astype(np.uint8)
    image[-16:] = 255
    assert "clipped" in [finding.check for finding in check([image], "noisy")]

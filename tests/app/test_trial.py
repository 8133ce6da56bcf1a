"""Methods tried on a part of an image."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid
from pellucid.app.tiles import Box
from pellucid.app.trial import MOST, Trials, part_in_view
from pellucid.errors import InputError
from pellucid.io.writing import write_array
from pellucid.simulation.phantom import tissue


@pytest.fixture
def part(workplace, tmp_path):
    clean = tissue((64, 64)).astype(float)
    noisy = np.clip(clean + np.random.default_rng(1).normal(0, 20, clean.shape), 0, 255).astype(np.uint8)
    write_array(tmp_path / "images" / "a.tif", noisy)
    return part_in_view(workplace.images, workplace.images.open(str(tmp_path / "images" / "a.tif")), 0, None)


@pytest.mark.parametrize(
    ("view", "top", "left", "shape"),
    [
        (None, 308, 608, (MOST, MOST)),
        (Box(100, 200, 80, 90), 200, 100, (90, 80)),
        (Box(-500, -500, 600, 600), 0, 0, (100, 100)),
        (Box(1590, 990, 400, 400), 936, 1536, (64, 64)),
        (Box(0, 0, 1600, 1000), 308, 608, (MOST, MOST)),
    ],
)
def test_the_part_is_the_middle_of_what_is_in_view(workplace, tmp_path, view, top, left, shape):
    pixels = np.arange(1000 * 1600, dtype=np.uint32).reshape(1000, 1600)
    write_array(tmp_path / "images" / "a.tif", pixels)
    part = part_in_view(workplace.images, workplace.images.open(str(tmp_path / "images" / "a.tif")), 0, view)
    assert (part.top, part.left, part.pixels.shape) == (top, left, shape)
    assert np.array_equal(part.pixels, pixels[top : top + shape[0], left : left + shape[1]])


def test_a_filter_gives_what_denoising_gives(part):
    trial = Trials().filter("gaussian", part)
    assert np.array_equal(trial.result, pellucid.denoise(part.pixels, recipe="gaussian"))
    assert "removed noise" in trial.said
    assert trial.result.dtype == np.uint8


def test_the_model_in_the_box_gives_what_denoising_the_file_gives(part, tmp_path):
    trials = Trials()
    trial = trials.model("em", part)
    assert np.array_equal(trial.result, pellucid.denoise(part.pixels))
    assert trials.load("em") is trials.load("em")


def test_warnings_name_nothing_that_a_page_does_not_have(part):
    flat = part._replace(pixels=part.pixels // 8 * 8)
    for name in ("gaussian", "median"):
        assert not any("--" in text for text in Trials().filter(name, flat).warnings)


def test_what_learns_for_minutes_is_not_tried(part):
    with pytest.raises(InputError, match="is not tried here"):
        Trials().filter("self2self", part)


def test_a_model_of_other_pixels_is_refused(part, trained, workplace, tmp_path):
    write_array(tmp_path / "images" / "b.tif", part.pixels.astype(np.uint16))
    other = part_in_view(workplace.images, workplace.images.open(str(tmp_path / "images" / "b.tif")), 0, None)
    with pytest.raises(InputError, match="was trained on"):
        Trials().model(str(trained), other)

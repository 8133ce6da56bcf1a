"""Methods tried on a part of an image."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid
from pellucid.app.tiles import Box
from pellucid.app.trial import MOST, Trials, part_in_view
from pellucid.data.intensity_range import IntensityRange
from pellucid.errors import InputError
from pellucid.io.writing import write_array
from pellucid.methods import build_denoiser, make_recipe
from pellucid.model import Model
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


def test_a_model_of_slices_sees_those_around_the_part(workplace, tmp_path, monkeypatch):
    recipe = make_recipe("student", settings={"slices": 3, "width": 4, "depth": 2})
    model = Model(recipe, build_denoiser(recipe), IntensityRange.from_limits(0, 255), device="cpu")
    monkeypatch.setattr(Trials, "load", lambda _self, _name: model)
    noisy = np.random.default_rng(0).integers(1, 255, (4, 64, 64), dtype=np.uint8)
    for name, pixels in {"volume": noisy, "slice": noisy[1]}.items():
        write_array(tmp_path / "images" / f"{name}.tif", pixels)
    opened = workplace.images.open(str(tmp_path / "images" / "volume.tif"))
    for plane in (0, 2):
        part = part_in_view(workplace.images, opened, plane, None)
        assert np.array_equal(Trials().model("any", part).result, model.denoise(noisy)[plane])
    alone = workplace.images.open(str(tmp_path / "images" / "slice.tif"))
    trial = Trials().model("any", part_in_view(workplace.images, alone, 0, None))
    assert any("is a single slice" in text for text in trial.warnings)
    assert np.array_equal(trial.result, model.denoise(noisy[1]))

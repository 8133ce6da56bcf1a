from __future__ import annotations

import numpy as np
import pytest

from pellucid.assessment.flicker import flicker_of, measure_flicker, neighbours
from pellucid.data.intensity_range import IntensityRange
from pellucid.data.source import open_source
from pellucid.simulation.phantom import tissue

from .made import DEVIATION, specimens

COUNT = 8
RANGE = IntensityRange.from_limits(-1, 1)
JUMPS = np.random.default_rng(3).normal(size=COUNT).astype(np.float32)[:, None, None]


@pytest.fixture(scope="module")
def sections():
    return (tissue((COUNT, 128, 128), seed=2) / 127.5 - 1).astype(np.float32)


def noisy_of(sections):
    noise = np.random.default_rng(0).normal(0, DEVIATION, sections.shape)
    return (sections + noise).astype(np.float32)


def test_a_steady_result_does_not_flicker(sections):
    found = flicker_of(noisy_of(sections), sections)
    assert found.known
    assert found.alike > 0.8
    assert not found.in_brightness
    assert not found.in_contrast
    assert found.noise == pytest.approx(DEVIATION, rel=0.02)
    assert found.by_chance == pytest.approx(np.sqrt(2) * DEVIATION / 128, rel=0.3)


def test_brightness_that_the_model_adds_flickers(sections):
    found = flicker_of(noisy_of(sections), sections + 0.05 * JUMPS)
    true = np.sqrt((np.diff(0.05 * JUMPS[:, 0, 0]) ** 2).mean())
    assert found.brightness.added == pytest.approx(true, rel=0.15)
    assert found.in_brightness
    assert not found.in_contrast


def test_contrast_that_the_model_changes_flickers(sections):
    mean = sections.mean((1, 2), keepdims=True)
    found = flicker_of(noisy_of(sections), mean + (sections - mean) * (1 + 0.1 * JUMPS))
    assert found.in_contrast
    assert not found.in_brightness


@pytest.mark.parametrize("kept", [1.0, 1.1, 0.0])
def test_steps_of_the_specimen_are_no_flicker_whether_they_are_kept_or_evened_out(sections, kept):
    """Milling steps and charging: in the noisy images by 0.2, in the result as much, a little more, or not at all."""
    found = flicker_of(noisy_of(sections + 0.2 * JUMPS), sections + kept * 0.2 * JUMPS)
    assert found.brightness.noisy > 0.1
    assert not found.in_brightness
    assert not found.in_contrast


def test_images_of_different_places_tell_nothing():
    others = np.stack(specimens(4, 128, 7))
    found = flicker_of(noisy_of(others), others + 0.2 * JUMPS[:4])
    assert not found.known
    assert not found.in_brightness
    assert not found.in_contrast


def test_neighbours_are_from_the_middle_of_the_longest_series():
    volume = np.random.default_rng(0).uniform(size=(20, 64, 64)).astype(np.float32)
    found = neighbours(open_source([volume, volume[:3]]).planes)
    assert [plane.index for plane in found] == [(z,) for z in range(4, 16)]
    images = open_source(list(volume[:5])).planes
    assert [plane.name for plane in neighbours(images)] == [plane.name for plane in images]


def test_a_volume_is_denoised_at_one_place_of_its_sections(sections):
    volume = open_source(noisy_of(sections)).planes
    given = []

    def denoise(images):
        given.append(images)
        return sections + 0.05 * JUMPS

    found = measure_flicker(neighbours(volume), RANGE, denoise)
    assert found.in_brightness
    np.testing.assert_allclose(given[0], noisy_of(sections), atol=1e-5)


def test_few_or_small_sections_are_not_measured(sections):
    few, small = open_source(sections[:3]).planes, open_source(sections[:, :60]).planes
    assert measure_flicker(few, RANGE, None) is None
    assert measure_flicker(small, RANGE, None) is None

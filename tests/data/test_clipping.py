from __future__ import annotations

import numpy as np
import pytest

from pellucid.data.clipping import LEAST, Clipping, clipping_of
from pellucid.simulation.phantom import tissue


@pytest.fixture(scope="module")
def noisy():
    """Dark tissue with strong noise, not clipped, about 0 to 255."""
    truth = tissue((256, 256), seed=0).astype(float) - 60
    return truth + np.random.default_rng(0).normal(0, 40, truth.shape)


def as_bytes(image):
    return np.clip(image, 0, 255).round().astype(np.uint8)


def test_noise_that_a_file_clips_is_counted_at_the_end_where_it_is(noisy):
    image = as_bytes(noisy)
    found = clipping_of([image])
    assert found.matters
    assert 0.8 * (image == 0).mean() < found.black <= (image == 0).mean()
    assert (found.white < LEAST, found.lowest) == (True, 0)
    assert f"{100 * found.black:.1f} % of the pixels at 0 (black): what lay beyond cannot be restored" in found.text
    assert "white" not in found.text


def test_clipping_at_both_ends_is_told_of_any_type(noisy):
    image = np.clip(noisy, 20, 120).astype(np.float32)
    found = clipping_of([image])
    assert (found.lowest, found.highest) == (20, 120)
    assert min(found.black, found.white) > LEAST
    assert "at 20 (black) and" in found.text
    assert "at 120 (white)" in found.text


def test_noise_that_is_not_clipped_is_not_told(noisy):
    for image in (noisy, as_bytes(0.4 * noisy + 110), as_bytes(tissue((256, 256), seed=0))):
        assert not clipping_of([image]).matters


def test_masks_canvas_and_bars_are_not_clipped_noise(noisy):
    bright = as_bytes(0.4 * noisy + 110)
    y, x = np.mgrid[:256, :256]
    masked = np.where(np.hypot(y - 120, x - 130) < 110, bright, 0)
    canvas = bright.copy()
    canvas[:, :40] = 0
    specks = bright.copy()
    for top, left in np.random.default_rng(0).integers(0, 240, (60, 2)):  # smaller than what counts as padding
        specks[top : top + 12, left : left + 12] = 0
    assert not clipping_of([masked]).matters
    assert not clipping_of([canvas]).matters
    share = (specks == 0).mean()
    assert clipping_of([specks]).black < 0.4 * share


@pytest.mark.parametrize("rows", [3, 5, 10])
def test_a_black_border_does_not_hide_clipped_noise(noisy, rows):
    image = as_bytes(noisy)
    image[:rows] = 0
    found = clipping_of([image])
    assert found.black == pytest.approx(clipping_of([as_bytes(noisy)]).black, rel=0.1)
    assert found.lowest == 0


def test_a_bar_with_letters_is_not_clipped_noise(noisy):
    image = as_bytes(0.4 * noisy + 110)
    image[-10:] = 0
    image[-8:-3, 20:120:3] = 255
    assert clipping_of([image]) == Clipping()


def test_broken_pixels_beyond_the_clipped_level_do_not_hide_it(noisy):
    dark = np.maximum(noisy + 100, 100).round().astype(np.uint16)
    dark[100, 100] = 0
    bright = np.minimum(4080 - noisy, 4080).round().astype(np.uint16)
    bright[100, 100] = 65535
    below, above = clipping_of([dark]), clipping_of([bright])
    assert (below.black, below.lowest) == (pytest.approx((dark == 100).mean(), rel=0.2), 100)
    assert (above.white, above.highest) == (pytest.approx((bright == 4080).mean(), rel=0.2), 4080)


@pytest.mark.parametrize("photons", [0.1, 0.5, 3, 30])
def test_photon_counts_are_not_clipped(photons):
    brightness = 0.5 + tissue((256, 256), seed=0) / 255
    counts = np.random.default_rng(0).poisson(photons * brightness).astype(np.uint16)
    assert not clipping_of([counts]).matters


def test_two_values_are_not_clipped_noise():
    assert not clipping_of([np.random.default_rng(0).random((256, 256)) < 0.1]).matters


def test_the_value_is_named_only_if_images_agree(noisy):
    one, other, sound = np.maximum(noisy, 20).round(), np.maximum(noisy, 40).round(), as_bytes(0.4 * noisy + 110)
    assert clipping_of([one, sound - 100.0]).lowest == 20
    both = clipping_of([one, other])
    assert both.lowest is None
    assert f"{100 * both.black:.1f} % of the pixels at black: what" in both.text


def test_nothing_is_told_of_planes_that_are_constant_or_tiny():
    assert clipping_of([np.zeros((256, 256)), np.zeros((10, 10))]) == Clipping()

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pellucid.data import sample
from pellucid.data.intensity_range import BlankError, IntensityRange, _percentile
from pellucid.data.sample import sample_pixels
from pellucid.data.source import open_source
from pellucid.errors import InputError


def test_eight_bits_are_the_papers_scale():
    array = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for intensity_range in (IntensityRange.from_dtype("uint8"), IntensityRange.from_source([array])):
        assert (intensity_range.low, intensity_range.high, intensity_range.how) == (0.0, 255.0, "dtype")
        unit = intensity_range.normalize(array)
        assert unit.dtype == np.float32
        np.testing.assert_allclose(unit, array / 255 * 2 - 1, atol=1e-7)


@given(hnp.arrays(st.sampled_from(["uint8", "int8", "uint16", "int16"]), (4, 5)))
def test_integers_come_back_exactly(array):
    intensity_range = IntensityRange.from_dtype(array.dtype)
    back = intensity_range.denormalize(intensity_range.normalize(array))
    np.testing.assert_array_equal(np.rint(back).astype(array.dtype), array)


ordinary = st.floats(-1e6, 1e6, width=32)


@given(hnp.arrays(np.float32, (3, 4), elements=ordinary), st.floats(-1e6, 1e6), st.floats(1, 1e6))
def test_floats_come_back_to_rounding_whatever_the_limits(array, low, width):
    intensity_range = IntensityRange.from_limits(low, low + width)
    unit = intensity_range.normalize(array)
    exact = (array.astype(float) - low) / width * 2 - 1  # rounded in float32, before the 1 is subtracted and after
    np.testing.assert_allclose(unit, exact, rtol=1e-6, atol=1e-6 * (1 + (abs(low) + 1) / width))
    np.testing.assert_allclose(intensity_range.denormalize(unit), array, rtol=1e-5, atol=1e-5 * (abs(low) + width))


def test_what_lies_outside_is_not_clipped():
    intensity_range = IntensityRange.from_limits(0, 10)
    np.testing.assert_array_equal(intensity_range.normalize(np.array([-10, 0, 5, 10, 20])), [-3, -1, 0, 1, 3])
    np.testing.assert_array_equal(intensity_range.denormalize(np.array([-3.0, 1.0, 2.0])), [-10, 10, 15])


def test_large_numbers_keep_their_differences():
    array = np.array([[4_000_000_001, 4_000_000_003]], np.uint32)
    np.testing.assert_array_equal(IntensityRange.from_limits(4e9, 4e9 + 4).normalize(array), [[-0.5, 0.5]])


def test_percentiles_leave_outliers_out():
    array = np.random.default_rng(0).permutation(np.linspace(1000, 2000, 90_000)).reshape(300, 300).astype(np.uint16)
    array[0, 0], array[0, 1] = 0, 65535
    intensity_range = IntensityRange.from_source([array])
    low, high = np.percentile(array, [0.1, 99.9])
    assert (intensity_range.low, intensity_range.high) == (low, high)
    assert intensity_range.how == "percentile 0.1–99.9 of 90,000 pixels, seed 0"


def test_a_large_source_is_sampled_alike_every_time():
    arrays = [np.random.default_rng(n).normal(100, 10, (700, 800)).astype(np.float32) for n in range(3)]
    first, second = IntensityRange.from_source(arrays), IntensityRange.from_source(arrays)
    assert first == second
    assert first.how == "percentile 0.1–99.9 of 1,000,000 pixels, seed 0"
    assert first.low == pytest.approx(100 - 30.9, abs=0.7)
    assert first.high == pytest.approx(100 + 30.9, abs=0.7)


def test_files_and_arrays_give_the_same(tmp_path, picture):
    array = picture((3, 40, 50), "uint16")
    np.save(tmp_path / "a.npy", array)
    assert IntensityRange.from_source(open_source(tmp_path)) == IntensityRange.from_source(list(array))


def test_a_nearly_constant_sample_takes_its_extremes():
    intensity_range = _percentile(np.array([0.0] * 9_999 + [7]))
    assert (intensity_range.low, intensity_range.high) == (0, 7)
    assert intensity_range.how == "smallest and largest of 10,000 pixels, seed 0"


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_a_constant_image_is_refused(dtype):
    with pytest.raises(InputError, match="the array and 1 more: contains only areas of one value"):
        IntensityRange.from_source([np.full((20, 20), 7, dtype)] * 2)


@pytest.mark.parametrize("padding", [0, 65535, np.nan, np.inf])
def test_padding_and_pixels_that_are_not_finite_do_not_count(padding):
    random = np.random.default_rng(0)
    image = random.normal(1000, 50, (80, 100)).astype(np.float32)
    padded = np.full((200, 160), padding, np.float32)
    padded[30:110, 40:140] = image
    alone, amid = (
        IntensityRange.from_source(pages) for pages in ([image], [padded, np.full((50, 50), padding, np.float32)])
    )
    assert (amid.low, amid.high) == (alone.low, alone.high)


def test_images_count_by_what_they_show():
    """A plane that is half padding gives half as many pixels to a sample."""
    dark, bright = (np.random.default_rng(0).integers(low, low + 50, (200, 200)) for low in (0, 200))
    bright[:, :100] = 0
    sample = sample_pixels([dark.astype(np.uint8), bright.astype(np.uint8)], pixels=4000)
    assert (sample >= 200).sum() == 1000
    assert sample.size == 3000


def test_what_networks_are_shown_is_finite():
    shown = IntensityRange.from_limits(0, 2).network_input(np.array([[0, np.nan, 2], [np.inf, -np.inf, 1]], np.float32))
    np.testing.assert_array_equal(shown, [[-1, 0, 1], [0, 0, 0]])


@pytest.mark.parametrize(("low", "high"), [(1, 1), (2, 1), (0, float("inf")), (float("nan"), 1)])
def test_limits_must_be_two_numbers_in_order(low, high):
    with pytest.raises(InputError, match="give two finite numbers, the lower first"):
        IntensityRange.from_limits(low, high)


def test_floats_have_no_range_of_their_own():
    with pytest.raises(InputError, match="use percentiles or give low and high"):
        IntensityRange.from_dtype("float32")
    with pytest.raises(InputError, match="use percentiles"):
        IntensityRange.from_source([np.random.default_rng(0).random((20, 20), np.float32)], "dtype")


def test_unknown_methods_and_empty_sources_are_refused():
    with pytest.raises(InputError, match="unknown method 'minmax'; use auto, dtype or percentile"):
        IntensityRange.from_source([np.eye(20)], "minmax")
    with pytest.raises(InputError, match="no images"):
        IntensityRange.from_source([])


def test_it_is_stored_as_plain_values_and_cannot_be_changed():
    intensity_range = IntensityRange.from_limits(-3, 9.5)
    plain = intensity_range.model_dump()
    assert plain == {"low": -3.0, "high": 9.5, "how": "given"}
    assert IntensityRange(**plain) == intensity_range
    assert IntensityRange.model_validate_json(intensity_range.model_dump_json()) == intensity_range
    with pytest.raises(ValueError, match="frozen"):
        intensity_range.low = 0


def _around(value, shape):
    """Noise of up to nine above a value."""
    return np.random.default_rng(value).integers(value, value + 10, shape).astype(np.uint16)


def test_a_sample_takes_its_share_of_every_plane():
    pages = [_around(10 * n, (100, 100 * (n + 1))) for n in range(4)]
    counts = np.bincount(sample_pixels(pages, pixels=1000) // 10)
    np.testing.assert_array_equal(counts, [100, 200, 300, 400])


def test_many_planes_are_sampled_evenly():
    pages = [_around(10 * n, (20, 20)) for n in range(1000)]
    sample = sample_pixels(pages, pixels=5120) // 10
    values, counts = np.unique(sample, return_counts=True)
    assert len(values) == 256
    assert (values[0], values[-1]) == (0, 999)
    assert set(counts) == {20}


def test_an_empty_stack_is_not_read_to_its_end(monkeypatch):
    read = []
    monkeypatch.setattr(sample, "image_pixels", lambda array: read.append(array) or array[:0, 0])
    with pytest.raises(BlankError):
        IntensityRange.from_source([np.zeros((16, 16), np.uint16)] * 50_000)
    assert len(read) <= 256 + 1024

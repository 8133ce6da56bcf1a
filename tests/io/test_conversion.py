from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pellucid.errors import InputError
from pellucid.io.conversion import ClipReport, Conversion

INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32")
wide = st.floats(-1e10, 1e10, allow_nan=False, width=32)


def test_halves_go_to_the_even_number():
    values = np.array([[0.5, 1.5, 2.5, -0.4, 254.5, 255.4]], np.float32)
    convert = Conversion("uint8")
    np.testing.assert_array_equal(convert(values), [[0, 2, 2, 0, 254, 255]])
    assert convert.report == ClipReport(0, 6)


@given(hnp.arrays(np.float32, (3, 4), elements=wide), st.sampled_from(INTEGERS))
def test_result_and_count_are_those_of_python_integers(array, dtype):
    limits = np.iinfo(dtype)
    rounded = [round(float(x)) for x in array.ravel()]
    convert = Conversion(dtype)
    result = convert(array)
    assert result.dtype == dtype
    assert result.ravel().tolist() == [min(max(x, int(limits.min)), int(limits.max)) for x in rounded]
    assert convert.report == ClipReport(sum(not limits.min <= x <= limits.max for x in rounded), 12)


@given(hnp.arrays(st.sampled_from(INTEGERS), (5, 4)))
def test_the_own_dtype_passes_untouched(array):
    convert = Conversion(array.dtype)
    assert convert(array) is array
    assert convert.report == ClipReport(0, 20)


def test_integers_clip_into_smaller_ones():
    convert = Conversion("uint8")
    np.testing.assert_array_equal(convert(np.array([[-5, 0, 255, 300]], np.int32)), [[0, 0, 255, 255]])
    assert convert.report == ClipReport(2, 4)


def test_float16_clips_at_its_range():
    convert = Conversion("float16")
    assert convert(np.array([[1e6, 0.25]], np.float32)).tolist() == [[65504.0, 0.25]]
    assert convert.report == ClipReport(1, 2)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_values_that_are_not_finite_are_refused(bad, dtype):
    with pytest.raises(InputError, match=r"out\.tif: has NaN or infinite pixels \(1"):
        Conversion(dtype)(np.array([[1.0, bad]], np.float32), "out.tif")


def test_reports_add_up_over_planes():
    convert = Conversion("uint8")
    convert(np.full((100, 50), 300.0, np.float32)[:1, :2])
    convert(np.zeros((100, 99), np.float32))
    assert convert.report == ClipReport(2, 9902)
    assert str(convert.report) == "0.02 % of the result clipped"
    assert convert.report.share == pytest.approx(2 / 9902)


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (ClipReport(), "result not clipped"),
        (ClipReport(0, 10), "result not clipped"),
        (ClipReport(1, 10**6), "less than 0.01 % of the result clipped"),
        (ClipReport(1, 1), "100.00 % of the result clipped"),
    ],
)
def test_a_report_in_words(report, said):
    assert str(report) == said

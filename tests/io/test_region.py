from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.errors import InputError
from pellucid.io.region import parse_region

WHOLE = {"T": slice(0, 2), "C": slice(0, 3), "Z": slice(0, 10), "Y": slice(0, 20), "X": slice(0, 30)}
SHAPE = (2, 3, 10, 20, 30)


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("1:4,2:20,0:30", {"Z": slice(1, 4), "Y": slice(2, 20)}),
        ("2:5,3:9", {"Y": slice(2, 5), "X": slice(3, 9)}),
        (":,:,:", {}),
        (" 9: , -5:-1 , :7 ", {"Z": slice(9, 10), "Y": slice(15, 19), "X": slice(0, 7)}),
        ("-10:,:20,-30:-29", {"X": slice(0, 1)}),
    ],
)
def test_a_region_is_read_as_python_reads_slices(text, chosen):
    assert parse_region(text, "TCZYX", SHAPE) == WHOLE | chosen


@given(st.integers(1, 50), st.data())
def test_whatever_lies_inside_is_what_numpy_gives(size, data):
    ends = st.none() | st.integers(-size, size)
    start, stop = data.draw(ends), data.draw(ends)
    text = f"{'' if start is None else start}:{'' if stop is None else stop},:"
    expected = np.arange(size)[start:stop]
    if expected.size:
        assert parse_region(text, "YX", (size, 5))["Y"] == slice(expected[0], expected[-1] + 1)
    else:
        with pytest.raises(InputError, match="empty"):
            parse_region(text, "YX", (size, 5))


def test_an_image_without_depth_takes_two_parts():
    assert parse_region("1:2,3:4", "CYX", (3, 20, 30)) == {"C": slice(0, 3), "Y": slice(1, 2), "X": slice(3, 4)}
    with pytest.raises(InputError, match=r"region '1:2,1:2,3:4': has 3 parts.*axes CYX; give y0:y1,x0:x1$"):
        parse_region("1:2,1:2,3:4", "CYX", (3, 20, 30))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has 1 parts.*give z0:z1,y0:y1,x0:x1"),
        ("1:2", "has 1 parts"),
        ("1:2,1:2,1:2,1:2", "has 4 parts"),
        ("1:2,1:2,5", "'5' is not a range along X; write start:stop, in pixels"),
        ("1:2,1:2:2,:", "'1:2:2' is not a range along Y"),
        ("a:b,:,:", "'a:b' is not a range along Z"),
        ("1.5:2,:,:", "'1.5:2' is not a range"),
        ("0:11,:,:", "0:11 lies outside Z, which is 10 pixels long"),
        (":,-21:,:", "-21: lies outside Y, which is 20 pixels long"),
        (":,:,31:", "31: lies outside X"),
        ("4:4,:,:", "4:4 is empty along Z"),
        ("5:4,:,:", "5:4 is empty along Z; the start must be before the stop"),
        (":,:,30:", "30: is empty along X"),
    ],
)
def test_what_is_no_region_is_said_in_one_line(text, said):
    with pytest.raises(InputError, match=said) as caught:
        parse_region(text, "ZYX", (10, 20, 30))
    assert "\n" not in str(caught.value)

from __future__ import annotations

import pytest

from pellucid.app.numbers import duration, parse_number
from pellucid.errors import InputError


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.5", 0.5), ("0,5", 0.5), (" 10 ", 10.0), ("1 000", 1000.0), ("1\N{NO-BREAK SPACE}000,5", 1000.5), (3, 3.0)],
)
def test_a_comma_and_a_point_are_the_same(text, value):
    assert parse_number(text, "minutes") == value


@pytest.mark.parametrize("text", ["", "  ", None])
def test_an_empty_field_says_nothing(text):
    assert parse_number(text, "minutes") is None


@pytest.mark.parametrize("text", ["ten", "1,000.5", "1.000,5", "-3", "0", "nan", "inf", "1,0,0"])
def test_what_could_mean_two_things_is_refused(text):
    with pytest.raises(InputError, match=r"minutes .*write a positive number"):
        parse_number(text, "minutes")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.4, "59 s"), (61, "1 min 1 s"), (750, "12 min"), (3700, "1 h 1 min"), (-5, "0 s")],
)
def test_times_in_words(seconds, words):
    assert duration(seconds) == words

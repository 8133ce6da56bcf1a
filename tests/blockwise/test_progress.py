from __future__ import annotations

import pytest

from pellucid.blockwise.progress import PrintedTime, time_text


@pytest.fixture
def work(clock):
    """A told time of 1,000 s and 100 planes: what is said when one takes so long after so much measuring."""

    def run(plane, measuring=0.0, planes=100):
        said, advanced = [], []
        told = PrintedTime(1000, said.append, clock)
        clock.now += measuring
        advance = told.watched(advanced.append, 100)
        for number in range(planes):
            clock.now += plane(number) if callable(plane) else plane
            advance(1)
        assert advanced == [1] * planes
        return said

    return run


@pytest.mark.parametrize("seconds", [7, 10, 14])
def test_a_time_that_was_right_is_not_told_again(seconds, work):
    assert work(seconds) == []


@pytest.mark.parametrize(("seconds", "whole"), [(20, "33 min"), (5, "8 min")])
def test_a_time_that_was_wrong_is_told_again_once(seconds, whole, work):
    assert work(seconds) == [f"new estimate: about {whole} in all, not 17 min"]


def test_it_is_told_once_more_when_it_turns_out_wrong_again(work):
    said = work(lambda number: 20 if number < 50 else 100)
    assert len(said) == 3
    assert said[0].startswith("new estimate: about 33 min")
    assert said[1].startswith("new estimate: about 52 min in all, not 33 min")


def test_what_was_measured_before_comes_once(work):
    assert work(7, measuring=600) == []
    assert work(1, measuring=1900) == ["new estimate: about 33 min in all, not 17 min"]


def test_nothing_is_said_of_the_first_minute(work):
    assert work(11.9, planes=5) == []  # 5 planes, 59.5 s
    assert work(100, planes=4) == []  # 4 of 100 planes tell little
    assert len(work(100, planes=5)) == 1


@pytest.mark.parametrize(("seconds", "text"), [(89, "89 s"), (600, "10 min"), (7200, "2.0 h"), (400000, "4.6 days")])
def test_times_for_people(seconds, text):
    assert time_text(seconds) == text

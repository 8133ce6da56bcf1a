from __future__ import annotations

import threading
import time
import weakref

import numpy as np
import pytest

from pellucid.data.patches import prefetch
from pellucid.data.patches.prefetch import STEPS


def test_batches_are_those_that_were_asked_for():
    with prefetch(lambda number: 10 * number) as batches:
        assert [batches(number) for number in (5, 6, 7, 2, 3, 100, 8)] == [50, 60, 70, 20, 30, 1000, 80]


def test_the_next_batches_are_drawn_before_they_are_asked_for():
    drawn = {number: threading.Event() for number in range(1, 20)}
    with prefetch(lambda number: drawn[number].set()) as batches:
        batches(1)
        for number in range(1, STEPS + 2):
            assert drawn[number].wait(10)
        assert not drawn[STEPS + 2].is_set()


def test_each_is_drawn_once():
    drawn = []
    with prefetch(drawn.append) as batches:
        for number in range(1, 9):
            batches(number)
    assert len(drawn) == len(set(drawn))


def test_batches_that_were_taken_are_not_kept():
    with prefetch(lambda number: np.zeros(number)) as batches:
        first = weakref.ref(batches(1))
        end = time.monotonic() + 10
        while first() is not None:
            assert time.monotonic() < end
            time.sleep(0.01)  # the thread that drew it lets go of it, too


def test_what_goes_wrong_is_told_at_the_step_that_needs_it():
    def draw(number):
        if number == 3:
            raise OSError("the disk is gone")
        return number

    with prefetch(draw) as batches:
        assert [batches(1), batches(2)] == [1, 2]
        with pytest.raises(OSError, match="gone"):
            batches(3)


def test_no_thread_stays_behind():
    with prefetch(lambda number: number) as batches:
        batches(1)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("batches")]

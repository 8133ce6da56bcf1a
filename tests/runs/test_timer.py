from __future__ import annotations

from itertools import count

from pellucid.runs.timer import REST, Timer


def test_due_after_each_pause(clock):
    timer = Timer(count(10, 10), clock)
    times = []
    for clock.now in range(100):
        if timer.due:
            with timer.action():
                times.append(clock.now)
    assert times == [10, 30, 60]


def test_what_takes_long_is_seldom_due(clock):
    timer = Timer(iter([1.0, 1.0]), clock)
    clock.now = 1.0
    with timer.action():
        clock.now = 4.0
    clock.now = 4.0 + 3 * REST - 1
    assert not timer.due
    clock.now += 1
    assert timer.due

from __future__ import annotations

from itertools import count

from pellucid.runs.pace import REST, Pace


def test_due_after_each_pause(clock):
    pace = Pace(count(10, 10), clock)
    times = []
    for clock.now in range(100):
        if pace.due:
            with pace.doing():
                times.append(clock.now)
    assert times == [10, 30, 60]


def test_what_takes_long_is_seldom_due(clock):
    pace = Pace(iter([1.0, 1.0]), clock)
    clock.now = 1.0
    with pace.doing():
        clock.now = 4.0
    clock.now = 4.0 + 3 * REST - 1
    assert not pace.due
    clock.now += 1
    assert pace.due

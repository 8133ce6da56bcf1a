"""Waiting for what other processes do."""

from __future__ import annotations

import time

PATIENCE = 120.0
"""Seconds; machines are busy."""


def until(reached, what="what was waited for"):
    """Wait until a function returns something true, and return that."""
    end = time.monotonic() + PATIENCE
    while not (found := reached()):
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.05)
    return found


def ended(task):
    """Wait until a task has ended, and return its state."""
    until(lambda: not task.state.active, f"the end of {task.name}")
    return task.state

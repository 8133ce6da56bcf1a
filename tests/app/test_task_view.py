from __future__ import annotations

import pytest

from pellucid.app.task import State
from pellucid.app.task_view import STARTING, Snapshot
from pellucid.report.progress_file import Progress

HALF = Progress("training, seconds", 30.0, 60.0, 0.0, 30.0, "step 12")


def seen(state, progress=None):
    return Snapshot("a", "train", "/runs/one", state, progress, "", ())


@pytest.mark.parametrize(
    ("snapshot", "share", "line"),
    [
        (seen(State.RUNNING), 0.0, STARTING),
        (seen(State.RUNNING, HALF), 0.5, "training 50% · 30 s left · step 12"),
        (seen(State.STOPPING, HALF), 0.5, "training 50% · step 12"),  # how long saving takes is not known
        (seen(State.STOPPED, HALF), 0.5, "stopped, and can be resumed"),
        (seen(State.DONE, HALF), 1.0, "done"),
        (seen(State.FAILED), 0.0, "failed"),
        (seen(State.LOST), 0.0, "ended without a word"),
    ],
)
def test_how_a_task_is_in_one_line(snapshot, share, line):
    assert (snapshot.share, snapshot.line) == (share, line)

"""Trainings to which a signal comes."""

from __future__ import annotations

import os

from pellucid.runs import callbacks


def signal_after(step, number, patch):
    """Let this process get the signal of a number once a step is recorded."""
    record = callbacks.ShowProgress.after_step

    def record_and_signal(self, training, losses):
        record(self, training, losses)
        if training.number == step:
            os.kill(os.getpid(), number)

    patch.setattr(callbacks.ShowProgress, "after_step", record_and_signal)

"""What a method itself has to say of a training that has ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from pellucid.report import terminal
from pellucid.training import Training


@runtime_checkable
class Remarking(Protocol):
    """A method with remarks on its training; most have none."""

    def remarks(self, number: int) -> Sequence[str]:
        """What a user should know of a training of so many steps, one sentence each."""


def show_remarks(training: Training) -> None:
    """Print the remarks of the method that was trained, as warnings."""
    if isinstance(training.method, Remarking):
        for remark in training.method.remarks(training.number):
            terminal.warn(remark)

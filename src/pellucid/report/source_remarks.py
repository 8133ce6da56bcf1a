"""What is said of a source when it is opened."""

from __future__ import annotations

from pellucid.data.source import Source
from pellucid.report import terminal


def show_source_remarks(source: Source) -> None:
    """Warn of what a folder holds and is not taken, and say how files are read."""
    for line in source.passed_over:
        terminal.warn(line)
    for line in source.remarks:
        terminal.say(line)

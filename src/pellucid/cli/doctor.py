"""`pellucid doctor`."""

from __future__ import annotations

from pellucid.cli.json_output import show_json
from pellucid.errors import RunError
from pellucid.report import terminal


def doctor(*, json: bool = False) -> None:
    """Show what a report of a problem needs to say, and check that Pellucid computes what it should.

    No names of machines, users, files or folders are in it. Exit status 1 if a check fails.

    Parameters
    ----------
    json
        Print JSON instead of a table.
    """
    from pellucid.doctor.examination import examine  # here: help needs no torch

    terminal.say("checking, about ten seconds")
    found = examine()
    if json:
        show_json(found.values())
    else:
        terminal.table("this installation", ["", ""], list(found.rows()), terminal.results(), text=2)
        for line in found.lines():
            print(line)  # noqa: T201
    if not found.healthy:
        wrong = ", ".join(check.name for check in found.checks if not check.passed)
        raise RunError(
            f"not as it must be: {wrong}; install Pellucid again, and if that does not help report all of this"
        )

"""The command that a page would run, in a terminal's words and in Python, each with a button that copies it."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui

from pellucid.app.equivalent import DenoiseCommand, TrainCommand, command_line
from pellucid.errors import InputError

Command = TrainCommand | DenoiseCommand


class CommandView:
    """Shows what a form would run, and follows it.

    Args:
        command: returns the command of the form as it is; raises InputError if something is missing.
    """

    def __init__(self, command: Callable[[], Command]) -> None:
        self._command = command
        with ui.expansion("As a command, and in Python", icon="terminal").classes("p-command"):
            self._shell = _copied("command line")
            self._python = _copied("Python")
        self.refresh()

    def refresh(self) -> None:
        """Show the command as it is now."""
        try:
            command = self._command()
            self._shell.text, self._python.text = command_line(command.arguments), command.python
        except InputError as problem:
            self._shell.text = self._python.text = f"# {problem}"


def _copied(what: str) -> ui.label:
    with ui.element("div").classes("p-copied"):
        text = ui.label().classes("p-code")
        button = ui.button(icon="content_copy", on_click=lambda: _copy(text.text)).props("flat dense round color=none")
        button.props(f'aria-label="Copy the {what}"').tooltip(f"Copy the {what}")
    return text


def _copy(text: str) -> None:
    ui.clipboard.write(text)
    ui.notify("Copied", timeout=1500)

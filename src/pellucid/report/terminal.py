"""Messages, tables, and progress with the time left, in a terminal or a log."""

from __future__ import annotations

import errno
import importlib.util
import io
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO, TypeVar, cast

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Column, Table

from pellucid.launch import leads
from pellucid.report.face import Bar as Bar
from pellucid.report.face import present_face
from pellucid.report.plain_progress import ProgressLines
from pellucid.report.progress_file import ProgressFile, watching

T = TypeVar("T")

_UNBOUNDED = 1000
"""Width where there is no terminal: lines in a file are not wrapped."""


def messages() -> Console:
    """The console for messages: standard error, because standard output is for results."""
    return _console(stderr=True)


def results() -> Console:
    """The console for results: standard output."""
    return _console(stderr=False)


def say(text: str) -> None:
    """Print a message."""
    face = present_face()
    if face is not None:
        face.say(text)
        return
    messages().print(text, markup=False, soft_wrap=True)


def fail(text: str) -> None:
    """Print why the program ends; of several processes that train together, each may do so."""
    console = messages()
    console.quiet = False
    console.print(text, style="red", markup=False, soft_wrap=True)


def warn(text: str) -> None:
    """Print a warning."""
    face = present_face()
    if face is not None:
        face.warn(text)
        return
    messages().print(f"warning: {text}", style="yellow", markup=False, soft_wrap=True)


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], console: Console | None = None, text: int = 1
) -> None:
    """Print a table, by default on standard error; the first `text` columns are text, the others numbers.

    Without names of columns it has no header.
    """
    console = console or messages()
    console.print(title, style="bold", markup=False, soft_wrap=True)  # a title of rich's Table is wrapped to its width
    drawn = Table(show_header=any(columns))
    for number, column in enumerate(columns):
        drawn.add_column(column, justify="left" if number < text else "right", overflow="fold")
    for row in rows:
        drawn.add_row(*map(escape, row))
    console.print(drawn)


class _Messages(io.TextIOBase):
    """Standard error as it is now. If its terminal has been closed, messages are lost and the work continues."""

    def __init__(self) -> None:
        # while a progress bar is drawn, rich replaces standard error
        self._stream: TextIO = getattr(sys.stderr, "rich_proxied_file", sys.stderr)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def write(self, text: str) -> int:
        with self._lost_if_closed():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._lost_if_closed():
            self._stream.flush()

    @contextmanager
    def _lost_if_closed(self) -> Iterator[None]:
        """If the terminal is closed, send the stream to the null device from now on."""
        try:
            yield
        except OSError as error:
            if error.errno not in (errno.EIO, errno.EPIPE):
                raise
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())  # also what Python flushes at exit
            os.close(nowhere)


def _console(stderr: bool) -> Console:
    file = cast(TextIO, _Messages()) if stderr else None
    console = Console(file=file, stderr=stderr, highlight=False, emoji=False, quiet=not leads())
    if not _is_screen(console):
        console.width = _UNBOUNDED
    return console


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", style="dim", table_column=Column(ratio=1, no_wrap=True)),
        console=console,
        speed_estimate_period=60,
        expand=console.is_terminal,
    )


class _DrawnBar:
    """A bar that is redrawn in one line of a terminal."""

    def __init__(self, progress: Progress, task: int) -> None:
        self._progress, self._task = progress, task

    def set(self, done: float, note: str = "") -> None:
        """Set the amount done."""
        self._progress.update(self._task, completed=done, note=note)  # type: ignore[arg-type]

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self._progress.console.print(text, markup=False, soft_wrap=True)


class _WatchedBar:
    """A bar that is written to a file too."""

    def __init__(self, bar: Bar, file: ProgressFile) -> None:
        self._bar, self._file = bar, file

    def set(self, done: float, note: str = "") -> None:
        """Set the amount done."""
        self._bar.set(done, note)
        self._file.set(done, note)

    def say(self, text: str) -> None:
        """Print a line without disturbing the bar."""
        self._bar.say(text)


def _can_draw(console: Console) -> bool:
    """Whether a line can be redrawn: in a terminal, and in a notebook that has ipywidgets (else rich warns)."""
    if console.is_jupyter:
        return importlib.util.find_spec("ipywidgets") is not None
    return _is_screen(console) and not console.is_dumb_terminal


def _is_screen(console: Console) -> bool:
    """Whether it is a terminal indeed: FORCE_COLOR makes rich take a file for one, which may then have colours."""
    return console.file.isatty()


@contextmanager
def progress_bar(title: str, total: float, done: float = 0) -> Iterator[Bar]:
    """A progress bar with the time left, for the length of the block; without a terminal, a line now and then.

    A program that watches this one finds the same in a file (`report/progress_file.py`).
    """
    face = present_face()
    if face is not None:
        yield face.bar(title, total, done)
        return
    watched = watching() if leads() else None
    with _shown_bar(title, total, done) as bar:
        if watched is None:
            yield bar
            return
        file = ProgressFile(watched, title, total, done)
        try:
            yield _WatchedBar(bar, file)
        finally:
            file.close()


@contextmanager
def _shown_bar(title: str, total: float, done: float) -> Iterator[Bar]:
    console = messages()
    if _can_draw(console):
        with _progress(console) as progress:
            yield _DrawnBar(progress, progress.add_task(title, total=total, completed=done, note=""))  # type: ignore[arg-type]
        return
    lines = ProgressLines(say, title, total, done)
    try:
        yield lines
    finally:
        lines.close()


@contextmanager
def progress_over(items: Sequence[T], title: str) -> Iterator[Iterable[T]]:
    """Iterate over the items with a progress bar that ends with the block; no bar for a single item."""
    if len(items) < 2:
        yield items
        return
    with progress_bar(title, len(items)) as bar:
        yield _with_bar(items, bar)


def _with_bar(items: Sequence[T], bar: Bar) -> Iterator[T]:
    for number, item in enumerate(items):
        yield item
        bar.set(number + 1)

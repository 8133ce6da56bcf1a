"""What people see in a terminal: tables, and progress with the time left."""

from __future__ import annotations

import errno
import importlib.util
import io
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TextIO, TypeVar, cast

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Column, Table

from pellucid.launch import leads
from pellucid.report.lines import ProgressLines

T = TypeVar("T")

_UNBOUNDED = 1000
"""Columns of what is no terminal: in a file no line is wrapped."""


def messages() -> Console:
    """Where messages go: standard error, for standard output is for results."""
    return _console(stderr=True)


def results() -> Console:
    """Where results go: standard output."""
    return _console(stderr=False)


def say(text: str) -> None:
    """Print a line for the person in front of the terminal."""
    messages().print(text, markup=False, soft_wrap=True)


def fail(text: str) -> None:
    """Print why the program ends; here each of several processes speaks."""
    console = messages()
    console.quiet = False
    console.print(text, style="red", markup=False, soft_wrap=True)


def warn(text: str) -> None:
    """Print a warning."""
    messages().print(f"warning: {text}", style="yellow", markup=False, soft_wrap=True)


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], console: Console | None = None, text: int = 1
) -> None:
    """Print a table, on standard error if not told otherwise; the first `text` columns are text, the others numbers."""
    console = console or messages()
    console.print(title, style="bold", markup=False, soft_wrap=True)  # a table's own title is wrapped to its width
    drawn = Table()
    for number, column in enumerate(columns):
        drawn.add_column(column, justify="left" if number < text else "right", overflow="fold")
    for row in rows:
        drawn.add_row(*map(escape, row))
    console.print(drawn)


class _Messages(io.TextIOBase):
    """Standard error as it is now; where its terminal has been closed, what is said is lost, and the work goes on."""

    def __init__(self) -> None:
        # a bar in the making puts something of its own in the place of standard error
        self._stream: TextIO = getattr(sys.stderr, "rich_proxied_file", sys.stderr)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def write(self, text: str) -> int:
        with self._unheard():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._unheard():
            self._stream.flush()

    @contextmanager
    def _unheard(self) -> Iterator[None]:
        """Where there is nobody to hear, the stream leads nowhere from now on."""
        try:
            yield
        except OSError as error:
            if error.errno not in (errno.EIO, errno.EPIPE):
                raise
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())  # what Python still wants to write on leaving goes there too
            os.close(nowhere)


def _console(stderr: bool) -> Console:
    file = cast(TextIO, _Messages()) if stderr else None
    console = Console(file=file, stderr=stderr, highlight=False, quiet=not leads())
    if not console.is_terminal:
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


class Bar(Protocol):
    """What goes forward, with a short note behind it."""

    def set(self, done: float, note: str = "") -> None:
        """So much is done."""

    def say(self, text: str) -> None:
        """Print a line beside it."""


class _DrawnBar:
    """A bar that is drawn again and again in one line of a terminal."""

    def __init__(self, progress: Progress, task: int) -> None:
        self._progress, self._task = progress, task

    def set(self, done: float, note: str = "") -> None:
        """So much is done."""
        self._progress.update(self._task, completed=done, note=note)  # type: ignore[arg-type]

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self._progress.console.print(text, markup=False, soft_wrap=True)


def _can_draw(console: Console) -> bool:
    """Whether a line can be drawn over: in a terminal, and in a notebook that has ipywidgets (else rich warns)."""
    if console.is_jupyter:
        return importlib.util.find_spec("ipywidgets") is not None
    return console.is_terminal and not console.is_dumb_terminal


@contextmanager
def progress_bar(title: str, total: int, done: int = 0) -> Iterator[Bar]:
    """A progress bar with the time left, for the length of the block; lines every so often where no terminal is."""
    console = messages()
    if _can_draw(console):
        with _progress(console) as progress:
            yield _DrawnBar(progress, progress.add_task(title, total=total, completed=done, note=""))
        return
    lines = ProgressLines(say, title, total, done)
    try:
        yield lines
    finally:
        lines.close()


@contextmanager
def progress_over(items: Sequence[T], title: str) -> Iterator[Iterable[T]]:
    """The items, told by a progress bar that ends with the block, whatever happens in it; no bar for a single item."""
    if len(items) < 2:
        yield items
        return
    with progress_bar(title, len(items)) as bar:
        yield _told(items, bar)


def _told(items: Sequence[T], bar: Bar) -> Iterator[T]:
    for number, item in enumerate(items):
        yield item
        bar.set(number + 1)

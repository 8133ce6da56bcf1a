"""Signals that ask to stop: Ctrl-C, a cluster's time limit (SIGTERM), a closed terminal (SIGHUP).

They are handled in programs of our own, the command line and the processes that it starts. Where Pellucid is a library
they belong to its host.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import NoReturn

ECHO = 1.0
"""Seconds in which a signal is the same one again: who stops a group of processes often tells each of them as well."""

_is_ours: ContextVar[bool] = ContextVar("whether this process is a program of ours", default=False)


class Stopped(KeyboardInterrupt):
    """A signal came. Whoever is prepared for Ctrl-C is prepared for this.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def number_of(interrupt: KeyboardInterrupt) -> int:
    """The signal that interrupted: Ctrl-C where Python itself heeded it."""
    return interrupt.number if isinstance(interrupt, Stopped) else signal.SIGINT


def stop(number: int) -> NoReturn:
    """Stop right here.

    Raises:
        Stopped: always.
    """
    raise Stopped(number)


@contextmanager
def heeded(act: Callable[[int], object]) -> Iterator[None]:
    """Within the block the first signal that asks to stop only acts; a second one does what it did before the block.

    For programs of our own; libraries use `deferred`. Python delivers signals to the main thread only: in other threads
    nothing changes. A SIGHUP that is ignored stays ignored, as `nohup` wants it.

    Args:
        act: called with the signal's number, between any two instructions of the block.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    began: float | None = None

    def heed(number: int, _: object) -> None:
        nonlocal began
        now = time.monotonic()
        if began is None:
            began = now
            act(number)
        elif now - began >= ECHO:
            _give_back(previous)
            signal.raise_signal(number)

    previous = {number: signal.signal(number, heed) for number in _stopping()}
    outside = _is_ours.set(True)
    try:
        yield
    finally:
        _is_ours.reset(outside)
        _give_back(previous)


@contextmanager
def deferred(act: Callable[[int], object]) -> Iterator[None]:
    """`heeded`, within another `heeded` block; anywhere else signals belong to the host and nothing changes."""
    with heeded(act) if _is_ours.get() else nullcontext():
        yield


def _stopping() -> list[signal.Signals]:
    found = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # Windows has none
        found.append(signal.SIGHUP)
    return found


def _give_back(handlers: Mapping[signal.Signals, object]) -> None:
    for number, handler in handlers.items():
        if handler is not None:  # one that was not set by Python cannot be set by it again
            signal.signal(number, handler)  # type: ignore[arg-type]

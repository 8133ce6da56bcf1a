"""Signals that ask to stop: Ctrl-C, a cluster's time limit (SIGTERM), a closed terminal (SIGHUP)."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NoReturn

ECHO = 1.0
"""Seconds in which a signal is the same one again: who stops a group of processes often tells each of them as well."""


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

    Python tells the main thread alone of signals: in others nothing changes. A SIGHUP that is ignored stays so, as who
    began with `nohup` wants it.

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
    try:
        yield
    finally:
        _give_back(previous)


def _stopping() -> list[signal.Signals]:
    found = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # Windows has none
        found.append(signal.SIGHUP)
    return found


def _give_back(handlers: Mapping[signal.Signals, object]) -> None:
    for number, handler in handlers.items():
        if handler is not None:  # one that was not set by Python cannot be set by it again
            signal.signal(number, handler)  # type: ignore[arg-type]

"""Signals that ask a process to stop: Ctrl-C, a cluster's time limit (SIGTERM), a closed terminal (SIGHUP).

Handlers are installed by `stop_on_signals` alone. The command line does so for its own process; a library call never
does, so that the handlers of a program that uses Pellucid stay as they are. How a training stops:
`training.loop.fit`.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

ECHO = 1.0
"""Seconds within which further signals count as the same one: a group of processes is often told twice."""


class Stopped(KeyboardInterrupt):
    """A signal asked to stop. Code that handles Ctrl-C handles this too.

    Attributes:
        number: number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def number_of(interrupt: KeyboardInterrupt) -> int:
    """Return the number of the signal behind an interrupt; SIGINT if Python itself raised it."""
    return interrupt.number if isinstance(interrupt, Stopped) else signal.SIGINT


class StopRequest:
    """Whether a signal has asked to stop.

    Attributes:
        number: number of the signal; None if none has come.
    """

    number: int | None = None


_pending: ContextVar[StopRequest | None] = ContextVar("stop request", default=None)


@contextmanager
def stop_request() -> Iterator[StopRequest]:
    """Within the block the first signal does not interrupt: it is noted, so that work can end where it is safe.

    This has no effect unless `stop_on_signals` handles the signals.
    """
    request = StopRequest()
    token = _pending.set(request)
    try:
        yield request
    finally:
        _pending.reset(token)


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Within the block the first signal stops the work; a second one does what it did before the block.

    Within `stop_request` the first signal is noted, elsewhere it raises `Stopped`. Python delivers signals to the main
    thread alone: in other threads nothing changes. A SIGHUP that is ignored, as `nohup` wants it, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    first: float | None = None

    def handle(number: int, _: object) -> None:
        nonlocal first
        now = time.monotonic()
        if first is None:
            first = now
            request = _pending.get()
            if request is None:
                raise Stopped(number)
            request.number = number
        elif now - first >= ECHO:
            _restore(previous)
            signal.raise_signal(number)

    previous = {number: signal.signal(number, handle) for number in _stop_signals()}
    try:
        yield
    finally:
        _restore(previous)


def _stop_signals() -> list[signal.Signals]:
    found = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # Windows has none
        found.append(signal.SIGHUP)
    return found


def _restore(handlers: Mapping[signal.Signals, object]) -> None:
    for number, handler in handlers.items():
        if handler is not None:  # one that was not set by Python cannot be set by it again
            signal.signal(number, handler)  # type: ignore[arg-type]

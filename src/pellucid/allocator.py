"""What the C library does with memory that is freed (glibc; others do as they like).

It hands large pieces back to the system at once, and the system clears whatever it gives: a network that makes large
maps one after the other spends up to half its time so.

    with holding():
        ...         # maps are made where others were before
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
"""Numbers that malloc.h has for what `mallopt` sets."""
_HOLDING = {_MMAP_MAX: 0, _TRIM_THRESHOLD: -1}
_USUAL = {_MMAP_MAX: 65536, _MMAP_THRESHOLD: 32 << 20, _TRIM_THRESHOLD: 64 << 20}
"""Where both thresholds go of themselves in a process that has freed large pieces."""

_lock = threading.Lock()
_holders = 0


@contextmanager
def holding() -> Iterator[None]:
    """Within the block the process keeps what memory it has had; behind the outermost block what is free goes back."""
    _enter()
    try:
        yield
    finally:
        _leave()


def trim() -> None:
    """Give the system back what is free now, or peaks drift upwards."""
    _call("malloc_trim", 0)


def _enter() -> None:
    global _holders
    with _lock:
        if _holders == 0:
            _set(_HOLDING)
        _holders += 1


def _leave() -> None:
    global _holders
    with _lock:
        _holders -= 1
        if _holders == 0:
            _set(_USUAL)
            trim()


def _set(options: dict[int, int]) -> None:
    for option, value in options.items():
        _call("mallopt", option, value)


def _call(name: str, *arguments: int) -> None:
    with suppress(AttributeError, OSError, TypeError):  # another C library, or another system
        getattr(ctypes.CDLL(None), name)(*arguments)

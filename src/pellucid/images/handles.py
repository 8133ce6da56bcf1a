"""Files that open when first used and close when many others were used since.

A source may have more files than a process may have open.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")

LIMIT = 64
_LOCK = threading.RLock()  # held while a file is read: another thread must not close it meanwhile
_RECENT: OrderedDict[int, weakref.ref[Handle[Any]]] = OrderedDict()


class Handle(Generic[T]):
    """An open file or a map of it, to be used in a ``with`` block; one thread at a time."""

    def __init__(self, opener: Callable[[], T], closer: Callable[[T], object] = lambda _: None) -> None:
        self._opener = opener
        self._closer = closer
        self._opened: T | None = None

    def __enter__(self) -> T:
        _LOCK.acquire()
        try:
            if self._opened is None:
                self._opened = self._opener()
            _RECENT[id(self)] = weakref.ref(self)
            _RECENT.move_to_end(id(self))
            _close_oldest()
        except BaseException:
            _LOCK.release()
            raise
        return self._opened

    def __exit__(self, *error: object) -> None:
        _LOCK.release()

    @property
    def is_open(self) -> bool:
        """Whether the file is open now."""
        return self._opened is not None

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with _LOCK:
            _RECENT.pop(id(self), None)
            opened, self._opened = self._opened, None
            if opened is not None:
                self._closer(opened)

    def __del__(self) -> None:
        # the collector may run in a thread that the holder of the lock is waiting for: never wait here
        if _LOCK.acquire(blocking=False):
            try:
                self.close()
            finally:
                _LOCK.release()


def _close_oldest() -> None:
    while len(_RECENT) > LIMIT:
        _, reference = _RECENT.popitem(last=False)
        handle = reference()
        if handle is not None:
            handle.close()

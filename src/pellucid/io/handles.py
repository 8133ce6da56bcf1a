"""Files that open when first used and close when many others have been used since (functools.lru_cache closes nothing).

A source may have more files than a process may have open.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")

LIMIT = 64
"""Files that are open at once."""
_LOCK = threading.RLock()  # held while files are opened, closed and counted, not while they are read
_RECENT: OrderedDict[int, weakref.ref[Handle[Any]]] = OrderedDict()


class Handle(Generic[T]):
    """A file or a map of it, used in a ``with`` block: it stays open until every thread has left its block.

    Several threads may use the opened object at once.
    """

    def __init__(self, opener: Callable[[], T], closer: Callable[[T], object] = lambda _: None) -> None:
        self._opener = opener
        self._closer = closer
        self._opened: T | None = None
        self._users = 0
        self._to_be_closed = False

    def __enter__(self) -> T:
        with _LOCK:
            if self._opened is None:
                self._opened = self._opener()
            opened = self._opened
            self._users += 1
            _RECENT[id(self)] = weakref.ref(self)
            _RECENT.move_to_end(id(self))
            _close_oldest()
        return opened

    def __exit__(self, *error: object) -> None:
        with _LOCK:
            self._users -= 1
            if self._to_be_closed:
                self.close()

    @property
    def is_open(self) -> bool:
        """Whether the file is open now."""
        return self._opened is not None

    @property
    def is_used(self) -> bool:
        """Whether a thread is in a ``with`` block of this handle."""
        return self._users > 0

    def close(self) -> None:
        """Close the file as soon as no thread uses it; the next use opens it again."""
        with _LOCK:
            self._to_be_closed = self.is_used
            if self.is_used:
                return
            _RECENT.pop(id(self), None)
            opened, self._opened = self._opened, None
            if opened is not None:
                self._closer(opened)

    def __del__(self) -> None:
        # garbage collection may run in a thread that the lock's owner waits for: never wait here
        if not sys.is_finalizing() and _LOCK.acquire(blocking=False):
            try:
                self.close()
            finally:
                _LOCK.release()


def _close_oldest() -> None:
    for key, reference in list(_RECENT.items()):
        if len(_RECENT) <= LIMIT:
            return
        handle = reference()
        if handle is None:
            del _RECENT[key]
        elif not handle.is_used:
            handle.close()

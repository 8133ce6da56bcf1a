"""What the C library does with freed memory (glibc; other systems have nothing to set).

glibc gives large pieces back to the system at once, and the system clears whatever it hands out. A network that makes
large maps one after the other spends up to half its time so. Programs of our own, the command line and the processes
that it starts, keep freed memory instead. Pellucid as a library leaves the allocator of its host alone.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""Numbers that malloc.h has for what `mallopt` sets."""

_keeps = False


def keep_freed_memory() -> None:
    """From now on this process keeps freed memory for its next use; for the entry points of programs only."""
    global _keeps
    _keeps = True
    _call("mallopt", _MMAP_MAX, 0)
    _call("mallopt", _TRIM_THRESHOLD, -1)


def trim() -> None:
    """Give free memory back to the system, or peaks drift upwards; only where this process keeps it."""
    if _keeps:
        _call("malloc_trim", 0)


def _call(name: str, *arguments: int) -> None:
    with suppress(AttributeError, OSError, TypeError):  # another C library, or another system
        getattr(ctypes.CDLL(None), name)(*arguments)

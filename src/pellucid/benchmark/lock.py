"""One process at a time: a lock that goes with the process that holds it, however that ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pellucid.errors import InputError
from pellucid.images.atomic import writing


@contextmanager
def locked(path: Path, busy: str, patience: float = 0.0) -> Iterator[None]:
    """Hold the lock on a file for the length of the block.

    Args:
        path: of the file, which stays.
        busy: what to say if another process holds it.
        patience: seconds to wait for that.

    Raises:
        InputError: another process holds it.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    with file:
        end = time.monotonic() + patience
        while not _take(file.fileno()):
            if time.monotonic() >= end:
                raise InputError(busy)
            time.sleep(0.2)
        yield


def _take(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:  # on Windows nothing is locked
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

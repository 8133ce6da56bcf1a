"""One process at a time leads a run.

It holds a lock that is released when it ends, and a token that keeps workers of earlier leaders from writing.
"""

from __future__ import annotations

import errno
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pellucid.errors import InputError, RunError
from pellucid.files import replacing, writing

_UNABLE = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
"""Errors of file systems without locks."""
_TOKEN = "leader"
"""File in a run's folder."""


@contextmanager
def locked(path: Path, busy: str, patience: float = 0.0) -> Iterator[int]:
    """Hold the lock on a file for the length of the block, and yield the file's descriptor.

    A process that inherits the descriptor holds the lock too, until it ends.

    Args:
        path: of the file, which stays.
        busy: the message if another process holds the lock.
        patience: seconds to wait for that process.

    On a file system without locks, every lock appears to be free. On NFS, locks work between machines if the server
    supports them.

    Raises:
        InputError: another process holds the lock.
    """
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    with file:
        end = time.monotonic() + patience
        while not _take(file.fileno()):
            if time.monotonic() >= end:
                raise InputError(busy)
            time.sleep(0.2)
        yield file.fileno()


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock on a file. Others may ask at the same time.

    On a file system without locks, every lock appears to be free.
    """
    try:
        import fcntl

        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (OSError, ImportError):  # no such file, no locks, or Windows
        return False
    return False


def renew_token(folder: Path) -> None:
    """Fence off every process that writes for an earlier leader of the run in a folder."""
    with replacing(folder / _TOKEN, overwrite=True) as path:
        path.write_text(uuid.uuid4().hex, encoding="ascii")


def fencing_token(folder: Path) -> str:
    """The word that stands for the present leader of the run in a folder; empty if there is none."""
    try:
        return (folder / _TOKEN).read_text(encoding="ascii")
    except (FileNotFoundError, NotADirectoryError):
        return ""


def refuse_fenced(folder: Path, token: str) -> None:
    """Refuse to write for another leader than the present one.

    A worker that was cut off from a run may wake when the folder has been removed, or holds a run with another model.

    Raises:
        RunError: the folder has been removed, or another process leads the run in it.
    """
    if fencing_token(folder) != token:
        raise RunError(
            f"{folder}: removed, or taken over by another process, during the run: run the same command again"
        )


def _take(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:  # on Windows nothing is locked
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _UNABLE:
            raise
    return True

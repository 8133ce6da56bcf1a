"""One process at a time: locks that go with the process that holds them, however that ends.

The process that leads a job holds a file; those that do its blocks hold single bytes of another.
"""

from __future__ import annotations

import errno
import hashlib
import os
import time
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pellucid.errors import InputError, PellucidError, RunError
from pellucid.files import writing

_UNABLE = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
"""What file systems without locks answer."""


class BusyError(PellucidError):
    """Another process is at work on the same; later it may be free."""


@contextmanager
def locked(path: Path, busy: str, patience: float = 0.0) -> Iterator[None]:
    """Hold the lock on a file for the length of the block.

    Args:
        path: of the file, which stays.
        busy: what to say if another process holds it.
        patience: seconds to wait for that.

    On a file system without locks, every lock appears to be free. On NFS, locks work between machines if the server
    supports them.

    Raises:
        InputError: another process holds it.
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
        yield


class Claims:
    """What processes are at work on, here and on other machines: locks on single bytes of one file.

    A process opens the file once only: closing it would let go of all that the process holds. Where the file system has
    no locks, nothing is ever found to be held by another.

    Args:
        path: of the file; made if it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with writing(path):
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        self.close = weakref.finalize(self, os.close, self._file)
        """Let go of the file, and of all that is held."""

    @property
    def work(self) -> bool:
        """Whether the file system has such locks."""
        try:
            with _byte_held(self._file, 0):
                return True
        except BlockingIOError:
            return True
        except (OSError, ImportError):
            return False

    def refuse_gone(self) -> None:
        """Raise RunError if the folder of the file has been removed or replaced since the file was opened."""
        try:
            there = os.path.samestat(os.fstat(self._file), self._path.stat())
        except (FileNotFoundError, NotADirectoryError):
            there = False
        if not there:
            raise RunError(
                f"{self._path.parent}: removed while the job was running, with the unfinished results: "
                "run the same command again"
            )

    @contextmanager
    def held(self, what: str) -> Iterator[None]:
        """Claim a piece of work for this process for the length of the block.

        Raises:
            BusyError: another process holds the claim.
            RunError: the file of claims was removed, and with it the folder of the job.
        """
        self.refuse_gone()
        digest = hashlib.blake2b(what.encode(), digest_size=7).digest()
        byte = int.from_bytes(digest)  # one of 2⁵⁶, so that no two meet; a lock may lie behind the file's end
        with ExitStack() as stack:
            try:
                stack.enter_context(_byte_held(self._file, byte))
            except BlockingIOError:
                raise BusyError("another process is at work on it; wait for it, or stop it") from None
            except ImportError:  # on Windows nothing is locked
                pass
            except OSError as error:
                if error.errno not in _UNABLE:
                    raise
            yield


@contextmanager
def _byte_held(descriptor: int, byte: int) -> Iterator[None]:
    import fcntl

    fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
    try:
        yield
    finally:
        fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, byte)


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

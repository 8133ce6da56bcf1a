"""Locks between processes: who dies lets go."""

from __future__ import annotations

import errno
import fcntl
import subprocess
import sys
from contextlib import contextmanager

import pytest

from pellucid.blockwise.lock import BusyError, Claims, locked
from pellucid.errors import InputError

HOLDER = """
import sys, time
from pathlib import Path
from pellucid.blockwise.lock import Claims
with Claims(Path(sys.argv[1])).held("it"):
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def holder(path):
    """A process that holds the claim to "it"."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_claim_ends_with_its_block_or_with_its_process(tmp_path):
    claims = Claims(tmp_path / "claims")
    with pytest.raises(ZeroDivisionError), claims.held("it"):
        raise ZeroDivisionError
    with holder(tmp_path / "claims") as other:
        with claims.held("something else"):
            pass
        with pytest.raises(BusyError), claims.held("it"):
            pass
        other.kill()
        other.wait()
        with claims.held("it"):
            pass


def test_without_locks_nothing_is_busy(tmp_path, monkeypatch):
    claims = Claims(tmp_path / "claims")
    assert claims.work

    def unable(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", unable)
    assert not claims.work
    with claims.held("it"):
        pass


def test_a_file_is_held_once(tmp_path):
    path = tmp_path / "lock"
    with locked(path, "busy"), pytest.raises(InputError, match="busy"), locked(path, "busy"):
        pass
    with locked(tmp_path / "lock", "busy"):
        pass

"""Locks between processes: who dies lets go."""

from __future__ import annotations

import errno
import fcntl
import subprocess
import sys

import pytest

from pellucid.errors import InputError
from pellucid.jobs.lock import BusyError, Claims, locked

HOLDER = """
import sys, time
from pathlib import Path
from pellucid.jobs.lock import Claims
with Claims(Path(sys.argv[1])).held("it"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds the claim to "it"."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "claims")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_what_another_process_has_claimed_is_busy_until_it_dies(tmp_path, holder):
    claims = Claims(tmp_path / "claims")
    with claims.held("something else"):
        pass
    with pytest.raises(BusyError), claims.held("it"):
        pass
    holder.kill()
    holder.wait()
    with claims.held("it"):
        pass


def test_a_claim_ends_with_its_block(tmp_path):
    claims = Claims(tmp_path / "claims")
    with pytest.raises(ZeroDivisionError), claims.held("it"):
        raise ZeroDivisionError
    command = [sys.executable, "-c", HOLDER.replace("time.sleep(60)", ""), str(tmp_path / "claims")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "held\n"


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

"""One process leads a run: its lock ends with it, and what writes for an earlier one is refused."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import zarr

from pellucid.blockwise.lock import fencing_token, is_locked, locked, refuse_fenced, renew_token
from pellucid.blockwise.worker import BlockWorker
from pellucid.errors import InputError, RunError

from . import made

HOLDER = """
import sys, time
from pathlib import Path
from pellucid.blockwise.lock import locked
with locked(Path(sys.argv[1]), "busy"):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_lock_is_held_once_and_ends_with_its_block(tmp_path):
    path = tmp_path / "lock"
    with locked(path, "busy"), pytest.raises(InputError, match="busy"), locked(path, "busy"):
        pass
    with locked(path, "busy"):
        pass


def test_a_lock_ends_with_its_process(tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(InputError, match="busy"), locked(tmp_path / "lock", "busy"):
            pass
        process.kill()
        process.wait()
    with locked(tmp_path / "lock", "busy"):
        pass


def test_whether_a_lock_is_held_can_be_asked_by_many(tmp_path):
    path = tmp_path / "lock"
    assert not is_locked(path)
    with locked(path, "busy"):
        assert is_locked(path)
        assert is_locked(path)
    assert not is_locked(path)
    with path.open("rb") as one:
        fcntl.flock(one, fcntl.LOCK_SH)  # another that asks
        assert not is_locked(path)


def test_a_process_that_inherits_the_lock_holds_it(tmp_path):
    path = tmp_path / "lock"
    with locked(path, "busy") as descriptor:
        command = [sys.executable, "-c", "input()"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=(descriptor,))
    with process:
        assert is_locked(path)
        process.communicate(b"\n")
    assert not is_locked(path)


def test_without_locks_nothing_is_busy(tmp_path, monkeypatch):
    def unable(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unable)
    with locked(tmp_path / "lock", "busy"), locked(tmp_path / "lock", "busy"):
        assert not is_locked(tmp_path / "lock")


def test_a_worker_that_writes_while_the_folder_is_removed_does_not_spoil_the_run(tmp_path, monkeypatch, one_thread):
    """The folder of the run is not empty at that moment."""
    np.save(tmp_path / "in.npy", made.stack((2, 32, 32)))
    remove = os.rmdir

    def rmdir(path, **options):
        if str(path).endswith(".unfinished"):
            raise OSError(errno.ENOTEMPTY, "Directory not empty")
        remove(path, **options)

    monkeypatch.setattr(os, "rmdir", rmdir)
    made.run(tmp_path / "in.npy", tmp_path / "out.npy")
    assert (tmp_path / "out.npy").exists()


def test_who_writes_for_an_earlier_leader_is_refused(tmp_path):
    renew_token(tmp_path)
    token = fencing_token(tmp_path)
    refuse_fenced(tmp_path, token)
    renew_token(tmp_path)
    with pytest.raises(RunError, match="taken over by another process"):
        refuse_fenced(tmp_path, token)
    refuse_fenced(tmp_path, fencing_token(tmp_path))
    shutil.rmtree(tmp_path)
    with pytest.raises(RunError, match="removed, or"):
        refuse_fenced(tmp_path, token)


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("stage", ["statistics", "blocks"])
def test_a_worker_that_wakes_late_writes_nothing_into_the_next_run(stage, kept, tmp_path, monkeypatch, one_thread):
    """As a process that hung, while the run was stopped and begun again with another model."""
    given, output = tmp_path / "in.zarr", tmp_path / "out.zarr"
    zarr.create_array(given, data=made.stack((2, 64, 64)), chunks=(1, 32, 32), dimension_names=["z", "y", "x"])
    write, late = BlockWorker.write, []

    def hang(self, task, result):
        if task.stage != stage or task.number != kept:
            return write(self, task, result)
        late.append((self, task, result))
        raise KeyboardInterrupt

    monkeypatch.setattr(BlockWorker, "write", hang)
    with pytest.raises(KeyboardInterrupt):
        made.run(given, output, made.LITTLE)
    assert (tmp_path / "out.zarr.unfinished").exists() == (kept or stage == "blocks")

    def wake(self, task, result):
        outcome = write(self, task, result)
        if late and task == late[0][1]:
            with pytest.raises(RunError, match="taken over by another process"):
                write(*late.pop())
        return outcome

    monkeypatch.setattr(made, "spec", lambda memory, whole=made.spec: whole(memory, seed=1))
    monkeypatch.setattr(BlockWorker, "write", write)
    made.run(given, tmp_path / "expected" / "out.zarr", made.LITTLE)
    monkeypatch.setattr(BlockWorker, "write", wake)
    made.run(given, output, made.LITTLE, overwrite=True)
    assert not late
    assert made.snapshot(output) == made.snapshot(tmp_path / "expected" / "out.zarr")

"""Blocks that cannot be done keep no others from being done."""

from __future__ import annotations

import errno

import numpy as np
import pytest
import zarr

from pellucid.blockwise import serial
from pellucid.blockwise.ledger import Outcome, Task
from pellucid.blockwise.serial import SerialExecutor, persistently
from pellucid.blockwise.worker import BlockWorker
from pellucid.errors import InputError, RunError

from . import made

SHAPE = (2, 64, 352)
OPTIONS = {"memory": made.LITTLE, "statistics": "trained"}
"""None of the pixels has to be read but those of a block and around it."""


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(serial, "_PAUSE", 0.0)


@pytest.fixture
def given(tmp_path, one_thread):
    """A Zarr of which the first chunk is far from the middle, which is looked at to tell images apart."""
    path = tmp_path / "a.zarr"
    zarr.create_array(str(path), data=made.stack(SHAPE), chunks=(1, 32, 32), dimension_names=["z", "y", "x"])
    return path


def chunk(path):
    return path / "c" / "0" / "0" / "0"


def test_a_damaged_chunk_costs_its_blocks_alone_and_repaired_only_they_are_done(given, tmp_path, monkeypatch, capsys):
    made.run(given, tmp_path / "expected" / "b.zarr", **OPTIONS)
    whole = chunk(given).read_bytes()
    chunk(given).write_bytes(whole[: len(whole) // 2])
    folder = tmp_path / "b.zarr.unfinished"
    with pytest.raises(RunError) as told:
        made.run(given, tmp_path / "b.zarr", **OPTIONS)
    line = str(told.value)
    assert "\n" not in line
    failed = int(line.split()[0])
    assert 1 <= failed <= 16  # that with the chunk, and those that see into it
    assert line.count("block ") == min(failed, 5)
    assert f"{failed} blocks failed (block 0 of image 0: " in line
    assert "a.zarr" in line
    assert "all others are finished and saved: fix the cause, then run the same command again" in line
    assert folder.exists()
    assert not (tmp_path / "b.zarr").exists()
    assert "warning: block 0 of image 0 failed: " in capsys.readouterr().err

    chunk(given).write_bytes(whole)
    done = []
    denoise = BlockWorker._denoise
    monkeypatch.setattr(
        BlockWorker, "_denoise", lambda self, task, data: done.append(task) or denoise(self, task, data)
    )
    made.run(given, tmp_path / "b.zarr", **OPTIONS)
    assert len(done) == failed
    assert not folder.exists()
    assert made.snapshot(tmp_path / "b.zarr") == made.snapshot(tmp_path / "expected" / "b.zarr")


def test_other_images_are_finished(given, tmp_path):
    np.save(tmp_path / "c.npy", made.stack(SHAPE)[0])
    chunk(given).write_bytes(b"nothing")
    with pytest.raises(RunError, match="blocks failed"):
        made.run([given, tmp_path / "c.npy"], tmp_path / "out", **OPTIONS)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["c.npy"]
    assert (tmp_path / "out.unfinished").exists()


def test_where_nothing_can_be_done_nothing_is_left_behind(given, tmp_path, monkeypatch):
    tries = []

    def fail(self, task, data):
        tries.append(task)
        raise InputError("a.zarr: cannot be read")

    monkeypatch.setattr(BlockWorker, "_denoise", fail)
    with pytest.raises(InputError, match=r"^a\.zarr: cannot be read$"):
        made.run(given, tmp_path / "b.zarr", retries=1, region="0:1,0:64,0:64", **OPTIONS)
    assert {tries.count(task) for task in tries} == {2}  # one more than the retries
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


def test_a_full_disk_ends_the_job_at_once_and_what_is_done_is_kept(given, tmp_path, monkeypatch):
    write, calls = BlockWorker._write_block, []

    def full(self, task, done):
        calls.append(task)
        if len(calls) > 3:
            raise RunError("disk full while writing b.zarr")
        return write(self, task, done)

    with monkeypatch.context() as patch:
        patch.setattr(BlockWorker, "_write_block", full)
        with pytest.raises(RunError, match="disk full"):
            made.run(given, tmp_path / "b.zarr", retries=0, **OPTIONS)
    assert len(calls) <= 5
    made.run(given, tmp_path / "b.zarr", **OPTIONS)
    assert made.read(tmp_path / "b.zarr").shape == SHAPE


def test_a_disk_that_fills_up_is_told_in_one_line(given, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pellucid.io.layout.Layout.from_axes", full)
    with pytest.raises(RunError, match=r"disk full while writing .*b\.zarr"):
        made.run(given, tmp_path / "b.zarr", **OPTIONS)


class Spoilt(made.Small):
    """Gives not-a-number for what is very bright."""

    def estimates(self, noisy):
        found = super().estimates(noisy)
        return {name: part.masked_fill(noisy > 3, float("nan")) for name, part in found.items()}


@pytest.mark.parametrize("statistics", ["exact", "trained"])
def test_a_network_that_turns_numbers_into_nan_is_to_blame_and_the_other_images_are_done(
    statistics, tmp_path, monkeypatch, one_thread
):
    monkeypatch.setattr(made, "denoiser", lambda seed=0: Spoilt(seed).eval().requires_grad_(False))
    for number, plane in enumerate(made.stack((3, 40, 48)).astype(np.uint16)):
        plane[9, 9] = 1000 if number == 1 else plane[9, 9]
        (tmp_path / "in").mkdir(exist_ok=True)
        np.save(tmp_path / "in" / f"{number}.npy", plane)
    with pytest.raises(RunError, match=r"the model makes 1 pixels not finite that were finite.* \(.*1\.npy\[0\]\)"):
        made.run(tmp_path / "in", tmp_path / "out", statistics=statistics)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0.npy", "2.npy"]


# how often, and in which order


class Clerk:
    """Does tasks that fail so often at first, and in one of three stages."""

    def __init__(self, failures, stage="compute", problem=ValueError):
        self.failures = dict(failures)
        self.stage = stage
        self.problem = problem
        self.tries = []

    def _at(self, stage, task):
        if stage != self.stage:
            return
        self.tries.append(task.number)
        if self.failures.get(task.number, 0):
            self.failures[task.number] -= 1
            raise self.problem(f"no {task.number}")

    def read(self, task):
        self._at("read", task)

    def compute(self, task, data):
        self._at("compute", task)

    def write(self, task, result):
        self._at("write", task)
        return Outcome(task.number)

    def do(self, task):
        return self.write(task, self.compute(task, self.read(task)))


TASKS = [Task("blocks", number=number) for number in range(6)]


@pytest.mark.parametrize("stage", ["read", "compute", "write"])
@pytest.mark.parametrize(("retries", "given_up"), [(0, {1, 3}), (2, {3}), (99, set())])
def test_failing_tasks_are_tried_so_often_and_no_more(stage, retries, given_up):
    clerk = Clerk({1: 2, 3: 50}, stage)
    found = dict(SerialExecutor(clerk, retries).run(TASKS))
    assert set(found) == set(TASKS)
    for task, outcome in found.items():
        if task.number in given_up:
            assert str(outcome) == f"no {task.number}"
            assert clerk.tries.count(task.number) == retries + 1
        else:
            assert outcome == Outcome(task.number)
            assert clerk.tries.count(task.number) == 1 + {1: 2, 3: 50}.get(task.number, 0)


@pytest.mark.parametrize("stage", ["read", "compute", "write"])
@pytest.mark.parametrize("retries", [0, 3])
def test_what_makes_going_on_senseless_is_raised_at_once(stage, retries):
    clerk = Clerk({2: 99}, stage, RunError)
    with pytest.raises(RunError, match="no 2"):
        list(SerialExecutor(clerk, retries).run(TASKS))
    assert clerk.tries.count(2) == 1
    assert 5 not in clerk.tries or stage == "read"


@pytest.mark.parametrize("retries", [0, 2])
def test_a_task_that_is_done_alone_is_tried_as_often(retries):
    clerk = Clerk({0: 9})
    assert str(persistently(clerk, TASKS[0], retries)) == "no 0"
    assert clerk.tries == [0] * (retries + 1)
    assert persistently(clerk, TASKS[1], retries) == Outcome(1)
    with pytest.raises(RunError):
        persistently(Clerk({0: 1}, problem=RunError), TASKS[0], retries)


def test_at_most_three_tasks_are_under_way():
    class Counting(Clerk):
        taken = 0

        def write(self, task, result):
            return Outcome(self.taken)

    clerk = Counting({})

    def tasks():
        for task in TASKS * 5:
            clerk.taken += 1
            yield task

    for done, (_, outcome) in enumerate(SerialExecutor(clerk, 0).run(tasks())):
        assert outcome.clipped - done <= 4

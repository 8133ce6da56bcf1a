from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pellucid.errors import InputError, RunError
from pellucid.files import refuse_unwritable, replacing, reserve, writing


def attempt(path, fail, **options):
    """Write half a file, then fail."""
    with replacing(path, **options) as made:
        made.write_text("half")
        fail()


def test_a_file_appears_when_the_block_ends(tmp_path):
    with replacing(tmp_path / "new" / "a.txt") as path:
        path.write_text("whole")
        assert path.name == "a.txt"
        assert not (tmp_path / "new" / "a.txt").exists()
    assert (tmp_path / "new" / "a.txt").read_text() == "whole"
    assert os.listdir(tmp_path / "new") == ["a.txt"]  # noqa: PTH208


@pytest.mark.parametrize("before", [None, "old"])
def test_an_error_leaves_what_was_there(tmp_path, before):
    if before:
        (tmp_path / "a.txt").write_text(before)
    with pytest.raises(KeyError):
        attempt(tmp_path / "a.txt", lambda: {}["nothing"], overwrite=True)
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == ({"a.txt": before} if before else {})


def test_nothing_is_overwritten_unasked(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(InputError, match=r"a\.txt: exists already"), replacing(tmp_path / "a.txt"):
        pass
    with replacing(tmp_path / "a.txt", overwrite=True) as path:
        path.write_text("new")
    assert (tmp_path / "a.txt").read_text() == "new"


def test_a_file_that_came_meanwhile_is_kept(tmp_path):
    with pytest.raises(InputError, match="exists already"):
        attempt(tmp_path / "a.txt", lambda: (tmp_path / "a.txt").write_text("theirs"))
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a.txt": "theirs"}


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path, code):
    def fail():
        raise OSError(code, "full")

    with pytest.raises(RunError, match=r"disk full while writing .*a\.txt; nothing was left behind"):
        attempt(tmp_path / "a.txt", fail)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")  # noqa: PTH110
def test_a_really_full_device_is_recognised(tmp_path):
    with pytest.raises(RunError, match="disk full"), replacing(tmp_path / "a.txt"), open("/dev/full", "w") as file:  # noqa: PTH123
        file.write("x" * 100_000)


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS])
def test_no_permission_is_said(tmp_path, monkeypatch, code):
    def refuse(*args, **kwargs):
        raise OSError(code, "no")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    said = r"a\.txt: no permission to write there; choose another folder"
    with pytest.raises(InputError, match=said), replacing(tmp_path / "a.txt"):
        pass


@pytest.mark.skipif(not os.path.isdir("/sys"), reason="no folder in which nobody may write")  # noqa: PTH112
def test_a_folder_in_which_nobody_may_write():
    with pytest.raises(InputError, match="no permission to write there"), replacing("/sys/pellucid.txt"):
        pass


@pytest.mark.skipif(not os.path.isdir("/sys"), reason="no folder in which nobody may write")  # noqa: PTH112
def test_folders_are_tried(tmp_path):
    refuse_unwritable(tmp_path / "not" / "yet" / "a.txt")
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match=r"^/sys/a\.txt: no permission to write there"):
        refuse_unwritable(Path("/sys/a.txt"))
    with pytest.raises(InputError, match=r"^/proc/a\.txt: cannot be written there"):
        refuse_unwritable(Path("/proc/a.txt"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_write_permission(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(InputError, match="no permission"), replacing(tmp_path / "a.txt"):
            pass
    finally:
        tmp_path.chmod(0o700)


def test_a_file_where_a_folder_is_wanted(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(InputError, match="part of this path is a file"), replacing(tmp_path / "a" / "b.txt"):
        pass


def test_reserved_space_is_really_taken(tmp_path):
    path = tmp_path / "a.raw"
    path.write_bytes(b"abc")
    reserve(path, 1 << 20)
    assert path.stat().st_size == 1 << 20
    assert path.stat().st_blocks * 512 >= 1 << 20
    assert path.read_bytes()[:3] == b"abc"


def test_reserving_without_the_system_call(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    path = tmp_path / "a.raw"
    path.write_bytes(b"abc")
    reserve(path, 100_000)
    assert path.read_bytes() == b"abc" + bytes(99_997)
    reserve(path, 10)
    assert path.stat().st_size == 100_000


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no folder in which nobody can make anything")
def test_a_place_where_nothing_can_be_made_is_told():
    with pytest.raises(InputError, match=r"/proc/a\.txt: cannot be written there"), replacing("/proc/a.txt"):
        pass


def test_a_file_that_vanishes_while_writing_is_not_called_the_target(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "out.txt"):
        (tmp_path / "gone.txt").read_text()


def test_a_name_that_is_too_long_is_told(tmp_path):
    with pytest.raises(InputError, match="the name is too long"), writing(tmp_path):
        (tmp_path / ("a" * 300)).touch()

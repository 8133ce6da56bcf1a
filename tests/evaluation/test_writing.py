from __future__ import annotations

import os
import resource

import pytest

from pellucid.errors import InputError, RunError
from pellucid.evaluation.writing import write_whole


def test_content_and_nothing_else_is_left(tmp_path):
    write_whole(tmp_path / "a.bin", b"abc")
    write_whole(tmp_path / "a.bin", b"de", overwrite=True)
    assert (tmp_path / "a.bin").read_bytes() == b"de"
    assert [file.name for file in tmp_path.iterdir()] == ["a.bin"]


def test_a_full_disk_leaves_the_old_file_and_no_half_one(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(RunError, match=r"a\.bin: could not be written"):
            write_whole(tmp_path / "a.bin", bytes(100_000), overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "a.bin").read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.bin"]


@pytest.mark.parametrize(
    ("name", "complaint"), [("missing/a.bin", "no folder"), ("", "is a folder"), ("there", "exists already")]
)
def test_a_target_that_cannot_be_written_is_named(tmp_path, name, complaint):
    (tmp_path / "there").touch()
    with pytest.raises(InputError, match=complaint):
        write_whole(tmp_path / name, b"abc")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="no permission"):
        write_whole(tmp_path / "a.bin", b"abc")

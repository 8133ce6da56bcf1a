from __future__ import annotations

import io
import os
import re
import sys

import pytest
import torch

from pellucid.errors import InputError, RunError
from pellucid.training.checkpoint import load_state, save_state

STATE = {"number": 3, "method": {"weight": torch.arange(4.0)}, "optimisers": {"a": {"state": {0: {"step": 1.0}}}}}


def test_there_and_back(tmp_path):
    save_state(STATE, tmp_path / "state.pt")
    torch.testing.assert_close(load_state(tmp_path / "state.pt"), STATE, rtol=0, atol=0)
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]


def test_replaces_an_older_state(tmp_path):
    save_state(STATE, tmp_path / "state.pt")
    save_state({"number": 4}, tmp_path / "state.pt")
    assert load_state(tmp_path / "state.pt") == {"number": 4}


def test_failing_write_keeps_the_older_state(tmp_path, monkeypatch):
    path = tmp_path / "state.pt"
    save_state(STATE, path)

    def half(_, target):
        target.write(b"half")
        raise RuntimeError("PytorchStreamWriter failed writing file: No space left on device\nmore")

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(
        RunError, match=r"state.pt: could not be written .*No space left on device\).*pellucid resume"
    ) as problem:
        save_state({"number": 4}, path)
    assert "\n" not in str(problem.value)
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]
    assert load_state(path)["number"] == 3


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full")
def test_a_really_full_disk(tmp_path, monkeypatch):
    save_state(STATE, tmp_path / "state.pt")
    (tmp_path / ".state.pt.unfinished").symlink_to("/dev/full")
    with pytest.raises(RunError, match="could not be written"):
        save_state({"number": 4, "weights": torch.zeros(1_000_000)}, tmp_path / "state.pt")
    assert load_state(tmp_path / "state.pt")["number"] == 3


def test_missing_folder(tmp_path):
    with pytest.raises(RunError, match="could not be written"):
        save_state(STATE, tmp_path / "gone" / "state.pt")


def test_missing_state(tmp_path):
    with pytest.raises(InputError, match=r"state.pt: no saved training state; start a new training"):
        load_state(tmp_path / "state.pt")


class Evil:
    def __reduce__(self):
        return os.mkdir, ("executed",)


def pickled(value):
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


def truncated():
    return pickled(STATE)[:-200]


@pytest.mark.parametrize(
    "content",
    [b"", b"no state at all", truncated(), pickled({"number": Evil()}), pickled([1, 2])],
    ids=["empty", "text", "truncated", "code", "another thing"],
)
def test_damaged_or_foreign_file(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "state.pt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=re.escape(f"{path}: cannot be read as a training state")) as problem:
        load_state(path)
    assert "\n" not in str(problem.value)
    assert not (tmp_path / "executed").exists()

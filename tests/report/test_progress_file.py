from __future__ import annotations

import json

import pytest

from pellucid.report import terminal
from pellucid.report.progress_file import VARIABLE, Progress, ProgressFile, read_progress


def test_a_file_says_how_far_the_work_is(tmp_path, clock):
    path = tmp_path / "progress.json"
    file = ProgressFile(path, "training", 100, 20, clock)
    assert read_progress(path) == Progress("training", 20, 100, 20, 0.0)
    clock.now = 10.0
    file.set(40, "error 0.1")
    found = read_progress(path)
    assert found == Progress("training", 40, 100, 20, 10.0, "error 0.1")
    assert found.share == 0.4
    assert found.left == 30.0  # what was done before took no time of this one


def test_it_is_written_once_a_second_and_at_the_end(tmp_path, clock):
    path = tmp_path / "progress.json"
    file = ProgressFile(path, "denoising", 4, clock=clock)
    for done in range(1, 4):
        clock.now += 0.3
        file.set(done)
    assert read_progress(path).done == 0
    file.close()
    assert read_progress(path).done == 3


def test_nothing_done_leaves_the_rest_unknown():
    assert Progress("denoising", 5, 10, 5, 3.0).left is None
    assert Progress("denoising", 0, 0, 0, 3.0).share == 0


def test_what_cannot_be_written_does_not_end_the_work(tmp_path, clock):
    file = ProgressFile(tmp_path / "gone" / "progress.json", "training", 2, clock=clock)
    (tmp_path / "gone" / "progress.json").unlink()
    (tmp_path / "gone").rmdir()
    (tmp_path / "gone").write_text("a file in its place", encoding="utf-8")
    clock.now = 5.0
    file.set(1)
    file.close()


@pytest.mark.parametrize("text", ["", "{", "[1]", json.dumps({"done": 1})])
def test_half_a_file_says_nothing(tmp_path, text):
    path = tmp_path / "progress.json"
    path.write_text(text, encoding="utf-8")
    assert read_progress(path) is None
    assert read_progress(tmp_path / "missing.json") is None


def test_a_bar_is_written_for_whoever_watches(tmp_path, monkeypatch, capsys):
    path = tmp_path / "progress.json"
    monkeypatch.setenv(VARIABLE, str(path))
    with terminal.progress_bar("denoising", 4, 1) as bar:
        bar.set(4, "all")
        bar.say("a line")
    assert read_progress(path)[:4] == ("denoising", 4, 4, 1)
    assert "a line" in capsys.readouterr().err


def test_of_processes_that_train_together_one_writes(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "progress.json"))
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    with terminal.progress_bar("training", 4) as bar:
        bar.set(1)
    assert not (tmp_path / "progress.json").exists()

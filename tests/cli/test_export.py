from __future__ import annotations

from pathlib import Path

import pytest

STUDENT = Path(__file__).parents[1] / "runs" / "fixtures" / "student.zip"


def test_a_run_becomes_a_zip_that_denoises_and_can_be_looked_at(trained, tmp_path, command):
    path = tmp_path / "model.zip"
    done = command("export", trained, path, "--description", "cells of mice", "--thumbnails")
    assert done.status == 0, done.err
    assert "holds thumbnails, which show crops of the training images" in done.err
    assert "no licence is stated" in done.err
    shown = [command("inspect", each) for each in (trained, path)]
    assert [each.status for each in shown] == [0, 0]
    rows = [[line for line in each.out.splitlines() if "digest" in line or "recipe" in line] for each in shown]
    assert rows[0] == rows[1] != []
    assert "cells of mice" in shown[1].err


def test_inspect_shows_a_model_or_images(refused, tmp_path):
    assert "one of them at a time" in refused("inspect", STUDENT, "--noisy", tmp_path)
    assert "or a model" in refused("inspect")
    (tmp_path / "a.zip").write_bytes(b"nothing")
    assert "a.zip: not the folder of a run, nor the zip of a model" in refused("inspect", tmp_path / "a.zip")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere", "a.zip"), "nowhere: no such run or model"),
        ((STUDENT, "a.bioimageio.zip", "--licence", ""), "--licence the name is empty"),
        ((STUDENT, "a.onnx", "--thumbnails"), "thumbnails go with"),
        ((STUDENT, "a.zip", "--weights", "average"), "saved model with its 'last' weights alone"),
    ],
)
def test_what_cannot_be_exported_is_told_in_one_line(arguments, said, refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert said in refused("export", *arguments)
    assert list(tmp_path.iterdir()) == []

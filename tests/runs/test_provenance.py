from __future__ import annotations

import getpass
import json
import shutil
import socket

import numpy as np
import pytest

from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.io.writing import write_array
from pellucid.runs import trainer
from pellucid.runs.folder import Run
from pellucid.runs.provenance import name_of, path_of, without_folders

pytestmark = pytest.mark.usefixtures("undrawn")


def test_only_the_file_that_is_for_this_machine_tells_of_it(trained, pictures):
    told = [str(pictures), str(trained.parent), f"/{getpass.getuser()}/", socket.gethostname()]
    files = [path for path in trained.rglob("*") if path.is_file() and path.name != "paths.json"]
    assert len(files) > 10
    for path in files:
        content = path.name.encode() + path.read_bytes()
        assert not [word for word in told if len(word) > 3 and word.encode() in content], path
    assert json.loads((trained / "paths.json").read_text())["noisy"] == str(pictures / "noisy")
    assert Run(trained).provenance()["sources"]["noisy"]["name"] == "noisy"


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("a/b/c.tif", "c.tif"),
        ("/data/anna/s*/x_*.png", "x_*.png"),
        ("a/b.h5:/volume/raw", "b.h5:/volume/raw"),
        (["a/b.tif", "c/d.tif"], ["b.tif", "d.tif"]),
        (np.zeros((2, 2)), None),
        ([np.zeros((2, 2))], None),
    ],
)
def test_a_name_is_the_last_part_of_a_path(spec, name):
    assert name_of(spec) == name


def test_a_path_is_whole(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert path_of(["a/b.tif"]) == [str(tmp_path / "a" / "b.tif")]


def test_images_are_called_by_their_names_alone(tmp_path):
    write_array(tmp_path / "a.png", np.zeros((20, 20), np.uint8))
    source = open_source(tmp_path / "a.png")
    text = f"constant: all pixels are equal in {tmp_path}/a.png; leave it out"
    assert without_folders([text], [source]) == ["constant: all pixels are equal in a.png; leave it out"]


def test_a_run_that_comes_from_elsewhere_goes_on_with_the_same_images(trained, pictures, tmp_path):
    run = Run(shutil.copytree(trained, tmp_path / "run"))
    run.paths.unlink()
    moved = {kind: shutil.copytree(pictures / kind, tmp_path / kind) for kind in ("clean", "noisy")}
    with pytest.raises(InputError, match="is not known"):
        trainer.resume(run.folder, "cpu", settings={"steps": 7})
    with pytest.raises(InputError, match="are not those that the run was started with"):
        trainer.resume(run.folder, "cpu", settings={"steps": 7}, moved={**moved, "clean": moved["noisy"]})
    assert run.recipe().steps == 6
    trainer.resume(run.folder, "cpu", settings={"steps": 7}, moved=moved)
    assert run.sources()["clean"]["path"] == str(moved["clean"])

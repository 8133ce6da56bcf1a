from __future__ import annotations

import getpass
import json
import pickle
import platform
import re
import shutil
import socket
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

import pellucid
from pellucid.errors import InputError
from pellucid.methods import build_denoiser, learning_recipes, make_recipe
from pellucid.methods.parameter_count import denoiser_bytes
from pellucid.runs.archive import archive_bytes

FIXTURES = Path(__file__).parent / "fixtures"
WEIGHTS = "weights/last.safetensors"


@pytest.fixture
def noisy():
    with np.load(FIXTURES / "pixels.npz") as pixels:
        return pixels["noisy"]


@pytest.fixture
def members():
    """The members of a good zip, to be changed."""
    with zipfile.ZipFile(FIXTURES / "student.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def refused(tmp_path):
    """Load a zip with these members, which must be refused in one line."""

    def load_it(members, said):
        path = tmp_path / "model.zip"
        path.write_bytes(archive_bytes(members))
        with pytest.raises(InputError, match=said) as told:
            pellucid.load(path, device="cpu")
        assert len(str(told.value).splitlines()) == 1
        assert str(told.value).startswith(str(path))

    return load_it


@pytest.mark.parametrize("name", ["student.zip", "student"])
def test_every_version_reads_the_first_models(name):
    model = pellucid.load(FIXTURES / name, device="cpu")
    with np.load(FIXTURES / "pixels.npz") as pixels:
        noisy, expected = pixels["noisy"].astype(np.float32), pixels["denoised"]
    found = model.denoise(noisy, intensity_range=(0, 255))
    assert np.abs(found - noisy).mean() > 5
    assert np.abs(found - expected).max() < 255e-4
    assert model.digest == json.loads((FIXTURES / "student" / "model.json").read_text())["digest"]
    assert (model.dtype, model.intensity_range.low, model.intensity_range.high) == (np.uint8, 0, 255)
    assert (model.recipe.name, model.recipe.width, model.structure.crops) == ("student", 8, 2)
    assert model.stored.origin.licence == "CC0-1.0"
    assert model.stored.origin.trained_on["noisy"].images == 2


def test_a_zip_is_the_run(trained, tmp_path, pictures, command):
    for weights in ("last", "average"):
        run = pellucid.load(trained, weights=weights, device="cpu")
        path = run.save(tmp_path / f"{weights}.zip")
        loaded = pellucid.load(path, device="cpu")
        assert loaded.digest == run.digest
        assert loaded.variant == run.variant
        assert loaded.structure == run.structure
        for one, other in zip(loaded.trained, run.trained, strict=True):
            assert set(one) == set(other)
            assert all(torch.equal(one[name].mean, other[name].mean) for name in one)
    image = pictures / "noisy" / "b0.png"
    assert command("denoise", image, tmp_path / "a.png", "--model", trained).status == 0
    assert command("denoise", image, tmp_path / "b.png", "--model", tmp_path / "average.zip").status == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with pytest.raises(InputError, match="this is a saved model with its 'last' weights alone"):
        pellucid.load(tmp_path / "last.zip", weights="average")


def test_equal_models_give_equal_bytes_also_out_of_a_zip(tmp_path):
    first = pellucid.load(FIXTURES / "student").save(tmp_path / "first.zip")
    second = pellucid.load(first).save(tmp_path / "second.zip")
    assert first.read_bytes() == second.read_bytes()
    with pytest.raises(InputError, match="exists already"):
        pellucid.load(first).save(second)
    pellucid.load(first).save(second, licence="MIT", overwrite=True)
    assert b"MIT" in second.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.zip", "second.zip"]


def test_nothing_in_a_zip_names_folders_files_people_or_machines(trained, pictures, tmp_path):
    pellucid.load(trained, device="cpu").save(tmp_path / "model.zip")
    with zipfile.ZipFile(tmp_path / "model.zip") as archive:
        content = b"\n".join([*map(archive.read, archive.namelist()), *(name.encode() for name in archive.namelist())])
    files = [path.name for path in pictures.rglob("*.png")]
    parts = {*pictures.parts, *trained.parts, *Path.cwd().parts, *tmp_path.parts} - {"/", "run", "tmp", "src"}
    names = {*files, *parts, socket.gethostname(), platform.platform(), platform.node(), getpass.getuser()}
    assert len(names) > 8
    assert [name for name in names if re.search(rf"(?<![a-z]){re.escape(name)}(?![a-z])".encode(), content)] == []
    assert b"previews" not in content


def test_thumbnails_only_where_they_are_asked_for(trained, tmp_path):
    model = pellucid.load(trained, device="cpu")
    model.save(tmp_path / "with.zip", thumbnails=True)
    with zipfile.ZipFile(tmp_path / "with.zip") as archive:
        assert archive.read("thumbnails.png") == (trained / "previews" / "000006.png").read_bytes()
    loaded = pellucid.load(tmp_path / "with.zip", device="cpu")
    with pytest.raises(InputError, match="has no previews to take thumbnails from"):
        loaded.save(tmp_path / "again.zip", thumbnails=True)
    assert not (tmp_path / "again.zip").exists()


def test_the_card_says_what_the_model_is(members):
    card = members["card.md"].decode()
    for said in ("A tiny student of made-up tissue", "CC0-1.0", "150 steps"):
        assert said in card
    for heading in ("How to use it", "What it was trained on", "Known measures", "Limits"):
        assert f"\n## {heading}\n" in card
    assert "noisy images: 2 images, 73,728 pixels" in card
    assert json.loads(members["model.json"])["digest"][:12] in card


def test_what_is_no_model_of_pellucid_is_told(members, refused):
    del members["recipe.toml"]
    refused(members, r"not a model of Pellucid \(no recipe.toml in it\)")
    refused({}, "not a model of Pellucid")


@pytest.mark.parametrize("name", ["model.json", "structure.json", "provenance.json", WEIGHTS])
def test_a_member_that_is_missing_damaged_or_too_long(name, members, refused):
    whole = members[name]
    refused({**members, name: whole[: len(whole) // 2]}, f"{name}: .*damaged.*get the file from its author again")
    refused({**members, name: whole + bytes(1 << 21)}, f"not a model to be trusted: its member '{name}' is longer than")
    del members[name]
    if name != "provenance.json":
        refused(members, f"{name}: missing")


@pytest.mark.parametrize(
    ("name", "value"),
    [("contrast", 0.0), ("size", 0.0), ("contrast", -1.0), ("noise", float("nan")), ("mean", float("-inf"))],
)
def test_impossible_statistics_are_refused(name, value, members, refused):
    values = json.loads(members["structure.json"])
    values["noisy"][name] = value
    altered = json.dumps(values).encode()
    refused({**members, "structure.json": altered}, f"structure.json: .*damaged \\({name} is {value:g}\\)")


def test_a_list_in_the_place_of_statistics_is_refused(members, refused):
    refused({**members, "structure.json": b"[]"}, r"structure.json: .*damaged \(no names and values\)")


def test_members_that_no_model_has_are_named_and_not_read(members, tmp_path, capsys):
    (tmp_path / "model.zip").write_bytes(archive_bytes({**members, "run.py": b"print(1)", "state.pt": b"\x80"}))
    assert pellucid.load(tmp_path / "model.zip").digest
    assert "model.zip: ignored, as no model has them: 'run.py', 'state.pt'" in capsys.readouterr().err


def test_a_recipe_of_larger_networks_takes_no_memory(members, refused):
    huge = members["recipe.toml"].replace(b"width = 8", b"width = 512").replace(b"depth = 2", b"depth = 6")
    assert huge != members["recipe.toml"]
    refused({**members, "recipe.toml": huge}, r"last\.safetensors: damaged or of another recipe .* bytes, where the")


def test_tensors_that_are_larger_than_the_recipe_builds_are_refused(members, refused):
    weights = load(members[WEIGHTS])
    wider = {name: torch.cat((value, value)) for name, value in weights.items()}
    refused({**members, WEIGHTS: save(wider)}, r"damaged or of another recipe \(size mismatch")
    refused({**members, WEIGHTS: save({**weights, "more": torch.zeros(9)})}, r"damaged or of another recipe")


def test_changed_weights_and_settings_are_noticed(members, refused):
    weights = load(members[WEIGHTS])
    first = next(iter(weights))
    weights[first].view(-1)[0] += 1
    refused({**members, WEIGHTS: save(weights)}, "recipe or weights were changed after it was saved")
    recipe = members["recipe.toml"].replace(b"seed = 1", b"seed = 2")
    refused({**members, "recipe.toml": recipe}, "recipe or weights were changed after it was saved")


def test_statistics_cannot_fill_the_memory(members, refused):
    statistics = save({"networks": torch.tensor(10**12)})
    refused({**members, "weights/last-statistics.safetensors": statistics}, r"damaged \(1000000000000 networks\)")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("recipe.toml", b'name = "student"', b'name = "\\u001b[2Jstudent"'),
        ("provenance.json", b'"CC0-1.0"', b'"\\u001b[2J"'),
        ("provenance.json", b'"images": 2', b'"images": "many"'),
        ("provenance.json", b'"trained_on": {', b'"trained_on": 3, "x": {'),
        ("recipe.toml", b'method = "student"', b'method = "os"'),
        ("recipe.toml", b'method = "student"', b'method = "median"'),
        ("recipe.toml", b"width = 8", b"width = 1e9"),
        ("model.json", b'"format": 1', b'"format": 2'),
        ("model.json", b'"low": 0.0', b'"low": NaN'),
        ("model.json", b"{", b"[" * 50_000),
    ],
)
def test_texts_that_no_pellucid_writes_are_told_in_one_line(name, old, new, members, refused):
    assert old in members[name]
    refused({**members, name: members[name].replace(old, new, 1)}, r"model\.zip")


def test_a_zip_cannot_be_trained_on(command, refused):
    result = command("resume", FIXTURES / "student.zip")
    assert result.status == 2
    assert "not the folder of a run but a file; a saved model cannot be trained on" in result.err


def test_another_process_opens_the_zip(tmp_path, noisy):
    path = shutil.copy(FIXTURES / "student.zip", tmp_path)
    model = pellucid.load(path, device="cpu")
    opened = pickle.loads(pickle.dumps(model.opener()))()
    assert opened.fingerprint == model.spec.fingerprint
    assert f"student, model {model.digest[:12]}" in opened.history
    assert "model.zip" not in opened.history


@pytest.mark.parametrize("name", learning_recipes())
def test_the_size_of_weights_is_known_without_building_them(name):
    recipe = make_recipe(name, "quick")
    built = sum(value.numel() * value.element_size() for value in build_denoiser(recipe).state_dict().values())
    assert denoiser_bytes(recipe) == built

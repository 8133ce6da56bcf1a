from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pellucid.io.writing import write_array
from pellucid.simulation.phantom import tissue

pytestmark = pytest.mark.usefixtures("hasty", "undrawn")

TINY = ("--device", "cpu", "--set", "width=4", "depth=1", "patch=32", "batch=2", "steps=2")


def test_the_verdict_the_page_and_json(pictures, tmp_path, command, refused):
    page = tmp_path / "trust.html"
    arguments = ("trust", pictures / "noisy", "--recipe", "gaussian", "--clean", pictures / "clean", "--out", page)
    result = command(*arguments)
    assert result.status == 0, result.err
    (verdict,) = result.out.splitlines()
    assert verdict.startswith("expected ")
    assert "best filter (gaussian sigma=" in verdict
    assert str(page) in result.err
    assert "assessing the method gaussian" in result.err
    html = page.read_text(encoding="utf-8")
    assert "(those you gave)" in html
    before = page.read_bytes()
    assert "trust.html: exists already" in refused(*arguments)
    assert page.read_bytes() == before
    again = command(*arguments, "--overwrite", "--json")
    assert again.status == 0, again.err
    assert json.loads(again.out)["verdict"] == verdict
    assert page.read_bytes() == before  # equal seeds


def test_repeats_are_measured_and_on_the_page(tmp_path, command, refused):
    truth = tissue((128, 128), seed=4) * 0.6 + 50
    for number, name in enumerate(("first", "second", "elsewhere")):
        noise = np.random.default_rng(number).normal(0, 25, truth.shape)
        place = np.roll(truth, 9, 0) if name == "elsewhere" else truth
        (tmp_path / name).mkdir()
        write_array(tmp_path / name / "a.png", np.clip(place + noise, 0, 255).astype(np.uint8))
    arguments = ("trust", tmp_path / "first", "--recipe", "gaussian", "--repeats")
    result = command(*arguments, tmp_path / "second", "--out", tmp_path / "trust.html", "--json")
    assert result.status == 0, result.err
    values = json.loads(result.out)
    assert ". Measured on repeats: " in values["verdict"]
    assert values["repeats"]["psnr"]["noisy"]["mean"] == pytest.approx(20 * np.log10(255 / 25), abs=0.3)
    assert values["repeats"]["psnr"]["gaussian"]["mean"] > 22
    assert "Two frames of one place" in (tmp_path / "trust.html").read_text(encoding="utf-8")
    line = refused(*arguments, tmp_path / "elsewhere")
    assert "elsewhere/a.png: is shifted against" in line
    assert "align the frames first" in line


def test_a_page_that_exists_is_refused_before_anything_is_computed(pictures, tmp_path, refused, monkeypatch):
    (tmp_path / "trust.html").write_text("mine")
    monkeypatch.setattr("pellucid.assessment.assess.assess", None)
    line = refused("trust", pictures / "noisy", "--recipe", "gaussian", "--out", tmp_path / "trust.html")
    assert "exists already" in line


def test_a_trained_model_and_other_weights_of_it(pictures, tmp_path, command, refused):
    run = tmp_path / "run"
    trained = command(
        "train",
        "--recipe",
        "student",
        "--noisy",
        pictures / "noisy",
        "--pairs",
        pictures / "truth",
        "--out",
        run,
        *TINY,
    )
    assert trained.status == 0, trained.err
    result = command("trust", pictures / "noisy", "--model", run, "--weights", "last", "--json", "--device", "cpu")
    assert result.status == 0, result.err
    values = json.loads(result.out)
    assert set(values["expected"]) >= {"noisy", "student"}
    assert values["expected_error"] is not None
    line = refused("trust", pictures / "noisy", "--model", run, "--weights", "best")
    assert "weights/best.safetensors: missing" in line


def test_pixels_of_another_type_need_a_range(trained, tmp_path, refused):
    write_array(tmp_path / "a.tif", np.arange(96 * 96, dtype=np.uint16).reshape(96, 96))
    line = refused("trust", tmp_path / "a.tif", "--model", trained)
    assert "has uint16 pixels, but the model was trained on uint8: convert them, or set black and white with" in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("missing.tif", "--recipe", "gaussian"), "missing.tif"),
        (("{noisy}", "--model", "nowhere"), "nowhere"),
        (("{noisy}", "--recipe", "gaussian", "--clean", "nowhere/"), "nowhere"),
        (("{noisy}", "--recipe", "self2self"), "self2self learns anew from each image"),
        (("{tiny}", "--recipe", "gaussian"), "tiny.png: no area of 64×64 pixels without padding"),
        (("{blank}", "--recipe", "gaussian"), "blank.png: "),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(pictures, tmp_path, refused, arguments, words):
    write_array(tmp_path / "tiny.png", np.arange(40 * 50, dtype=np.uint8).reshape(40, 50))
    write_array(tmp_path / "blank.png", np.full((100, 100), 7, np.uint8))
    places = {"noisy": pictures / "noisy", "tiny": tmp_path / "tiny.png", "blank": tmp_path / "blank.png"}
    assert words in refused("trust", *(argument.format(**places) for argument in arguments))


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no folder in which nobody can make anything")
def test_a_page_that_cannot_be_written_is_refused_before_anything_is_computed(pictures, refused):
    line = refused("trust", pictures / "noisy", "--recipe", "gaussian", "--out", "/proc/trust.html")
    assert "/proc/trust.html: cannot be written there" in line

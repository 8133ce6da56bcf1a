"""--json: every command that reports has it, and prints one valid document alone on standard output."""

from __future__ import annotations

import json
import math
from inspect import signature

import numpy as np
import pytest

from pellucid.cli.json_output import plain
from tests.cli.test_command import EVERY, function_of

pytestmark = pytest.mark.usefixtures("hasty", "undrawn")

TINY = ("--device", "cpu", "--set", "width=4", "depth=1", "patch=32", "batch=2", "steps=2")
WITHOUT = {
    "app",
    "simulate",
    "phantom",
    "export",
    "demo",
    "completion",
    "benchmark",
    "benchmark figures",
    "benchmark norms",
}
"""Commands that make files and say in a line where these are."""


def no_constant(name):
    raise ValueError(f"{name} is no JSON")


def document(result):
    assert result.status == 0, result.err
    return json.loads(result.out, parse_constant=no_constant)


@pytest.mark.parametrize("name", sorted(EVERY.keys() - WITHOUT))
def test_every_command_that_reports_has_json(name):
    assert signature(function_of(name)).parameters["json"].default is False


def test_warnings_of_the_input_are_in_the_document_of_denoise(tmp_path, command):
    image = np.random.default_rng(0).normal(20, 40, (128, 128)).clip(0, 255).round().astype(np.uint8)
    np.save(tmp_path / "a.npy", image)
    told = document(command("denoise", tmp_path / "a.npy", tmp_path / "b.npy", "--recipe", "gaussian", "--json"))
    assert any("noise is clipped" in warning for warning in told["warnings"])


def test_numbers_that_are_not_finite_are_null():
    values = {"a": math.nan, "b": [np.float64("inf"), np.float32(0.5)], 3: (np.int64(2),), "d": None, "e": True}
    assert plain(values) == {"a": None, "b": [None, 0.5], "3": [2], "d": None, "e": True}
    with pytest.raises(TypeError, match="cannot be told as JSON"):
        plain(object())


CALLS = {
    ("models",): {"models"},
    ("methods",): {"recommended", "recipes"},
    ("methods", "proposed"): {"name", "preset", "method", "needs", "published", "idea", "parameters", "settings"},
    ("inspect", "--clean", "{clean}", "--noisy", "{noisy}"): {"sources", "remarks", "warnings", "left_out"},
    ("inspect", "em"): {"path", "recipe", "digest", "weights", "licence", "structure"},
    ("evaluate", "{noisy}", "{truth}"): {"data_range", "images", "mean"},
    ("compare", "--recipes", "gaussian", "--noisy", "{noisy}", "--clean", "{clean}"): {"clean", "ranking"},
    ("denoise", "{noisy}", "{new}", "--recipe", "median"): {
        "recipe",
        "device",
        "digest",
        "files",
        "warnings",
        "failed",
    },
    ("denoise", "{noisy}", "{new}", "--recipe", "median", "--dry-run"): {"recipe", "dry_run"},
}


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_the_document_has_its_keys(call, pictures, tmp_path, command):
    places = {name: pictures / name for name in ("clean", "noisy", "truth")} | {"new": tmp_path / "new"}
    found = document(command(*(word.format(**places) for word in call), "--json"))
    assert found.keys() >= CALLS[call]


def test_what_was_denoised(pictures, trained, tmp_path, command):
    found = document(command("denoise", pictures / "noisy", tmp_path / "out", "--model", trained, "--json"))
    assert [file["path"] for file in found["files"]] == [str(tmp_path / "out" / f"b{n}.png") for n in range(3)]
    assert all(file["pixels"] == 96 * 96 and file["removed"]["deviation_removed"] > 0 for file in found["files"])
    model = document(command("inspect", trained, "--json"))
    assert (found["recipe"], found["digest"]) == (model["recipe"], model["digest"])


def test_what_could_not_be_denoised_is_in_the_document_too(pictures, tmp_path, command):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "good.png").write_bytes((pictures / "noisy" / "b0.png").read_bytes())
    (tmp_path / "in" / "bad.png").write_bytes(b"no picture")
    result = command("denoise", tmp_path / "in", tmp_path / "out", "--recipe", "median", "--json")
    assert result.status == 1
    found = json.loads(result.out)
    assert len(found["files"]) == 1
    assert "bad.png" in found["failed"]


def test_a_training_says_what_it_chose_and_why(pictures, tmp_path, command):
    run = tmp_path / "run"
    sources = ("--recipe", "student", "--noisy", pictures / "noisy", "--pairs", pictures / "truth")
    found = document(command("train", *sources, "--out", run, *TINY, "--json"))
    assert (found["path"], found["recipe"], found["steps"]) == (str(run), "student", 2)
    assert found["chosen"]["weights"] == found["weights"]
    assert found["chosen"]["why"]
    again = document(command("resume", run, "--json"))
    assert again["digest"] == found["digest"]

"""What a page shows is what it runs: a shell and the program take the command line apart, and Python is called."""

from __future__ import annotations

import shlex
from functools import partial
from types import SimpleNamespace

import pytest

import pellucid
from pellucid.app.equivalent import DenoiseCommand, TrainCommand, TrustCommand, command_line
from pellucid.cli import root
from pellucid.errors import InputError

AWKWARD = '/data/it\'s "mine" & yours/ü $HOME'

TRAIN = TrainCommand(
    AWKWARD, out="/data/run 1", clean="/data/clean", recipe="proposed", minutes=2.5, settings="width=8 batch=2"
)
DENOISE = DenoiseCommand(AWKWARD, "/out/a b.tif", model="/data/run 1", options=("--noise", "--overwrite"))
FILTER = DenoiseCommand(AWKWARD, "/out/a.tif", recipe="bm3d", settings="seed=3")
TRUST = TrustCommand(AWKWARD, "/out/trust.html", recipe="bm3d", settings="sigma=20")


def parsed(command):
    """What the program understands, after a shell has split what is shown."""
    program, *tokens = shlex.split(command_line(command.arguments))
    assert program == "pellucid"
    assert tuple(tokens) == command.arguments
    function, bound, _ = root.parse_args(tokens, exit_on_error=False, print_error=False)
    return function.__name__, bound.arguments


def _note(calls, name, *given, **options):
    calls.append((name, given, options))
    return SimpleNamespace(verdict="")


def called(command, monkeypatch):
    """What Python calls if it is given what is shown."""
    calls = []
    for name in ("train", "denoise", "trust"):
        monkeypatch.setattr(pellucid, name, partial(_note, calls, name), raising=False)
    exec(compile(command.python, "shown", "exec"), {})
    (call,) = calls
    return call


def test_a_training(monkeypatch):
    name, options = parsed(TRAIN)
    assert name == "train"
    assert options["sources"].given() == {"noisy": [AWKWARD], "clean": ["/data/clean"]}
    assert (str(options["out"]), options["recipe"], options["minutes"]) == ("/data/run 1", "proposed", 2.5)
    assert options["set_"] == ["width=8", "batch=2"]
    name, given, options = called(TRAIN, monkeypatch)
    assert (name, given) == ("train", ())
    sources = {"noisy": AWKWARD, "clean": "/data/clean", "out": "/data/run 1"}
    assert options == {**sources, "recipe": "proposed", "minutes": 2.5, "width": 8, "batch": 2}


def test_a_denoising_with_a_model(monkeypatch):
    name, options = parsed(DENOISE)
    assert (name, options["input_"], str(options["output"]), str(options["model"])) == (
        "denoise",
        AWKWARD,
        "/out/a b.tif",
        "/data/run 1",
    )
    assert options["noise"]
    assert options["overwrite"]
    name, given, options = called(DENOISE, monkeypatch)
    assert (name, given) == ("denoise", (AWKWARD, "/out/a b.tif"))
    assert options == {"model": "/data/run 1", "noise": True, "overwrite": True}


def test_a_denoising_with_a_filter(monkeypatch):
    _, options = parsed(FILTER)
    assert (options["recipe"], options["set_"]) == ("bm3d", ["seed=3"])
    assert "model" not in options
    assert called(FILTER, monkeypatch)[2] == {"recipe": "bm3d", "seed": 3}


def test_trust_in_a_filter_as_it_is_set():
    name, options = parsed(TRUST)
    assert (name, options["noisy"], options["recipe"], options["set_"]) == ("trust", AWKWARD, "bm3d", ["sigma=20"])
    name, options = parsed(TrustCommand(AWKWARD, "/out/trust.html", model="em", settings="sigma=20"))
    assert str(options["model"]) == "em"  # settings are a filter's
    assert "set_" not in options


def test_the_default_is_not_named():
    command = TrainCommand("noisy", out="run", clean="clean", minutes=10)
    assert command_line(command.arguments) == "pellucid train --clean clean --noisy noisy --out run --minutes 10"


@pytest.mark.parametrize("settings", ["width", "width=8 batch"])
def test_a_setting_without_a_value_is_refused(settings):
    with pytest.raises(InputError, match="key=value"):
        _ = TrainCommand("noisy", out="run", settings=settings).arguments


def test_two_budgets_are_refused():
    with pytest.raises(InputError, match="two budgets"):
        _ = TrainCommand("noisy", out="run", minutes=10, settings="steps=5").arguments

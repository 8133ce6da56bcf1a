"""A run that is killed at any instant and goes on equals one that never stopped."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from pellucid.errors import InputError, RunError
from pellucid.images import write_array
from pellucid.methods import make_recipe
from pellucid.runs import recorder, training
from pellucid.training import Interrupted

PROGRAM = """
import os, signal, sys
import pellucid.runs.recorder as recorder
from pellucid.cli import main

how, number, *arguments = sys.argv[1:]
whole = recorder.Recorder.__call__

def stopping(self, training, losses):
    whole(self, training, losses)
    if training.number == int(number):
        os.kill(os.getpid(), getattr(signal, how))

recorder.Recorder.__call__ = stopping
recorder._tensorboard = lambda run: None  # its import takes longer than the run
main(arguments)
"""
"""The command line, which gets a signal after a step."""


def stopped(how, number, pictures, settings, out):
    pairs = [f"{key}={value}" for key, value in settings.items()]
    arguments = ["train", "--clean", pictures / "clean", "--noisy", pictures / "noisy", "--out", out, "--device", "cpu"]
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, how, str(number), *map(str, arguments), "--set", *pairs],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def assert_same_run(run, expected):
    for name in (
        "weights/last.safetensors",
        "weights/average.safetensors",
        "metrics.jsonl",
        "recipe.toml",
        "model.json",
    ):
        assert (run / name).read_bytes() == (expected / name).read_bytes(), name
    states = [torch.load(folder / "state.pt", weights_only=True) for folder in (run, expected)]
    torch.testing.assert_close(states[0], states[1], rtol=0, atol=0)


def test_killed_and_resumed_equals_never_stopped(pictures, settings, trained, tmp_path, one_thread):
    run = tmp_path / "run"
    assert stopped("SIGKILL", 6, pictures, settings, run).returncode == -signal.SIGKILL
    assert torch.load(run / "state.pt", weights_only=True)["number"] == 4
    lines = (run / "metrics.jsonl").read_text()
    assert [json.loads(line)["step"] for line in lines.splitlines()] == [1, 2, 3, 4, 5, 6]
    (run / "metrics.jsonl").write_text(lines + '{"step": 7, "cyc')  # as a kill within a line leaves it
    training.resume(run, "cpu")
    assert_same_run(run, trained)


def test_killed_before_the_first_save_begins_again(trained, tmp_path, one_thread):
    run = shutil.copytree(trained, tmp_path / "run")
    for name in ("state.pt", "weights/last.safetensors", "weights/average.safetensors"):
        (run / name).unlink()
    (run / "metrics.jsonl").write_text("".join((trained / "metrics.jsonl").read_text().splitlines(keepends=True)[:2]))
    training.resume(run, "cpu")
    assert_same_run(run, trained)


def test_interrupted_and_resumed_equals_never_stopped(pictures, settings, trained, tmp_path, one_thread):
    run = tmp_path / "run"
    done = stopped("SIGINT", 5, pictures, settings, run)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last == f"pellucid: stopped after step 5; saved. Go on with: pellucid train --resume {run}"
    assert "Traceback" not in done.stderr
    assert torch.load(run / "state.pt", weights_only=True)["number"] == 5
    training.resume(run, "cpu")
    assert_same_run(run, trained)


def copy(trained, folder, state_of_step_4):
    """A copy of the finished run as it was when its state of step 4 had just been saved."""
    run = shutil.copytree(trained, folder)
    shutil.copy(state_of_step_4, run / "state.pt")
    return run


@pytest.fixture(scope="module")
def state_of_step_4(pictures, settings, tmp_path_factory):
    """The state that the run saves after its fourth step."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    run = tmp_path_factory.mktemp("half") / "run"
    whole = recorder.Recorder.__call__

    def stopping(self, training, losses):
        whole(self, training, losses)
        if training.number == 4:
            raise RunError("a power cut")

    sources = {kind: str(pictures / kind) for kind in ("clean", "noisy")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recorder.Recorder, "__call__", stopping)
        with pytest.raises(RunError, match="a power cut"):
            training.start(sources, run, make_recipe("proposed", "quick", settings), "cpu")
    torch.set_num_threads(threads)
    return run / "state.pt"


def test_killed_between_the_last_weights_and_the_last_state(trained, state_of_step_4, tmp_path, one_thread):
    run = copy(trained, tmp_path / "run", state_of_step_4)
    training.resume(run, "cpu")
    assert_same_run(run, trained)


def test_killed_between_the_last_state_and_nothing_has_the_last_weights(trained):
    """Weights are written before the state: what says that it is finished has them."""
    order = [
        (trained / name).stat().st_mtime_ns
        for name in ("weights/last.safetensors", "weights/average.safetensors", "state.pt")
    ]
    assert order == sorted(order)


def test_a_finished_run_says_so_even_without_its_images(trained, tmp_path, capsys):
    run = shutil.copytree(trained, tmp_path / "run")
    provenance = (run / "provenance.json").read_text()
    (run / "provenance.json").write_text(provenance.replace("/clean", "/gone"))
    training.resume(run, "cpu")
    assert "finished already, 8 steps" in capsys.readouterr().err
    assert_same_run(run, trained)


@pytest.mark.parametrize("kind", ["clean", "noisy"])
def test_changed_and_missing_images_are_refused(kind, trained, state_of_step_4, pictures, tmp_path):
    run = copy(trained, tmp_path / "run", state_of_step_4)
    moved = shutil.copytree(pictures / kind, tmp_path / "moved")
    provenance = json.loads((run / "provenance.json").read_text())
    provenance["sources"][kind]["path"] = str(moved)
    (run / "provenance.json").write_text(json.dumps(provenance))
    name = next(moved.iterdir())
    write_array(name, np.full((96, 96), 7, np.uint8), overwrite=True)
    before = (run / "metrics.jsonl").read_bytes()
    with pytest.raises(
        InputError, match=f"the {kind} images at .*moved have changed since the run began: put them back"
    ):
        training.resume(run, "cpu")
    shutil.rmtree(moved)
    with pytest.raises(InputError, match="moved: there is no such file"):
        training.resume(run, "cpu")
    assert (run / "metrics.jsonl").read_bytes() == before


def test_runs_on_arrays_cannot_be_resumed(tmp_path, pictures, settings, monkeypatch):
    random = np.random.default_rng(0)
    noisy = random.integers(0, 255, (2, 64, 64)).astype(np.uint8)

    def interrupt(self, training, losses):
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(recorder.Recorder, "__call__", interrupt)
    sources = {"clean": str(pictures / "clean"), "noisy": noisy}
    with pytest.raises(Interrupted, match="stopped after step 1; saved"):
        training.start(sources, tmp_path / "run", make_recipe("proposed", "quick", {**settings, "width": 1}), "cpu")
    with pytest.raises(InputError, match=r"the noisy images of this run were arrays, .*train from files to resume"):
        training.resume(tmp_path / "run", "cpu")


def test_damaged_and_foreign_states_are_named(trained, tmp_path):
    run = shutil.copytree(trained, tmp_path / "run")
    (run / "state.pt").write_bytes((run / "state.pt").read_bytes()[:1000])
    with pytest.raises(InputError, match=r"state\.pt: cannot be read as a training state"):
        training.resume(run, "cpu")
    shutil.copy(trained / "state.pt", run / "state.pt")
    (run / "recipe.toml").write_text((trained / "recipe.toml").read_text().replace("width = 4", "width = 5"))
    with pytest.raises(InputError, match="does not fit this recipe"):
        training.resume(run, "cpu")


def test_what_is_no_run_cannot_be_resumed(tmp_path, pictures, settings, monkeypatch):
    for folder in (tmp_path / "missing", tmp_path, pictures / "clean" / "a0.png"):
        with pytest.raises(InputError, match=f"{folder}: not the folder of a run"):
            training.resume(folder)

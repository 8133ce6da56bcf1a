"""The whole way: torchrun, two processes, the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from pellucid.methods import make_recipe
from pellucid.runs import trainer

PROGRAM = """
import os, sys
from pellucid.cli import main
from pellucid.training import Training, loop

loop.RECALIBRATION_BATCHES = 4  # as in the process of the tests
whole = Training.step

def faulty(self, batch):
    if os.environ["RANK"] == "1" and str(self.number) == os.environ.get("FAULT_AFTER"):
        raise RuntimeError("a fault")
    return whole(self, batch)

Training.step = faulty
sys.modules["tensorboard"] = None  # its import takes longer than the run
main()
"""
"""The command line; its second process may fail after a step."""

SETTINGS = {"width": 4, "depth": 4, "patch": 16, "batch": 4, "steps": 3, "save_every": 2, "preview_every": 9}
RECIPE = make_recipe("dncnn", "quick", SETTINGS)


def torchrun(program, *arguments, **environment):
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.run(
        [*launcher, program, *map(str, arguments)],
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def sources(pictures):
    """The sources of a run."""
    return {"noisy": str(pictures / "noisy"), "pairs": str(pictures / "truth")}


@pytest.fixture(scope="module")
def alone(sources, tmp_path_factory):
    """A run by one process."""
    return trainer.train(sources, tmp_path_factory.mktemp("alone") / "run", RECIPE, "cpu").folder


def assert_same_weights(run, expected):
    for name in ("last", "average"):
        weights, others = (load_file(folder / "weights" / f"{name}.safetensors") for folder in (run, expected))
        torch.testing.assert_close(weights, others, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_fault_of_one_ends_both_and_the_run_goes_on(processes, sources, alone, tmp_path, one_thread):
    program, run = tmp_path / "program.py", tmp_path / "run"
    program.write_text(PROGRAM)
    given = ("train", "--recipe", "dncnn", "--noisy", sources["noisy"], "--pairs", sources["pairs"], "--out", run)
    settings = (f"{key}={value}" for key, value in SETTINGS.items())
    failed = torchrun(program, *given, "--device", "cpu", "--set", *settings, FAULT_AFTER="2")
    assert failed.returncode == 1
    assert "pellucid: RuntimeError: a fault" in failed.stderr
    assert failed.stderr.count("3 steps, on cpu (as asked), 2 processes") == 1  # one of them speaks
    assert torch.load(run / "state.pt", weights_only=True)["number"] == 2

    if processes == 1:
        trainer.resume(run, "cpu")
    else:
        assert torchrun(program, "resume", run, "--device", "cpu").returncode == 0
    assert [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()] == [1, 2, 3]
    provenance = json.loads((run / "provenance.json").read_text())
    assert (provenance["processes"], provenance["amp"]) == (2, False)
    assert [(one["step"], one["processes"]) for one in provenance["resumed"]] == [(2, processes)]
    assert_same_weights(run, alone)


STOPPED = """
import os, signal, sys
import pellucid.runs.callbacks as callbacks
from pellucid.cli import main

whole = callbacks.LogLosses.after_step

def record_and_stop(self, training, losses):
    whole(self, training, losses)
    if training.number == 1:
        os.kill(os.getppid(), signal.SIGTERM)  # torchrun, as a cluster ends it

callbacks.LogLosses.after_step = record_and_stop
sys.modules["tensorboard"] = None  # its import takes longer than the run
main()
"""
"""The command line, whose launcher is told to end after the first step."""


@pytest.mark.slow
def test_torchrun_told_to_end_saves(sources, tmp_path):
    program, run = tmp_path / "program.py", tmp_path / "run"
    program.write_text(STOPPED)
    given = ("train", "--recipe", "dncnn", "--noisy", sources["noisy"], "--pairs", sources["pairs"], "--out", run)
    settings = (f"{key}={value}" for key, value in {**SETTINGS, "steps": 100_000, "save_every": 100_000}.items())
    stopped = torchrun(program, *given, "--device", "cpu", "--set", *settings)
    assert stopped.returncode != 0
    (said,) = {line for line in stopped.stderr.splitlines() if line.startswith("pellucid: stopped after step ")}
    number = torch.load(run / "state.pt", weights_only=True)["number"]
    assert said == f"pellucid: stopped after step {number}; saved. Resume with: pellucid resume {run}"
    assert number < 100_000


def test_a_batch_that_cannot_be_shared_equally_is_refused(pictures, tmp_path, refused, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    line = refused(
        "train", "--clean", pictures / "clean", "--noisy", pictures / "noisy", "--out", tmp_path / "run",
        "--set", "batch=3",
    )  # fmt: skip
    assert "batch=3 cannot be shared equally by 2 processes: make it a multiple of 2 (--set batch=...)" in line
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("rank", ["0", "1"])
def test_only_the_first_process_speaks(rank, command, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", rank)
    result = command("methods")
    assert (result.status, bool(result.out)) == (0, rank == "0")

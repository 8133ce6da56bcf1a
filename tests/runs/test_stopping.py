"""Trainings that are told to stop, and two processes that want the same run."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

import pytest
import torch

from pellucid.methods import make_recipe
from pellucid.runs import trainer

from .stopping import signal_after

pytestmark = pytest.mark.usefixtures("undrawn")

SETTINGS = {"width": 4, "depth": 4, "patch": 16, "batch": 2, "steps": 4, "save_every": 100, "preview_every": 100}

PROGRAM = """
import os, sys, time
import pellucid.runs.callbacks as callbacks
from pellucid import signals
from pellucid.cli import main

whole = callbacks.ShowProgress.after_step
how = sys.argv.pop(1)

def record_and_stop(self, training, losses):
    whole(self, training, losses)
    if training.number != 2:
        return
    if how == "closed terminal":
        os.write(1, b"close it\\n")  # print would go to the bar
        while signals._pending.get().number is None:  # the kernel tells that the terminal is gone
            time.sleep(0.01)
    else:
        os.write(1, b"waiting\\n")
        sys.stdin.read()

if how == "closed terminal":
    import fcntl, termios
    fcntl.ioctl(2, termios.TIOCSCTTY, 0)
callbacks.ShowProgress.after_step = record_and_stop
sys.modules["tensorboard"] = None  # its import takes longer than the run
main()
"""
"""The command line, to which something happens after step 2."""


def command(how, *arguments):
    """To be run, as a user would."""
    return [sys.executable, "-c", PROGRAM, how, *map(str, arguments), "--device", "cpu"]


@pytest.fixture(scope="module")
def sources(pictures):
    return {"noisy": str(pictures / "noisy"), "pairs": str(pictures / "truth")}


@pytest.fixture(scope="module")
def never_stopped(sources, tmp_path_factory):
    """Weights of a run that was left alone."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    recipe = make_recipe("dncnn", "quick", SETTINGS)
    run = trainer.train(sources, tmp_path_factory.mktemp("alone") / "run", recipe, "cpu")
    torch.set_num_threads(threads)
    return run.weights("last").read_bytes()


@pytest.fixture
def arguments(sources, tmp_path):
    pairs = [f"{key}={value}" for key, value in SETTINGS.items()]
    given = ["train", "--noisy", sources["noisy"], "--pairs", sources["pairs"], "--recipe", "dncnn"]
    return [*given, "--out", tmp_path / "run", "--set", *pairs]


def read_until_told(terminal, told):
    """Read what is drawn in a terminal, for a bar that nobody reads would wait, until something else is told."""
    while told not in (ready := select.select([terminal, told], [], [])[0]):
        os.read(ready[0], 1 << 16)


ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_saves_and_the_run_goes_on_as_if_never_stopped(
    number, arguments, never_stopped, tmp_path, one_thread, refused
):
    with pytest.MonkeyPatch.context() as patch:
        signal_after(2, number, patch)
        line = refused(*arguments, "--device", "cpu", status=128 + number)
    run = tmp_path / "run"
    assert line == f"pellucid: stopped after step 2; saved. Resume with: pellucid resume {run}"
    assert torch.load(run / "state.pt", weights_only=True)["number"] == 2
    assert trainer.resume(run, "cpu").weights("last").read_bytes() == never_stopped


def test_a_closed_terminal_saves(arguments, tmp_path):
    ours, theirs = os.openpty()
    with subprocess.Popen(
        command("closed terminal", *arguments),
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        read_until_told(ours, process.stdout)
        os.close(ours)
        process.wait(120)
    assert process.returncode == 128 + signal.SIGHUP
    assert torch.load(tmp_path / "run" / "state.pt", weights_only=True)["number"] == 2


def test_of_two_that_train_one_run_one_is_refused(arguments, tmp_path, refused):
    run = tmp_path / "run"
    with subprocess.Popen(
        command("wait", *arguments),
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as first:
        assert first.stdout.readline() == "waiting\n"
        line = refused("resume", run)
        first.communicate(timeout=120)
    assert line == f"pellucid: {run}: another process is training this run; wait for it, or stop it"
    assert first.returncode == 0
    assert torch.load(run / "state.pt", weights_only=True)["number"] == 4

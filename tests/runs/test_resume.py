"""A run that is killed at any instant and goes on equals one that never stopped."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from pellucid.cli import main
from pellucid.errors import InputError, Interrupted
from pellucid.io.writing import write_array
from pellucid.methods import make_recipe
from pellucid.runs import trainer
from pellucid.runs.folder import Run
from pellucid.training import Callback
from tests.processes import dies

from .stopping import signal_after

pytestmark = pytest.mark.usefixtures("undrawn")


def be_killed(*arguments):
    """The command line, in a process that ends after step 5."""
    torch.set_num_threads(1)
    signal_after(5, signal.SIGKILL, pytest.MonkeyPatch())
    main(arguments)


def arguments(pictures, settings, out):
    """A command line that trains as the run `trained` was."""
    pairs = [f"{key}={value}" for key, value in settings.items()]
    sources = ["--clean", pictures / "clean", "--noisy", pictures / "noisy"]
    call = ("train", "--recipe", "proposed", *sources, "--out", out, "--device", "cpu", "--set", *pairs)
    return [str(word) for word in call]


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
    assert dies(be_killed, *arguments(pictures, settings, run))
    assert torch.load(run / "state.pt", weights_only=True)["number"] == 3
    lines = (run / "metrics.jsonl").read_text()
    assert [json.loads(line)["step"] for line in lines.splitlines()] == [1, 2, 3, 4, 5]
    (run / "metrics.jsonl").write_text(lines + '{"step": 6, "cyc')  # as a kill within a line leaves it
    trainer.resume(run, "cpu")
    assert_same_run(run, trained)


def test_killed_before_the_first_save_begins_again(trained, tmp_path, one_thread):
    run = shutil.copytree(trained, tmp_path / "run")
    for name in ("state.pt", "weights/last.safetensors", "weights/average.safetensors"):
        (run / name).unlink()
    (run / "metrics.jsonl").write_text("".join((trained / "metrics.jsonl").read_text().splitlines(keepends=True)[:2]))
    trainer.resume(run, "cpu")
    assert_same_run(run, trained)


def test_interrupted_and_resumed_equals_never_stopped(
    pictures, settings, trained, tmp_path, one_thread, refused, monkeypatch
):
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        signal_after(4, signal.SIGINT, patch)
        line = refused(*arguments(pictures, settings, run), status=130)
    assert line == f"pellucid: stopped after step 4; saved. Resume with: pellucid resume {run}"
    assert torch.load(run / "state.pt", weights_only=True)["number"] == 4
    trainer.resume(run, "cpu")
    assert_same_run(run, trained)


def half_way(trained, folder):
    """A copy of the finished run with the state that it had half-way."""
    run = shutil.copytree(trained, folder)
    shutil.copy(trained.with_name("half.pt"), run / "state.pt")
    return run


def test_killed_between_the_last_weights_and_the_last_state(trained, tmp_path, one_thread):
    run = half_way(trained, tmp_path / "run")
    trainer.resume(run, "cpu")
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
    paths = (run / "paths.json").read_text()
    (run / "paths.json").write_text(paths.replace("/clean", "/gone"))
    trainer.resume(run, "cpu")
    assert "already finished after 6 steps" in capsys.readouterr().err
    assert_same_run(run, trained)


@pytest.mark.parametrize("kind", ["clean", "noisy"])
def test_changed_and_missing_images_are_refused(kind, trained, pictures, tmp_path):
    run = half_way(trained, tmp_path / "run")
    moved = shutil.copytree(pictures / kind, tmp_path / "moved")
    Run(run).note_paths({kind: str(moved)})
    name = next(moved.iterdir())
    write_array(name, np.full((96, 96), 7, np.uint8), overwrite=True)
    before = (run / "metrics.jsonl").read_bytes()
    with pytest.raises(
        InputError, match=f"the {kind} images at .*moved are not those that the run was started with: restore them"
    ):
        trainer.resume(run, "cpu")
    shutil.rmtree(moved)
    with pytest.raises(InputError, match="moved: no such file"):
        trainer.resume(run, "cpu")
    assert (run / "metrics.jsonl").read_bytes() == before


class StopAfter(Callback):
    """Somebody who has seen enough after a step."""

    def __init__(self, number):
        self.number = number

    def after_step(self, training, losses):
        if training.number == self.number:
            raise Interrupted("enough")


def test_runs_on_arrays_are_resumed_with_the_same_arrays(tmp_path, pictures, settings):
    random = np.random.default_rng(0)
    noisy = random.integers(0, 255, (2, 64, 64)).astype(np.uint8)
    sources = {"clean": str(pictures / "clean"), "noisy": noisy}
    recipe = make_recipe("proposed", "quick", {**settings, "width": 1})
    with pytest.raises(Interrupted, match="enough; saved"):
        trainer.train(sources, tmp_path / "run", recipe, "cpu", callbacks=[StopAfter(1)])
    with pytest.raises(InputError, match=r"the location of the noisy images is not known \(they were arrays"):
        trainer.resume(tmp_path / "run", "cpu")
    trainer.resume(tmp_path / "run", "cpu", settings={"steps": 2}, moved={"noisy": noisy})
    assert torch.load(tmp_path / "run" / "state.pt", weights_only=True)["number"] == 2


def test_damaged_and_foreign_states_are_named(trained, tmp_path):
    run = shutil.copytree(trained, tmp_path / "run")
    (run / "state.pt").write_bytes((run / "state.pt").read_bytes()[:1000])
    with pytest.raises(InputError, match=r"state\.pt: cannot be read as a training state"):
        trainer.resume(run, "cpu")
    shutil.copy(trained / "state.pt", run / "state.pt")
    (run / "recipe.toml").write_text((trained / "recipe.toml").read_text().replace("width = 4", "width = 5"))
    with pytest.raises(InputError, match="does not match this recipe"):
        trainer.resume(run, "cpu")


def test_what_is_no_run_cannot_be_resumed(tmp_path, pictures, settings, monkeypatch):
    for folder in (tmp_path / "missing", tmp_path, pictures / "clean" / "a0.png"):
        with pytest.raises(InputError, match=f"{folder}: not the folder of a run"):
            trainer.resume(folder)


def test_a_run_that_is_being_trained_is_left_alone(trained, pictures, settings, tmp_path, refused):
    run = half_way(trained, tmp_path / "run")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    busy = f"pellucid: {run}: another process is training this run; wait for it, or stop it"
    with Run(run).held():
        assert refused("resume", run) == busy
        assert refused(*arguments(pictures, settings, run)) == busy
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    assert "is not empty" in refused(*arguments(pictures, settings, run))


HOLDING = """
import sys, time
from pellucid.runs.folder import Run
with Run(sys.argv[1]).held():
    print("held", flush=True)
    time.sleep(600)
"""


def test_the_lock_of_a_killed_process_blocks_nobody(trained, tmp_path):
    run = half_way(trained, tmp_path / "run")
    with subprocess.Popen([sys.executable, "-c", HOLDING, run], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(InputError, match="another process is training this run"):
            trainer.resume(run, "cpu")
        holder.kill()
    with Run(run).held():
        pass

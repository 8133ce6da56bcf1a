"""Units in processes of their own: rows, resuming, failing, stopping. What is trained here is as cheap as can be."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pellucid.benchmark import process_pool, progress_callback
from pellucid.benchmark.dataset_files import prepare
from pellucid.benchmark.datasets import PhantomSize, find_dataset
from pellucid.benchmark.method_spec import MethodSpec
from pellucid.benchmark.plan import Benchmark, Budget, make_plan
from pellucid.benchmark.progress_callback import ProgressCallback, read_curve, read_progress
from pellucid.benchmark.resources import Resources
from pellucid.benchmark.results import ResultsFile, read_results, results_path
from pellucid.benchmark.run_spec import PROGRESS, RESULT, TRAINING
from pellucid.benchmark.runner import do_runs, run_benchmark
from pellucid.benchmark.worker import failed, trained
from pellucid.data.source import open_source
from pellucid.errors import InputError, Interrupted, RunError
from pellucid.evaluation import psnr, ssim
from pellucid.methods import build, make_recipe
from pellucid.training import Training, checkpoint

ALONE = Resources()
DATASET = find_dataset("phantom-film", None, None, PhantomSize(4, 64))
NOISY = MethodSpec("noisy", "noisy")
ISCL = MethodSpec("iscl", "iscl", {"width": "2", "batch": "2"})
DNCNN = MethodSpec("dncnn", "dncnn", {"width": "2", "depth": "3", "batch": "2"})


def means(steps, **more):
    """The cheapest method that trains: its steps only take two means."""
    return MethodSpec("mean-matched", "mean-matched", {"steps": str(steps), "batch": "2", "save_every": "20", **more})


def benchmark(*methods, **changes):
    return dataclasses.replace(Benchmark(methods, [DATASET], Budget("quick", steps=3), device="cpu"), **changes)


def test_a_row_holds_scores_cost_and_provenance_and_is_not_made_again(tmp_path, capsys):
    asked = benchmark(NOISY, ISCL, curve_every=2)
    for number in (1, 2):
        run_benchmark(asked, tmp_path, dataclasses.replace(ALONE, shard=(number, 2)))
    assert sorted(path.name for path in tmp_path.glob("*.sqlite")) == ["results-1of2.sqlite", "results-2of2.sqlite"]
    iscl, noisy = read_results(tmp_path)
    files = prepare(DATASET, tmp_path)
    (truth,), (image,) = (
        [plane.read() for plane in open_source(files.paths(kind, [3])).planes] for kind in ("clean", "noisy")
    )
    (score,) = noisy.scores
    assert score.name == "tissue_03"
    assert (score.psnr, score.ssim) == pytest.approx((psnr(image, truth, 255), ssim(image, truth, 255)), rel=1e-6)
    (kept,) = open_source(list(iscl.images)).planes
    assert iscl.psnr == pytest.approx(psnr(kept.read(), truth, 255), abs=0.1)  # the file is rounded, the score is not
    assert (iscl.steps, iscl.patches, noisy.steps, iscl.threads) == (3, 6, 0, 1)
    assert iscl.recipe["width"] == 2
    assert iscl.settings == {"width": "2", "batch": "2"}
    assert (iscl.title, iscl.supervision, iscl.weights) == ("ISCL", "unpaired", iscl.recipe["weights"])
    assert iscl.training_images == {"noisy": 2, "clean": 1}
    assert iscl.training_seconds > 0
    assert iscl.denoising_seconds > 0
    assert iscl.peak_memory > 100e6
    assert iscl.fingerprint == noisy.fingerprint == files.fingerprint
    assert [point.step for point in iscl.curve] == [2]
    assert 0 < iscl.curve[0].seconds < iscl.training_seconds
    assert not list((tmp_path / "runs").rglob("state.pt"))
    assert not list((tmp_path / "runs").rglob("best.safetensors"))  # no part of a fold is kept from its training
    before = (tmp_path / "results-2of2.sqlite").read_bytes()
    capsys.readouterr()
    run_benchmark(asked, tmp_path, dataclasses.replace(ALONE, shard=(2, 2)))
    assert "1 runs were done before" in capsys.readouterr().err
    assert (tmp_path / "results-2of2.sqlite").read_bytes() == before
    changed = benchmark(NOISY, dataclasses.replace(ISCL, settings={"width": "3"}))
    with pytest.raises(InputError, match=r"has iscl, phantom-film, fold 0, seed 0 with other settings: choose another"):
        run_benchmark(changed, tmp_path, dataclasses.replace(ALONE, shard=(2, 2)))


def start_worker(spec, out):
    folder = spec.folder(out)
    process_pool._prepare(spec, folder)
    arguments = [sys.executable, "-m", "pellucid.benchmark.worker", str(folder), str(out)]
    return folder, subprocess.Popen(arguments, env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL)


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_killed_run_is_resumed_and_gives_the_same_row(tmp_path):
    asked = benchmark(means(120), curve_every=30)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    do_runs(make_plan(asked, whole), whole, ALONE)
    (spec,) = make_plan(asked, killed)
    folder, process = start_worker(spec, killed)
    wait_for(lambda: len(read_progress(folder / PROGRESS)) > 30)
    process.kill()
    process.wait()
    stopped_at = checkpoint.load_state(folder / TRAINING / "state.pt")["number"]
    assert 20 <= stopped_at < 120
    do_runs([spec], killed, ALONE)
    (expected,), (row,) = read_results(whole), read_results(killed)
    assert row.scores == expected.scores
    assert [point[::2] for point in row.curve] == [point[::2] for point in expected.curve]
    assert [point.step for point in row.curve] == list(range(30, 121, 30))
    steps = [line["step"] for line in read_progress(folder / PROGRESS)]
    assert steps == list(range(1, 121))
    seconds = [line["seconds"] for line in read_progress(folder / PROGRESS)]
    assert seconds == sorted(seconds)
    pixels = [open_source(list(each.images)).planes[0].read() for each in (row, expected)]
    np.testing.assert_array_equal(*pixels)


def test_a_row_names_files_from_the_benchmarks_folder_on(tmp_path):
    spec, _ = make_plan(benchmark(means(1), NOISY), tmp_path)
    missing = f"{tmp_path}/datasets/a.tif: no such file"
    ended = SimpleNamespace(spec=spec, folder=spec.folder(tmp_path), asked=False, process=SimpleNamespace(returncode=0))
    ended.folder.mkdir(parents=True)
    (ended.folder / RESULT).write_text(failed(spec, missing).model_dump_json())
    with ResultsFile(results_path(tmp_path)) as results:
        at_work = process_pool.ProcessPool(tmp_path, ALONE, results, process_pool.Summary())
        at_work.running.append(ended)
        assert missing in at_work._collect(ended)
    (row,) = read_results(tmp_path)
    assert row.message == "datasets/a.tif: no such file"


def test_a_run_that_fails_leaves_the_others_alone_and_is_tried_again(tmp_path, capsys):
    broken = dataclasses.replace(DNCNN, settings={**DNCNN.settings, "learning_rate": "1e30"})
    with pytest.raises(RunError, match=r"failed: dncnn, phantom-film, fold 0, seed 0 .*step.*tries failed runs again"):
        run_benchmark(benchmark(broken, NOISY), tmp_path, dataclasses.replace(ALONE, processes=2))
    dncnn, noisy = read_results(tmp_path)
    assert (dncnn.status, noisy.status) == ("failed", "done")
    assert "step" in dncnn.message
    assert dncnn.scores == ()
    assert dncnn.psnr is None
    run_benchmark(benchmark(DNCNN, NOISY), tmp_path, ALONE)
    assert [row.status for row in read_results(tmp_path)] == ["done", "done"]


def test_the_time_ends_cleanly_and_the_next_call_goes_on(tmp_path, monkeypatch, capsys):
    asked = benchmark(means(120), NOISY)
    spec, _ = make_plan(asked, tmp_path)
    folder = spec.folder(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(process_pool.ProcessPool, "_late", lambda self: len(read_progress(folder / PROGRESS)) > 5)
        run_benchmark(asked, tmp_path, ALONE)
    printed = capsys.readouterr().err
    assert "mean-matched, phantom-film, fold 0, seed 0: stopped; the next call resumes it" in printed
    assert "the time limit is reached; 2 runs are left: run the same command again to resume" in printed
    assert read_results(tmp_path) == []
    saved = checkpoint.load_state(folder / TRAINING / "state.pt")["number"]
    assert 5 < saved < 120
    run_benchmark(benchmark(means(120)), tmp_path, ALONE)
    assert [row.status for row in read_results(tmp_path)] == ["done"]
    assert [line["step"] for line in read_progress(folder / PROGRESS)] == list(range(1, 121))


PROGRAM = """
import signal, sys
from pellucid.cli import main

signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background would ignore it
main(sys.argv[1:])
"""


def test_ctrl_c_saves_and_says_how_to_resume(tmp_path):
    arguments = ["benchmark", "--methods", "mean-matched", "--set", "steps=100000", "batch=2", "--out", tmp_path]
    arguments += ["--images", "4", "--size", "64", "--processes", "1", "--device", "cpu", "--steps", "3"]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: any(len(read_progress(path)) > 3 for path in tmp_path.glob(f"runs/*/{PROGRESS}")))
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGINT
    assert f"pellucid: stopped; finished runs are kept. Run the same command again to resume ({tmp_path})" in printed
    assert "Traceback" not in printed
    assert list(tmp_path.glob(f"runs/*/{TRAINING}/state.pt"))
    assert read_results(tmp_path) == []


def test_two_benchmarks_in_one_folder_are_refused(tmp_path):
    from pellucid.blockwise.lock import locked

    specs = make_plan(benchmark(NOISY), tmp_path)
    with (
        locked(tmp_path / ".results.lock", "busy"),
        pytest.raises(InputError, match="another benchmark is running there; wait for it, or give each a share"),
    ):
        do_runs(specs, tmp_path, ALONE)


def test_a_training_ends_when_its_benchmark_is_gone(tmp_path, monkeypatch):
    callback = ProgressCallback(tmp_path / PROGRESS, lambda *_: (0.0, 0.0), 0)
    training = Training(build(make_recipe("mean-matched", "quick")), torch.device("cpu"))
    callback.before_step(training)
    monkeypatch.setattr(os, "getppid", lambda: 1_000_000)
    with pytest.raises(Interrupted, match="has ended"):
        callback.before_step(training)


def test_a_training_takes_the_computing_time_that_was_asked_for(tmp_path, monkeypatch):
    (spec,) = make_plan(benchmark(DNCNN, budget=Budget("quick", seconds=30)), tmp_path)
    folder = spec.folder(tmp_path)
    process_pool._prepare(spec, folder)
    clock = itertools.count(step=0.5)  # read before a step and after it
    monkeypatch.setattr(progress_callback, "computing_time", lambda _: next(clock))
    run = trained(spec, spec.make_recipe(), folder)
    assert run.recipe().steps == 60
    lines = read_progress(folder / PROGRESS)
    assert (lines[-1]["step"], lines[-1]["seconds"]) == (60, 30)


def test_the_log_of_steps_is_cut_where_a_training_goes_on(tmp_path):
    log = tmp_path / PROGRESS
    log.write_text("".join(json.dumps({"step": n, "seconds": n, "psnr": 20.0, "ssim": 0.5}) + "\n" for n in (1, 2, 3)))
    with log.open("a") as lines:
        lines.write('{"step": 4, "sec')  # as a kill leaves it
    training = Training(build(make_recipe("mean-matched", "quick")), torch.device("cpu"))
    callback = ProgressCallback(log, lambda *_: (25.0, 0.7), 1)
    training.number = 2
    callback.on_start(training, lambda number: {})
    callback.before_step(training)
    training.number = 3
    callback.after_step(training, {})
    assert [line["step"] for line in read_progress(log)] == [1, 2, 3]
    assert 2 <= read_progress(log)[-1]["seconds"] < 3
    assert [(point.step, point.psnr, point.ssim) for point in read_curve(log)] == [
        (1, 20, 0.5),
        (2, 20, 0.5),
        (3, 25, 0.7),
    ]

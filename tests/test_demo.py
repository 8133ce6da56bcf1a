from __future__ import annotations

import os
import re
import shutil
import signal

import pytest

from pellucid import demo
from pellucid.data.source import open_source
from pellucid.runs import callbacks
from pellucid.runs.folder import Run

TINY = ("--device", "cpu", "--set", "steps=3", "width=4", "batch=2")


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    for name, value in {"TRAINING_IMAGES": 2, "TEST_IMAGES": 2, "SIZE": 96, "SHOWN": 2}.items():
        monkeypatch.setattr(demo, name, value)


def page(out):
    return (out / "index.html").read_text(encoding="utf-8")


def count(folder):
    return len(open_source(str(folder)).images)


def test_the_demo_makes_trains_denoises_scores_and_shows(tmp_path, command, refused):
    out = tmp_path / "demo"
    result = command("demo", "--out", out, *TINY)
    assert result.status == 0, result.err
    assert [count(out / "images" / kind) for kind in ("clean", "noisy", "test", "truth")] == [2, 2, 2, 2]
    assert count(out / "denoised") == 2
    assert "held-out images against the truth, data range 255" in result.err
    assert result.err.splitlines()[-1] == f"look at {out / 'index.html'}"
    text = page(out)
    assert not re.search(r"""(?:src|href)=["'](?!data:|#)""", text)  # nothing is fetched from elsewhere
    assert text.count("data:image/png;base64,") >= 2 * 3
    for word in ("PSNR", "SSIM", "noise-transfer", "expected error", "truth"):
        assert word in text

    line = refused("demo", "--out", out, *TINY)
    assert f"contains a finished demo, {out / 'index.html'}; choose another folder, or replace it by --over" in line
    (out / "mine.txt").write_text("mine")
    shutil.rmtree(out / "denoised")
    assert command("demo", "--out", out, "--overwrite", *TINY).status == 0
    assert count(out / "denoised") == 2
    assert (out / "mine.txt").read_text() == "mine"  # only what a demo wrote is removed


def stopped_in(what, monkeypatch):
    """Let somebody press Ctrl-C when a function has returned, in its first call."""
    owner, name = what
    whole = getattr(owner, name)

    def stopping(*arguments, **options):
        result = whole(*arguments, **options)
        monkeypatch.setattr(owner, name, whole)
        os.kill(os.getpid(), signal.SIGINT)
        return result

    monkeypatch.setattr(owner, name, stopping)


def pixels(folder):
    return [image.planes[0].read().tolist() for image in open_source(str(folder)).images]


@pytest.mark.usefixtures("undrawn")
def test_stopped_anywhere_the_same_command_goes_on(pictures, tmp_path, command, refused, monkeypatch, one_thread):
    whole, out = tmp_path / "whole", tmp_path / "demo"
    call = ("demo", "--overwrite", "--out", out, *TINY)  # as make has it
    assert command("demo", "--out", whole, *TINY).status == 0
    for what, said in (
        ((demo, "simulate"), "stopped"),
        ((callbacks.ShowProgress, "after_step"), "stopped after step 1; saved"),
        ((demo, "_scores"), "stopped"),
    ):
        stopped_in(what, monkeypatch)
        assert refused(*call, status=130) == f"pellucid: {said}; run the same command again to continue"
    for other in (("--set", "steps=4", "width=4", "batch=2"), ("--noise", "gaussian", *TINY[2:])):
        assert "unfinished demo of other images or settings" in refused("demo", "--overwrite", "--out", out, *other)
    began = (out / "run" / "metrics.jsonl").stat().st_mtime_ns
    result = command(*call)
    assert result.status == 0, result.err
    assert "already finished after 3 steps" in result.err
    assert (out / "run" / "metrics.jsonl").stat().st_mtime_ns == began  # nothing was learned again
    assert pixels(out / "denoised") == pixels(whole / "denoised")
    assert count(out / "images" / "test") == 2
    assert not [path.name for path in out.iterdir() if path.name.startswith(".") and path.name != demo.MARK]


@pytest.mark.usefixtures("undrawn")
def test_a_training_on_own_images_goes_on_and_is_not_replaced(pictures, tmp_path, command, refused, monkeypatch):
    own, out = shutil.copytree(pictures, tmp_path / "own"), tmp_path / "demo"
    call = ("demo", "--out", out, "--clean", own / "clean", "--noisy", own / "noisy", *TINY)
    stopped_in((callbacks.ShowProgress, "after_step"), monkeypatch)
    refused(*call, status=130)
    state = (out / "run" / "state.pt").read_bytes()
    (own / "noisy" / "b0.png").rename(own / "b0.png")
    for again, expected in (
        (call, "are not those that the run was started with"),
        (("demo", "--out", out, "--overwrite", *TINY), "unfinished demo of other images or settings"),
    ):
        assert expected in refused(*again)
        assert (out / "run" / "state.pt").read_bytes() == state
    (own / "b0.png").rename(own / "noisy" / "b0.png")
    result = command(*call)
    assert result.status == 0, result.err
    assert "resumes after step 1; 3 steps in total" in result.err
    state = (out / "run" / "state.pt").read_bytes()
    for again, expected in (
        (call, "contains a finished demo"),
        (("demo", "--out", out, "--overwrite", *TINY), "on your own images, which phantom tissue does not replace"),
    ):
        assert expected in refused(*again)
    assert (out / "run" / "state.pt").read_bytes() == state


def test_what_is_no_demo_is_never_removed(tmp_path, trained, refused):
    """Even if it looks like one: a run, and images in folders of the same names."""
    shutil.copytree(trained, tmp_path / "run")
    for name in ("images/clean", "denoised"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "mine.png").write_bytes(b"precious")
    before = sorted(path for path in tmp_path.rglob("*"))
    line = refused("demo", "--out", tmp_path, "--overwrite", *TINY)
    assert "is not the folder of an earlier demo, and will not be overwritten" in line
    assert sorted(path for path in tmp_path.rglob("*")) == before


def test_a_demo_that_is_under_way_is_not_replaced(tmp_path, refused):
    out = tmp_path / "demo"
    out.mkdir()
    for name in (demo.MARK, "index.html"):
        (out / name).write_text("an earlier demo")
    with Run(out / "run").held():
        line = refused("demo", "--out", out, "--overwrite", *TINY)
    assert f"{out / 'run'}: another process is training this run; wait for it, or stop it" in line
    assert (out / "index.html").exists()


def test_own_images_give_pictures_but_no_scores(pictures, tmp_path, command):
    out = tmp_path / "demo"
    result = command("demo", "--out", out, "--clean", pictures / "clean", "--noisy", pictures / "noisy", *TINY)
    assert result.status == 0, result.err
    assert not (out / "images").exists()
    assert count(out / "denoised") == 3
    text = page(out)
    assert "your images" in text
    assert "b0.png" in text
    assert "PSNR" not in text + result.err


def test_wrong_calls_leave_an_earlier_demo_alone(pictures, tmp_path, refused):
    out = tmp_path / "demo"
    (out / "run").mkdir(parents=True)
    (out / demo.MARK).touch()
    own = shutil.copytree(pictures / "noisy", out / "images" / "noisy")
    before = sorted(out.rglob("*"))
    for arguments, expected in (
        (("--clean", pictures / "clean"), "the demo takes both --clean and --noisy, or neither"),
        (("--clean", pictures / "clean", "--noisy", tmp_path / "missing"), "missing: no such file"),
        (("--clean", pictures / "clean", "--noisy", own), "where the demo writes; choose another --out"),
        (("--clean", pictures / "clean", "--noisy", tmp_path), "has no images in it"),
        (("--noise", "flim"), "unknown noise 'flim'"),
        (("--recipe", "student"), "student does not use --clean"),
        (("--set", "patch=40"), "input should be a multiple of 32"),
    ):
        assert expected in refused("demo", "--out", out, "--overwrite", *arguments)
    assert sorted(out.rglob("*")) == before


def test_results_among_the_own_images_are_refused_before_training(pictures, tmp_path, refused):
    own = shutil.copytree(pictures / "noisy", tmp_path / "own")
    line = refused("demo", "--out", own / "demo", "--clean", pictures / "clean", "--noisy", own, *TINY)
    assert "is inside the input" in line
    assert not (own / "demo").exists()

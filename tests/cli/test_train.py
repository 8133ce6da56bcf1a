from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch

from pellucid.io.writing import write_array
from pellucid.runs.folder import Run
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue

pytestmark = pytest.mark.usefixtures("undrawn")

TINY = ("--device", "cpu", "--set", "width=4", "batch=2", "steps=3")
"""The first two steps measure the noise, the third learns."""


@pytest.fixture
def sources(pictures):
    return "--clean", pictures / "clean", "--noisy", pictures / "noisy"


def test_a_training_says_what_it_has_does_and_leaves(sources, tmp_path, command):
    out = tmp_path / "run"
    result = command("train", *sources, "--out", out, *TINY)
    assert result.status == 0, result.err
    assert result.out == ""  # messages are no results
    lines = result.err.splitlines()
    rows = {line.split("│")[1].strip(): line.split("│")[2:4] for line in lines if line.startswith("│")}
    assert [cell.strip() for cell in rows["files"]] == ["3", "3"]
    assert [cell.strip() for cell in rows["sizes"]] == ["96×96", "96×96"]
    assert [cell.strip() for cell in rows["type"]] == ["uint8", "uint8"]
    assert all(len(cell.strip()) > 8 for cell in rows["histogram"])
    assert any(line.startswith("warning: too few pixels: the clean images") for line in lines)
    assert len([line for line in lines if line.startswith("only you can tell whether the clean images show")]) == 1
    assert f"recipe noise-transfer (quick), 3 steps, on cpu (as asked); run folder {out}" in lines
    assert any("3/3" in line and "left" in line and "error" in line for line in lines)
    assert lines[-1] == f"done. Denoise with: pellucid denoise INPUT OUTPUT --model {out}"
    assert len((out / "metrics.jsonl").read_text().splitlines()) == 3


def test_minutes_are_another_amount_of_training(sources, tmp_path, command):
    run = tmp_path / "run"
    result = command(
        "train", *sources, "--out", run, "--minutes", "0.02", "--device", "cpu", "--set", "width=4", "batch=2"
    )
    assert result.status == 0, result.err
    assert "recipe noise-transfer (quick), 0.02 minutes, on cpu (as asked)" in result.err
    recipe = Run(run).recipe()
    assert recipe.minutes == 0.02
    assert len((run / "metrics.jsonl").read_text().splitlines()) == recipe.steps
    result = command("resume", run, "--minutes", "0.001")
    assert "the run has already taken" in result.err


def test_several_files_may_follow_one_option(pictures, tmp_path, command):
    clean, noisy = (sorted((pictures / kind).iterdir()) for kind in ("clean", "noisy"))
    result = command(
        "train", "--clean", *clean[:2], "--clean", clean[2], "--noisy", *noisy, "--out", tmp_path / "run", *TINY
    )
    assert result.status == 0, result.err
    described = json.loads((tmp_path / "run" / "provenance.json").read_text())["sources"]
    assert [described[kind]["images"] for kind in ("clean", "noisy")] == [3, 3]


def test_the_same_images_in_both_sources_are_warned_of(pictures, tmp_path, command):
    mixed = shutil.copytree(pictures / "noisy", tmp_path / "mixed")
    shutil.copy(pictures / "clean" / "a1.png", mixed)
    result = command("train", "--clean", pictures / "clean", "--noisy", mixed, "--out", tmp_path / "run", *TINY)
    assert result.status == 0
    (line,) = [line for line in result.err.splitlines() if line.startswith("warning: duplicates")]
    assert "1 plane is identical in both sources" in line
    assert "a1.png" in line
    assert any("duplicates" in each for each in json.loads((tmp_path / "run/provenance.json").read_text())["warnings"])


def test_opposite_polarity_is_warned_of(tmp_path, command):
    for number in range(2):
        write_array(tmp_path / "clean" / f"{number}.png", tissue((320, 320), seed=number))
        write_array(tmp_path / "noisy" / f"{number}.png", tissue((320, 320), seed=number + 5, polarity="light"))
    inspected = command("inspect", "--clean", tmp_path / "clean", "--noisy", tmp_path / "noisy")
    assert inspected.status == 0
    assert "warning: opposite polarity" in inspected.err


def test_swapped_folders_are_warned_of_and_one_folder_is_inspected_alone(tmp_path, command):
    for number in range(2):
        clean = tissue((320, 320), seed=number)
        write_array(tmp_path / "clean" / f"{number}.png", clean)
        write_array(tmp_path / "noisy" / f"{number}.png", simulate(tissue((320, 320), seed=number + 5), "film", seed=1))
    swapped = command("inspect", "--clean", tmp_path / "noisy", "--noisy", tmp_path / "clean")
    assert "are --clean and --noisy swapped?" in swapped.err
    right = command("inspect", "--clean", tmp_path / "clean", "--noisy", tmp_path / "noisy")
    assert "swapped" not in right.err
    alone = command("inspect", "--noisy", tmp_path / "noisy")
    assert alone.status == 0
    assert "noise σ" in alone.err
    assert "inspect needs --clean, --noisy or both" in command("inspect").err


def test_batch_norm_with_a_tiny_batch_is_warned_of(sources, tmp_path, command):
    result = command("train", *sources, "--out", tmp_path / "run", "--recipe", "iscl-batch", *TINY)
    assert result.status == 0, result.err
    warnings = [line for line in result.err.splitlines() if "learns from batch statistics, which 2 patches" in line]
    assert [line.split("=")[0] for line in warnings] == [
        f"warning: {role}" for role in ("generator", "discriminator", "extractor")
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--set", "stepps=3"), "unknown setting 'stepps': did you mean 'steps'?"),
        (("--set", "steps"), "--set steps: write key=value"),
        (("--set", "steps=many"), "setting steps='many'"),
        (("--set", "steps=0"), "setting steps='0'"),
        (("--minutes", "0"), "setting minutes=0.0: input should be greater than 0"),
        (("--minutes", "5", "--set", "steps=3"), "steps and minutes are two budgets: give one of them"),
        (("--recipe", "isc"), "unknown recipe 'isc': did you mean 'iscl'?"),
        (("--preset", "quik"), "unknown preset 'quik': did you mean 'quick'?"),
        (("--recipe", "proposed", "--set", "generator=instanse"), "did you mean 'instance'?"),
        (("--set", "patch=40"), "setting patch='40': input should be a multiple of 32"),
        (("--device", "tpu"), "device 'tpu' cannot be used"),
    ],
)
def test_wrong_settings_are_refused_and_the_nearest_named(arguments, expected, sources, tmp_path, refused):
    assert expected in refused("train", *sources, "--out", tmp_path / "run", *arguments)
    assert not (tmp_path / "run").exists()


def test_a_norm_that_cannot_work_is_refused_before_any_data_is_read(tmp_path, refused):
    missing = ("--clean", tmp_path / "missing", "--noisy", tmp_path / "missing", "--out", tmp_path / "run")
    line = refused("train", *missing, "--recipe", "proposed", "--set", "discriminator=instance")
    assert "discriminator='instance' cannot work: its last map has one pixel" in line


def test_a_used_folder_is_refused_before_any_data_is_read(tmp_path, trained, refused):
    missing = ("--clean", tmp_path / "missing", "--noisy", tmp_path / "missing")
    line = refused("train", *missing, "--out", trained)
    assert (
        f"{trained}: is not empty; choose another folder, delete this one, or resume its run: pellucid resume {trained}"
        in line
    )


@pytest.mark.parametrize(
    ("left_out", "message"),
    [
        (0, "Noise transfer needs --clean: clean images, unrelated to the noisy ones"),
        (2, "Noise transfer needs --noisy: noisy images"),
        (4, "train needs --out, a folder for the run"),
    ],
)
def test_all_three_are_needed(left_out, message, sources, tmp_path, refused):
    arguments = [*sources, "--out", tmp_path / "run"]
    del arguments[left_out : left_out + 2]
    assert message in refused("train", *arguments)


def test_images_of_no_use_are_refused(sources, pictures, tmp_path, refused):
    line = refused("train", *sources, "--pairs", pictures / "truth", "--out", tmp_path / "run")
    assert "Noise transfer does not use --pairs: omit it; this method learns from --noisy and --clean" in line


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--out", "x"), "Unknown option: --out"),
        (("--set", "steps=3"), "steps=3: the run has already taken 6 steps"),
        (("--set", "width=8"), "width=8: the run was started with width=4, which cannot change any more"),
        (("--set", "steps=7", "--pairs", "x"), "this run does not learn from --pairs: omit it"),
    ],
)
def test_what_resume_cannot_do_is_refused(more, message, trained, tmp_path, refused):
    run = shutil.copytree(trained, tmp_path / "run")
    recipe = (run / "recipe.toml").read_bytes()
    assert message in refused("resume", run, *more)
    assert (run / "recipe.toml").read_bytes() == recipe


def test_resume_of_a_finished_run_says_so(trained, tmp_path, command):
    run = shutil.copytree(trained, tmp_path / "run")
    result = command("resume", run)
    assert result.status == 0
    more = f"pellucid resume {run} --set steps=12"
    assert f"{run}: already finished after 6 steps; to train for longer: {more}" in result.err.splitlines()


def test_a_loss_that_is_not_a_number_keeps_the_last_good_state(sources, tmp_path, refused, monkeypatch):
    from pellucid.methods.iscl import Iscl

    whole = Iscl.step

    def poisoned(self, batch, number):
        losses = whole(self, batch, number)
        return {**losses, "cycle": torch.tensor(float("nan"))} if number == 3 else losses

    monkeypatch.setattr(Iscl, "step", poisoned)
    out = tmp_path / "run"
    pairs = ("width=1", "batch=2", "steps=5", "save_every=2")
    iscl = ("--recipe", "proposed", "--out", out, "--device", "cpu", "--set", *pairs)
    line = refused("train", *sources, *iscl, status=1)
    assert "loss 'cycle' became nan at step 3; the last good state is kept" in line
    assert torch.load(out / "state.pt", weights_only=True)["number"] == 2
    assert len((out / "metrics.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_other_pixel_types_train_and_denoise(dtype, tmp_path, command):
    for kind, seed in (("clean", 0), ("noisy", 5)):
        image = tissue((80, 72), seed=seed).astype(dtype) * (200 if dtype == "uint16" else 1e-3)
        write_array(tmp_path / kind / "a.tif", image.astype(dtype))
    run = tmp_path / "run"
    arguments = ("--clean", tmp_path / "clean", "--noisy", tmp_path / "noisy", "--out", run)
    assert command("train", *arguments, *TINY).status == 0
    assert json.loads((run / "model.json").read_text())["dtypes"] == {"clean": dtype, "noisy": dtype}
    assert command("denoise", tmp_path / "noisy", tmp_path / "out", "--model", run).status == 0
    write_array(tmp_path / "b.png", np.full((20, 20), 3, np.uint8))
    wrong = command("denoise", tmp_path / "b.png", tmp_path / "c.png", "--model", run)
    assert f"has uint8 pixels, but the model was trained on {dtype}" in wrong.err


def test_one_single_tiny_image_trains_with_a_warning(tmp_path, command):
    for kind in ("clean", "noisy"):
        write_array(tmp_path / f"{kind}.png", tissue((20, 17), seed=len(kind)))
    run = tmp_path / "run"
    result = command("train", "--clean", tmp_path / "clean.png", "--noisy", tmp_path / "noisy.png", "--out", run, *TINY)
    assert result.status == 0, result.err
    assert "warning: too few pixels" in result.err


def test_images_of_mixed_sizes_are_fine(tmp_path, command):
    for number, shape in enumerate(((70, 96), (40, 130), (64, 64))):
        write_array(tmp_path / "clean" / f"{number}.png", tissue(shape, seed=number))
        write_array(tmp_path / "noisy" / f"{number}.png", tissue(shape, seed=number + 9))
    run = tmp_path / "run"
    result = command("train", "--clean", tmp_path / "clean", "--noisy", tmp_path / "noisy", "--out", run, *TINY)
    assert result.status == 0, result.err
    assert "70×96, 64×64, 40×130" in result.err

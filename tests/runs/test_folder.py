from __future__ import annotations

import errno
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Picture

from pellucid.errors import InputError, RunError
from pellucid.model import Model
from pellucid.norms import Moments, feature_norms
from pellucid.runs.folder import Run
from pellucid.runs.model_store import FORMAT


@pytest.fixture
def run(trained, tmp_path):
    """A copy of a run, to be damaged."""
    return Run(shutil.copytree(trained, tmp_path / "run"))


def lines(run):
    return [json.loads(line) for line in run.metrics.read_text().splitlines()]


def edit(path, change):
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def test_a_finished_run_holds_all_that_its_docstring_names(trained):
    run = Run(trained)
    expected = {
        *("recipe.toml", "model.json", "provenance.json", "state.pt", "metrics.jsonl", "curves.png"),
        *(".lock", "paths.json", "structure.json"),
        *("weights/last.safetensors", "weights/average.safetensors"),
        *("weights/last-statistics.safetensors", "weights/average-statistics.safetensors"),
        *(previews := {"previews/000004.png", "previews/000006.png"}),
    }
    found = {str(path.relative_to(trained)) for path in trained.rglob("*") if path.is_file()}
    # on a slow machine there may be previews by the clock too
    assert {name for name in found if not name.startswith(("tensorboard/", "previews/"))} == expected - previews
    assert found >= previews
    assert run.recipe().steps == 6
    assert run.dtypes() == {"clean": np.uint8, "noisy": np.uint8}
    assert {kind: (i.low, i.high) for kind, i in run.intensities().items()} == {"clean": (0, 255), "noisy": (0, 255)}


def test_provenance_tells_version_machine_data_and_warnings(trained):
    provenance = Run(trained).provenance()
    assert {"pellucid", "torch", "python", "threads", "started"} <= set(provenance)
    assert provenance["sources"]["clean"]["images"] == 3
    assert provenance["sources"]["noisy"]["pixels"] == 3 * 96 * 96
    assert any("too few pixels" in warning for warning in provenance["warnings"])


def test_every_step_has_a_line_with_every_loss(trained):
    steps = lines(Run(trained))
    assert [step["step"] for step in steps] == list(range(1, 7))
    assert all({"cycle", "bypass", "pseudo_noise", "g_clean", "d_noisy"} <= set(step) for step in steps)
    assert np.isfinite([list(step.values()) for step in steps]).all()


@pytest.mark.parametrize(
    ("name", "least"), [("curves.png", 50), ("previews/000004.png", 20), ("previews/000006.png", 20)]
)
def test_pictures_show_something(trained, name, least):
    with Picture.open(trained / name) as picture:
        grey = np.asarray(picture.convert("L"))
    assert min(grey.shape) > 150
    assert grey.std() > least / 5
    assert len(np.unique(grey)) > least


def test_a_preview_shows_the_noisy_crop_pixel_by_pixel(trained, pictures):
    with Picture.open(trained / "previews/000006.png") as picture:
        sheet = np.asarray(picture.convert("L"))
    crop = np.asarray(Picture.open(pictures / "noisy/b0.png"))[:8, :8]
    enlarged = np.repeat(np.repeat(crop, 2, 0), 2, 1)
    windows = np.lib.stride_tricks.sliding_window_view(sheet, enlarged.shape)[:120, :40]
    assert (windows == enlarged).all(axis=(2, 3)).any()


def test_last_and_average_weights_are_those_of_the_state(trained):
    run = Run(trained)
    state = torch.load(run.state, weights_only=True)
    last, average = run.denoiser("last").state_dict(), run.denoiser("average").state_dict()
    for name in last:
        assert torch.equal(last[name], state["method"][f"denoiser.{name}"])
        if "running" not in name:  # those are measured anew for the averaged weights
            assert torch.equal(average[name], state["average"][name])
    assert any(not torch.equal(last[name], average[name]) for name in last)


def test_a_used_folder_is_refused_and_a_new_or_empty_one_taken(tmp_path, trained):
    Run(tmp_path / "new").refuse_used()
    Run(tmp_path).refuse_used()
    (tmp_path / "file").write_text("mine")
    for used, reason in ((trained, "is not empty; .*pellucid resume"), (tmp_path / "file", "is a file")):
        with pytest.raises(InputError, match=reason):
            Run(used).refuse_used()


def test_the_newer_format_is_told_before_its_unknown_settings(run):
    edit(run.folder / "model.json", lambda model: model.update(format=FORMAT + 1))
    with (run.folder / "recipe.toml").open("a") as recipe:
        recipe.write('teleport = "yes"\n')
    with pytest.raises(InputError, match=r"run: written by a newer Pellucid \(format 2, .*update Pellucid"):
        run.denoiser()


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model.pop("format"),
        lambda model: model.pop("dtypes"),
        lambda model: model["intensities"].pop("noisy"),
        lambda model: model["intensities"]["noisy"].update(low="dark"),
        lambda model: model["intensities"]["noisy"].update(low=300),
        lambda model: model["intensities"]["noisy"].update(colour=3),
        lambda model: model["dtypes"].update(noisy="uint9"),
        lambda model: model.update(intensities=[1, 2]),
    ],
)
def test_a_damaged_model_file_is_named(run, change):
    edit(run.folder / "model.json", change)
    with pytest.raises(InputError, match=r"model\.json: .*damaged .*copy the run's folder again") as told:
        (run.recipe(), run.intensities(), run.dtypes())
    assert len(str(told.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("steps = = 3", "damaged"),
        ("steps = 3", "damaged"),
        ('method = "iscI"', "unknown method 'iscI'"),
        ('method = "iscl"\nstep = 3', "unknown setting 'step': did you mean 'steps'"),
        ('method = "iscl"\nsteps = -3', "steps"),
    ],
)
def test_a_damaged_recipe_is_named(run, text, reason):
    (run.folder / "recipe.toml").write_text(text)
    with pytest.raises(InputError, match=rf"recipe\.toml: .*{reason}"):
        run.recipe()


def test_binary_text_is_damaged_too(run):
    (run.folder / "recipe.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"recipe\.toml: .*damaged"):
        run.recipe()
    (run.folder / "provenance.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"provenance\.json: .*damaged"):
        run.sources()


def test_a_model_alone_cannot_be_trained_on(run):
    edit(run.folder / "provenance.json", lambda provenance: provenance.pop("sources"))
    with pytest.raises(InputError, match="is a saved model; resume the run"):
        run.sources()


def test_provenance_without_sources_is_damaged(run):
    (run.folder / "provenance.json").write_text('{"sources": {"clean": {"path": "x"}}}')
    with pytest.raises(InputError, match=r"provenance\.json: .*damaged"):
        run.sources()


def test_damaged_missing_and_foreign_weights(run):
    path = run.weights("last")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"last\.safetensors: damaged"):
        run.denoiser("last")
    path.unlink()
    with pytest.raises(InputError, match=r"last\.safetensors: missing; .*pellucid resume"):
        run.denoiser("last")
    path.write_bytes(whole)
    recipe = run.folder / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("width = 4", "width = 5"))
    with pytest.raises(InputError, match=r"last\.safetensors: damaged or of another recipe"):
        run.denoiser("last")


def test_weights_of_another_shape_say_what_does_not_fit(run):
    recipe = run.folder / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("width = 4", "width = 5"))
    with pytest.raises(InputError, match=r"last\.safetensors: .*another recipe \(size mismatch for .*shape") as told:
        run.denoiser("last")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_weights_and_statistics_that_are_not_finite_blame_the_model(run, wrong):
    denoiser = run.denoiser("last")
    weights, statistics = denoiser.state_dict(), run.statistics(denoiser, "last")
    name = next(iter(weights))
    weights[name].view(-1)[:2] = wrong
    run.save_weights("last", weights, 1)
    with pytest.raises(InputError, match=rf"last\.safetensors: unusable, 2 weights .* first in {name}"):
        run.denoiser("last")
    next(iter(statistics[0].values())).var[0, 0] = wrong
    run.save_statistics("last", statistics)
    with pytest.raises(InputError, match=r"last-statistics\.safetensors: the model cannot be used"):
        run.statistics(denoiser, "last")


def test_statistics_of_another_run_are_refused(run):
    denoiser = run.denoiser("last")
    statistics = run.statistics(denoiser, "last")
    first = next(iter(statistics[0]))
    wider = {name: Moments(*(part.repeat(1, 2) for part in found[:2]), 1) for name, found in statistics[0].items()}
    renamed = {f"x{name}" if name == first else name: found for name, found in statistics[0].items()}
    for other in ([wider, *statistics[1:]], [renamed, *statistics[1:]], statistics[:1], [{}, *statistics[1:]]):
        run.save_statistics("last", other)
        with pytest.raises(InputError, match=r"last-statistics\.safetensors: belongs to another run or recipe"):
            run.statistics(denoiser, "last")


def test_statistics_of_both_weights_are_noted(run):
    for which in ("last", "average"):
        denoiser = run.denoiser(which)
        statistics = run.statistics(denoiser, which)
        assert [set(moments) for moments in statistics] == [
            set(feature_norms(network)) for network in denoiser.networks()
        ]
        assert all(moments.pixels > 0 for network in statistics for moments in network.values())
    found = [run.statistics(run.denoiser(which), which) for which in ("last", "average")]
    assert not torch.equal(*(next(iter(statistics[0].values())).mean for statistics in found))


def test_missing_and_damaged_statistics_are_named(run):
    path = run.folder / "weights" / "last-statistics.safetensors"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(InputError, match=r"last-statistics\.safetensors: .*damaged"):
        run.statistics(run.denoiser("last"), "last")
    path.unlink()
    with pytest.raises(InputError, match=r"last-statistics\.safetensors: missing"):
        run.statistics(run.denoiser("last"), "last")


def test_unknown_weights_are_refused(run):
    with pytest.raises(InputError, match=r"'first'.*best, last, average"):
        run.denoiser("first")


def test_metrics_after_a_step_and_a_half_written_line_are_dropped(run):
    whole = run.metrics.read_text().splitlines(keepends=True)
    run.metrics.write_text("".join(whole[:5]) + whole[5][:20])
    run.forget_metrics_after(4)
    assert run.metrics.read_text() == "".join(whole[:4])
    run.metrics.write_text("".join(whole[:4]) + whole[4][:20])
    run.forget_metrics_after(5)
    assert run.metrics.read_text() == "".join(whole[:4])


def test_no_metrics_at_all_become_an_empty_file(run):
    run.metrics.unlink()
    run.forget_metrics_after(0)
    assert run.metrics.read_text() == ""


def test_a_full_disk_is_told_and_leaves_the_old_weights(run, monkeypatch):
    path = run.weights("last")
    before, before_it = path.read_bytes(), sorted(file.name for file in path.parent.iterdir())

    def full(path, content):
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(RunError, match=r"disk full while writing .*last\.safetensors"):
        run.save_weights("last", {"a": torch.zeros(1)}, 9)
    assert path.read_bytes() == before
    assert sorted(file.name for file in path.parent.iterdir()) == before_it


def test_the_structure_of_the_images_is_kept_by_runs_and_saved_models(trained, tmp_path):
    structure = Run(trained).structure()
    assert set(structure) == {"clean", "noisy"}
    assert structure["noisy"].noise > 0
    Model.load(trained).save(tmp_path / "saved")
    assert Run(tmp_path / "saved").structure() == {"noisy": structure["noisy"]}
    (tmp_path / "saved/structure.json").write_text('{"noisy": {"noise": 3}}')
    with pytest.raises(InputError, match=r"structure\.json: missing or damaged"):
        Run(tmp_path / "saved").structure()


def test_a_run_that_may_not_be_written_is_named_by_its_folder(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    said = f"^{re.escape(str(tmp_path / 'run'))}: no permission to write there"
    with pytest.raises(InputError, match=said), Run(tmp_path / "run").held():
        pass

from __future__ import annotations

import copy
import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from pellucid.assessment import keep_best as module
from pellucid.assessment import pseudo_pairs
from pellucid.assessment.keep_best import KeepBest, Look, keep_best
from pellucid.assessment.pseudo_pairs import Pairs
from pellucid.data.intensity_range import IntensityRange
from pellucid.data.source import open_source
from pellucid.io.writing import write_array
from pellucid.methods import make_recipe
from pellucid.model import Model
from pellucid.runs import trainer
from pellucid.runs.folder import Run
from pellucid.training import Callback

from .made import specimens, white

pytestmark = pytest.mark.usefixtures("undrawn", "one_thread")

SETTINGS = {"width": 4, "depth": 1, "patch": 32, "batch": 2, "steps": 6, "save_every": 3, "preview_every": 100}
RANGES = dict.fromkeys(("noisy", "clean", "pairs"), IntensityRange.from_limits(-1, 1))


@pytest.fixture(autouse=True)
def _few_pairs(monkeypatch):
    monkeypatch.setattr(module, "PAIRS", 3)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Eight pairs, of which one is held out: folders "noisy" and "truth"."""
    folder = tmp_path_factory.mktemp("images")
    truth = specimens(8, 64)
    for kind, found in (("truth", truth), ("noisy", white(truth))):
        for number, image in enumerate(found):
            write_array(folder / kind / f"{number}.tif", image)
    return {"noisy": str(folder / "noisy"), "pairs": str(folder / "truth")}


def recipe(**settings):
    return make_recipe("student", "quick", SETTINGS | settings)


def best_of(looks):
    return max(looks, key=lambda look: (look["fits"], look["psnr"]))


class KeepStates(Callback):
    """Keeps the weights after each step, last and averaged; copies the folder after step 5, as a kill leaves it."""

    def __init__(self, folder, copied):
        self.states, self._folder, self._copied = {}, folder, copied

    def on_start(self, _, batches):
        self._batches = batches

    def before_step(self, training):
        if training.number == 5:
            shutil.copytree(self._folder, self._copied)

    def after_step(self, training, _):
        last = copy.deepcopy(training.method.denoiser).eval()
        for which, denoiser in {"last": last, "average": training.averaged(self._batches)}.items():
            self.states[training.number, which] = denoiser.state_dict()


@pytest.fixture(scope="module")
def judged(images, tmp_path_factory):
    """A judged run, the states it went through, and its folder as a kill after step 5 would have left it."""
    folder = tmp_path_factory.mktemp("judged")
    watch = KeepStates(folder / "run", folder / "killed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PAIRS", 3)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        run = trainer.train(images, folder / "run", recipe(), "cpu", callbacks=[watch], judge=keep_best)
        torch.set_num_threads(threads)
    return run, watch.states, folder / "killed"


def test_the_best_weights_are_those_of_the_best_look(judged):
    run, states, _ = judged
    looks = run.looks()
    assert [(look["step"], look["weights"]) for look in looks] == list(states)
    assert len({look["psnr"] for look in looks}) > 3
    best = best_of(looks)
    found = load_file(run.weights("best"))
    expected = states[best["step"], best["weights"]]
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(found[name], value), name
    alike = [key for key, state in states.items() if all(torch.equal(found[name], state[name]) for name in state)]
    assert alike[0] == (best["step"], best["weights"])
    assert len(alike) < 3  # the rate of the last step is zero


def test_looks_say_what_the_images_kept_back_show(judged, images):
    run = judged[0]
    look = run.looks()[-1]
    model = Model.load(run.folder, weights="average", device="cpu")
    (held,) = trainer.hold_out_of({kind: open_source(images[kind]).planes for kind in ("noisy", "pairs")})[1]["noisy"]
    assert held.name.endswith("0.tif")
    truth = specimens(1, 64)[0]
    error = np.clip(model.denoise(held.read()), -1, 1) - truth
    scale = model.intensity_range.high - model.intensity_range.low
    assert look["psnr"] == pytest.approx(10 * np.log10(scale**2 / np.mean(error**2)), abs=0.3)
    assert look["offset"] * scale / 2 == pytest.approx(error.mean(), abs=0.02)


def test_a_model_is_loaded_with_its_best_weights(judged):
    run, states, _ = judged
    assert Model.load(run.folder, device="cpu").variant == "best weights"
    last = Model.load(run.folder, weights="last", device="cpu")
    assert last.variant == "last weights"
    assert all(torch.equal(value, states[6, "last"][name]) for name, value in last.denoiser.state_dict().items())


def test_killed_and_resumed_chooses_the_same(judged, tmp_path):
    run, _, killed = judged
    assert len(Run(killed).looks()) > 6  # more than the saved state, of step 3, knows
    resumed = trainer.resume(shutil.copytree(killed, tmp_path / "run"), "cpu", judge=keep_best)
    for name in ("choice.jsonl", "weights/best.safetensors", "weights/best-statistics.safetensors"):
        assert (resumed.folder / name).read_bytes() == (run.folder / name).read_bytes(), name


def test_a_run_is_resumed_with_a_judge_only_if_it_had_one(images, judged, tmp_path):
    plain = trainer.train(images, tmp_path / "plain", recipe(steps=2), "cpu")
    assert not plain.judged()
    trainer.resume(plain.folder, "cpu", judge=keep_best, settings={"steps": 3})
    assert not plain.weights("best").exists()
    assert plain.looks() == []
    assert Model.load(plain.folder, device="cpu").variant == "last weights"
    assert judged[0].judged()


def test_a_training_that_gains_nothing_ends_early_and_may_be_resumed(images, tmp_path, capsys):
    run = trainer.train(images, tmp_path / "run", recipe(steps=10, learning_rate=1e-12), "cpu", judge=keep_best)
    assert "stopped early after 5 steps: nothing gained since step 1" in capsys.readouterr().err
    assert run.recipe().steps == 5
    assert torch.load(run.state, weights_only=True)["number"] == 5
    trainer.resume(run.folder, "cpu", judge=keep_best)
    assert "already finished after 5 steps" in capsys.readouterr().err
    trainer.resume(run.folder, "cpu", judge=keep_best, settings={"steps": 20})
    assert run.recipe().steps == 10  # half of these, again without a gain
    assert [json.loads(line)["step"] for line in run.metrics.read_text().splitlines()] == list(range(1, 11))
    assert {look["step"] for look in run.looks()} == set(range(1, 11))


def test_without_anything_held_out_there_is_no_best(tmp_path):
    truth = specimens(2, 64)
    run = trainer.train(
        {"noisy": white(truth), "pairs": truth}, tmp_path / "run", recipe(steps=1), "cpu", judge=keep_best
    )
    assert not run.weights("best").exists()
    assert run.looks() == []


def look(psnr, fits=True, step=1):
    return Look(step, "last", psnr, 0.0, 1.0, fits)


def test_a_state_that_does_not_fit_is_never_preferred_to_one_that_does():
    assert look(20).better_than(None)
    assert look(21).better_than(look(20))
    assert not look(20).better_than(look(20))
    assert look(10).better_than(look(30, fits=False))
    assert not look(30, fits=False).better_than(look(10))
    assert look(31, fits=False).better_than(look(30, fits=False))
    assert not look(20.01).better_than(look(20), gain=0.02)


def judge(tmp_path, psnrs):
    """A judge that has seen states of these qualities, one a step."""
    made = KeepBest(Run(tmp_path), None)
    for step, psnr in enumerate(psnrs, 1):
        made._take(look(psnr, step=step))
    return made


def test_small_gains_count_once_they_add_up(tmp_path):
    assert judge(tmp_path, [20.0, 20.015, 20.03, 20.045])._gained_at == 3
    assert judge(tmp_path, [20.0, 20.01, 20.015, 20.01])._gained_at == 1


def held(noisy, clean):
    return {"noisy": open_source(noisy).planes, "clean": open_source(clean).planes}


def test_without_truth_it_is_judged_on_pseudo_pairs(tmp_path, monkeypatch):
    monkeypatch.setattr(pseudo_pairs, "MEASURED", 1)
    made = keep_best(Run(tmp_path), recipe(), held(white(specimens(1, 64, 9)), specimens(1, 96)), RANGES)
    assert made._pairs.truth.shape == (3, 64, 64)


def test_what_is_too_small_to_judge_by_is_said(tmp_path, capsys):
    assert keep_best(Run(tmp_path), recipe(), held(specimens(1, 60), specimens(1, 96)), RANGES) is None
    assert "the last state is kept, not the best: array 0: no area of 64×64 pixels" in capsys.readouterr().err
    assert keep_best(Run(tmp_path), recipe(), {}, RANGES) is None


@pytest.mark.parametrize(("change", "fits"), [(lambda x: x, True), (lambda x: -x, False), (lambda x: x - 0.3, False)])
def test_negative_and_dark_results_do_not_fit(tmp_path, change, fits):
    class Changed(torch.nn.Module):
        device = torch.device("cpu")

        def forward(self, noisy):
            return change(noisy)

    truth = specimens(3, 64)
    made = KeepBest(Run(tmp_path), Pairs(np.stack(truth)[:, None], np.stack(truth)))
    assert made._look(1, "last", Changed()).fits is fits

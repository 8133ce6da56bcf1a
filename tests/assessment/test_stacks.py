"""What judges a model that sees neighbouring slices: the best state, pseudo-pairs, an assessment, a comparison."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

import pellucid
from pellucid.assessment.pseudo_pairs import Pairs, make_pseudo_pairs, read_crops
from pellucid.assessment.stacks import read_stacks
from pellucid.cli.compare import compare
from pellucid.data.intensity_range import IntensityRange
from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.runs.folder import Run
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue

RANGE = IntensityRange.from_limits(0, 255)
TINY = {"steps": 6, "batch": 2, "patch": 32, "width": 4, "depth": 2, "device": "cpu"}


@pytest.fixture(scope="module", autouse=True)
def _little_is_measured():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pellucid.assessment.pseudo_pairs.MEASURED", 4)
        yield


@pytest.fixture(scope="module")
def volumes():
    """A noisy volume, its truth, and a clean one of another place, (10, 64, 64) each."""
    truth, clean = (tissue((10, 64, 64), seed=seed) for seed in (3, 4))
    return simulate(truth, "film", seed=1), truth, clean


@pytest.fixture(scope="module")
def run(volumes, tmp_path_factory):
    noisy, _, clean = volumes
    folder = tmp_path_factory.mktemp("slices") / "run"
    pellucid.train(clean, noisy, folder, slices=3, **TINY)
    return folder


def test_stacks_are_cut_from_neighbouring_slices(volumes):
    stacks = read_stacks(open_source(volumes[1]).planes, RANGE, 3)
    planes = [RANGE.network_input(plane) for plane in volumes[1]]
    assert {stack.shape for stack in stacks} == {(3, 64, 64)}
    assert len(stacks) == 8  # not those at the ends
    for number, stack in enumerate(stacks):
        np.testing.assert_array_equal(stack, planes[number : number + 3])


def test_images_without_neighbours_are_refused(volumes):
    with pytest.raises(InputError, match="has no neighbouring slices, of which this model sees 3: give a volume"):
        read_stacks(open_source(volumes[1][0]).planes, RANGE, 3)


def test_each_slice_of_a_pseudo_pair_has_noise_of_its_own_and_the_middle_is_the_truth(volumes):
    noisy, _, clean = volumes
    crops = read_crops(open_source(noisy).planes, RANGE)
    pairs = make_pseudo_pairs(crops, read_stacks(open_source(clean).planes, RANGE, 3), count=4, largest=64)
    assert (pairs.stacks.shape, pairs.truth.shape) == ((4, 3, 64, 64), (4, 64, 64))
    one, other = (pairs.stacks[:, k] - pairs.truth for k in (0, 1))
    assert np.abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.6
    residual = np.abs(pairs.noisy - pairs.truth).mean()
    assert residual < np.abs(pairs.stacks[:, 0] - pairs.truth).mean()


def test_a_denoiser_of_fewer_slices_is_shown_the_middle_ones():
    stacks = np.arange(5, dtype=np.float32)[None, :, None, None] * np.ones((2, 1, 4, 4), np.float32)
    pairs = Pairs(stacks, stacks[:, 2])
    assert pairs.seen(3)[0, :, 0, 0].tolist() == [1, 2, 3]
    np.testing.assert_array_equal(pairs.noisy, pairs.truth)


def test_the_best_state_is_chosen_and_previews_are_drawn(run):
    assert {look["step"] for look in Run(run).looks()} >= {1, 2, 3}
    assert list(run.rglob("*.png"))


def test_a_training_from_pairs_is_judged_too(volumes, tmp_path):
    noisy, truth, _ = volumes
    model = pellucid.train(noisy=noisy, pairs=truth, out=tmp_path / "run", recipe="student", slices=3, **TINY)
    assert Run(tmp_path / "run").looks()
    assert model.denoise(noisy).shape == noisy.shape


def test_a_model_is_assessed_and_compared_on_stacks(run, volumes, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("pellucid.assessment.assess.filters_at_hand", lambda: ["gaussian"])
    noisy, _, clean = volumes
    found = pellucid.trust(noisy, model=run, clean=clean, page=tmp_path / "page.html", device="cpu")
    assert "expected" in found.verdict
    assert found.flicker is not None
    for name, volume in (("noisy", noisy), ("clean", clean)):
        tifffile.imwrite(tmp_path / f"{name}.tif", volume)
    compare([run], noisy=str(tmp_path / "noisy.tif"), clean=[str(tmp_path / "clean.tif")], device="cpu")
    assert "noisy" in capsys.readouterr().out


def test_what_cannot_take_stacks_is_refused_in_one_line(run, volumes, tmp_path):
    noisy, _, clean = volumes
    with pytest.raises(InputError, match="sees 3 neighbouring slices, and repeats are compared image by image"):
        pellucid.trust(noisy, model=run, clean=clean, repeats=noisy, device="cpu")
    with pytest.raises(InputError, match="has no neighbouring slices"):
        pellucid.trust(noisy[0], model=run, clean=clean, device="cpu")
    for target in ("model.onnx", "model.bioimageio.zip"):
        with pytest.raises(InputError, match="sees 3 neighbouring slices, and other programs give a network one image"):
            pellucid.export(run, tmp_path / target, licence="CC0-1.0")
    pellucid.export(run, tmp_path / "model.zip")
    np.testing.assert_array_equal(
        pellucid.load(tmp_path / "model.zip", device="cpu").denoise(noisy),
        pellucid.load(run, device="cpu").denoise(noisy),
    )

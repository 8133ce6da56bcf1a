from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from learning import gain_on_flat

import pellucid
from pellucid.errors import InputError
from pellucid.io.writing import write_array
from pellucid.methods import Supervision, build, make_recipe

TINY = {"width": 6, "batch": 2, "patch": 32}


def test_learns_from_noisy_pairs():
    method = build(make_recipe("noise2noise", settings=TINY))
    assert (method.supervision, method.kinds) == (Supervision.NOISY_PAIRS, ("noisy", "pairs"))


@pytest.mark.parametrize("name", ["mse", "l1"])
def test_loss_is_the_distance_from_the_other_copy_on_half_the_scale(name):
    method = build(make_recipe("noise2noise", settings={**TINY, "loss": name}))
    noisy, other = torch.rand(2, 2, 1, 32, 32).mul(2).sub(1)
    apart = (method.denoiser.estimate(noisy) - other).detach() / 2
    expected = apart.square().mean() if name == "mse" else apart.abs().mean()
    torch.testing.assert_close(method.loss(noisy, other).detach(), expected)
    torch.testing.assert_close(method.step({"noisy": noisy, "pairs": other}, 1)["loss"], expected)


def test_every_parameter_learns():
    method = build(make_recipe("noise2noise", settings=TINY))
    before = {name: value.clone() for name, value in method.state_dict().items()}
    method.step({"noisy": torch.randn(2, 1, 32, 32), "pairs": torch.randn(2, 1, 32, 32)}, 1)
    assert all(not torch.equal(value, before[name]) for name, value in method.state_dict().items())


def test_the_rate_is_the_published_one():
    method = build(make_recipe("noise2noise", settings={**TINY, "steps": 1000}))
    rate = method.adam.schedule
    assert rate(1) == rate(700) == 3e-4
    assert rate(850) == pytest.approx(3e-4 * (0.5 + 0.5 * math.cos(math.pi / 2)) ** 2)
    assert rate(1000) == pytest.approx(0, abs=1e-12)
    assert method.adam.inner.defaults["betas"] == (0.9, 0.99)


@pytest.mark.parametrize("settings", [{"patch": 48}, {"width": 20}])
def test_sizes_that_cannot_work_are_refused(settings):
    with pytest.raises(InputError, match="multiple of"):
        make_recipe("noise2noise", settings=settings)


def test_flattens_a_flat_image():
    assert gain_on_flat("noise2noise", width=6, batch=2, patch=32, steps=30) > 6


def test_learns_to_denoise_tissue(learned):
    before, after = learned("noise2noise", width=12, batch=2, steps=30)
    assert after > before + 5


def frames_of(tmp_path, axes="TYX"):
    """A video of four noisy frames of one place, and the same as two folders of pairs."""
    truth = np.random.default_rng(0).normal(100, 20, (96, 96))
    frames = (truth + np.random.default_rng(1).normal(0, 10, (4, 96, 96))).clip(0, 255).astype(np.uint8)
    write_array(tmp_path / f"{axes}.tif", frames, axes=axes)
    for number, partner in enumerate((1, 2, 3, 2)):
        write_array(tmp_path / "noisy" / f"{number}.png", frames[number])
        write_array(tmp_path / "pairs" / f"{number}.png", frames[partner])
    return tmp_path / f"{axes}.tif"


SHORT = {"recipe": "noise2noise", "steps": 4, "batch": 2, "patch": 32, "width": 6, "save_every": 2}


@pytest.mark.parametrize("axes", ["TYX", "ZYX"])
def test_frames_of_a_video_are_copies_of_one_another(tmp_path, axes, one_thread, capsys):
    video = frames_of(tmp_path, axes)
    model = pellucid.train(noisy=video, out=tmp_path / "run", frames="copies", **SHORT)
    by_pairs = pellucid.train(noisy=tmp_path / "noisy", pairs=tmp_path / "pairs", out=tmp_path / "pairwise", **SHORT)
    for one, other in zip(model.denoiser.parameters(), by_pairs.denoiser.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    taken = "has no axis T, so its planes along Z are taken for frames"
    assert (taken in " ".join(capsys.readouterr().err.split())) == (axes == "ZYX")
    (tmp_path / "moved").mkdir()
    video.rename(tmp_path / "moved" / video.name)
    longer = pellucid.resume(tmp_path / "run", noisy=tmp_path / "moved" / video.name, steps=6)
    assert longer.recipe.steps == 6


def test_copies_are_for_methods_that_learn_from_copies(tmp_path):
    video = frames_of(tmp_path)
    with pytest.raises(InputError, match="does not learn from noisy copies: omit --frames copies, or use noise2noise"):
        pellucid.train(noisy=video, out=tmp_path / "run", frames="copies", recipe="noise2void")
    with pytest.raises(InputError, match="takes the partners from --noisy: omit --pairs"):
        pellucid.train(noisy=video, pairs=video, out=tmp_path / "run", frames="copies", recipe="noise2noise")
    with pytest.raises(InputError, match="needs --noisy"):
        pellucid.train(out=tmp_path / "run", frames="copies", recipe="noise2noise")
    with pytest.raises(InputError, match=r"0\.png: has a single frame"):
        pellucid.train(noisy=tmp_path / "noisy", out=tmp_path / "run", frames="copies", **SHORT)

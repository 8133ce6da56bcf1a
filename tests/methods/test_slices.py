from __future__ import annotations

import copy

import pytest
import torch

from pellucid.errors import InputError
from pellucid.methods import build, build_denoiser, make_recipe
from pellucid.methods.slices import apart, middle, slices_of, stacked
from pellucid.training import Training

TINY = {"width": 4, "depth": 2, "batch": 2, "patch": 32, "steps": 60, "measure": 4}


def batch(number, slices=3):
    generator = torch.Generator().manual_seed(number)
    return {kind: torch.rand(2, slices, 32, 32, generator=generator) - 0.5 for kind in ("noisy", "clean")}


def test_only_those_that_say_so_see_slices():
    assert slices_of(make_recipe("dncnn")) == slices_of(build_denoiser(make_recipe("gaussian"))) == 1
    recipe = make_recipe("noise-transfer", settings={"slices": "5"})
    assert slices_of(recipe) == slices_of(build_denoiser(recipe)) == 5


def test_slices_apart_and_stacked_again():
    stacks = torch.rand(2, 3, 4, 5)
    assert apart(stacks).shape == (6, 1, 4, 5)
    torch.testing.assert_close(stacked(apart(stacks), 3), stacks, rtol=0, atol=0)
    torch.testing.assert_close(middle(stacks)[:, 0], stacks[:, 1], rtol=0, atol=0)


@pytest.mark.parametrize("slices", [2, 0, 17])
def test_other_numbers_of_slices_are_refused(slices):
    with pytest.raises(InputError, match=f"setting slices={slices}: input should be"):
        make_recipe("student", settings={"slices": slices})


def test_the_published_pipeline_has_no_slices():
    recipe = make_recipe("noise-transfer", settings={"slices": 3, "pipeline": "official"})
    with pytest.raises(InputError, match="slices go with pipeline=correct"):
        recipe.check()


def test_the_noise_of_each_slice_is_drawn_alone_and_the_truth_is_the_middle(monkeypatch):
    training = Training(build(make_recipe("noise-transfer", settings=TINY | {"slices": 3})), torch.device("cpu"))
    for number in range(1, 5):
        training.step(batch(number))
    learned = []

    def learn(denoiser, optimiser, noisy, truth, number):
        learned.append((noisy, truth))
        return middle(noisy), {"error": truth.mean()}

    monkeypatch.setattr("pellucid.methods.noise_transfer.learn", learn)
    flat = torch.linspace(-0.4, 0.4, 6).view(2, 3, 1, 1).expand(2, 3, 32, 32)
    training.step({"noisy": flat, "clean": flat.contiguous()})
    (noisy, truth), *_ = learned
    assert (noisy.shape, truth.shape) == ((2, 3, 32, 32), (2, 1, 32, 32))
    torch.testing.assert_close(truth, training.method.noise.matched(flat[:, 1:2].contiguous()))
    noise = (noisy - noisy.mean((2, 3), keepdim=True)).flatten(2)
    together = torch.stack([torch.corrcoef(stack) for stack in noise])
    assert noise.std() > 0.05
    assert (together - torch.eye(3)).abs().max() < 0.3


def test_a_training_with_slices_goes_on_as_if_it_had_not_stopped(one_thread):
    straight, resumed = (
        Training(build(make_recipe("noise-transfer", settings=TINY | {"slices": 3, "seed": seed})), torch.device("cpu"))
        for seed in (0, 9)
    )
    for number in range(1, 7):
        straight.step(batch(number))
    resumed.restore(copy.deepcopy(straight.state()))
    resumed.method.recipe = straight.method.recipe
    for number in range(7, 22):  # a correction is at step 20
        assert straight.step(batch(number)) == resumed.step(batch(number))
    torch.testing.assert_close(resumed.state(), straight.state(), rtol=0, atol=0)

"""What loop, checkpoints and tiles take for granted, for every recipe that learns."""

from __future__ import annotations

import copy
import functools

import numpy as np
import pytest
import torch

from pellucid.errors import InputError
from pellucid.inference import denoise_plane
from pellucid.methods import Denoiser, build, learning_recipes, make_recipe
from pellucid.norms import Moments, freeze, record, running_norms
from pellucid.training import Training

recipes = pytest.mark.parametrize("name", learning_recipes())

TINY = {"width": 4, "generator_width": 2, "discriminator_width": 2, "blocks": 1, "batch": 2, "patch": 32, "steps": 20}
"""As far as a recipe has these settings."""
SPECIAL = {"iscl": {"patch": 64}, "noise2noise": {"width": 6}, "noise2kernel": {"width": 8}}
"""Where a method refuses one of these, or dies of it: so few ReLUs may all be silent."""


def tiny(name):
    """A recipe as small as it can be."""
    whole = make_recipe(name)
    settings = {key: value for key, value in TINY.items() if key in type(whole).model_fields}
    return make_recipe(name, settings=settings | SPECIAL.get(whole.method, {}))


def start(name):
    """A training from the beginning."""
    return Training(build(tiny(name)), torch.device("cpu"))


def batch(method, number):
    """Patches of each kind; those of a step are always the same."""
    random = np.random.default_rng(number)
    side, images = method.recipe.patch, method.recipe.batch
    return {
        kind: torch.from_numpy(random.uniform(-0.8, 0.8, (images, 1, side, side)).astype(np.float32))
        for kind in method.kinds
    }


@functools.cache
def trained(name):
    """After two steps, so that weights and running values are not those of the start."""
    training = start(name)
    for number in (1, 2):
        training.step(batch(training.method, number))
    return training


def denoiser_of(name):
    """In evaluation mode, in float64, so that differences mean something."""
    return copy.deepcopy(trained(name).method.denoiser).double().eval().requires_grad_(False)


def open_every_path(network):
    """Positive weights that make less of positive maps: no tanh is flat, no ReLU silent, no share cancels another."""
    for name, weight in network.named_parameters():
        if weight.ndim > 1:
            weight.uniform_(0.25, 0.75).div_(weight[0].numel())
        elif name.endswith(("bias", "beta")):
            weight.zero_()
    for norm in running_norms(network):
        norm.running_mean.zero_()
        norm.running_var.fill_(1)


def unclipped(network, noisy):
    """What a network makes of an image; a denoiser's estimates, because clipping would hide what it sees."""
    return sum(network.estimates(noisy).values()) if isinstance(network, Denoiser) else network(noisy)


@recipes
def test_two_steps_and_one_after_a_restart_are_three(name):
    training = trained(name)
    state = copy.deepcopy(training.state())
    again = start(name)
    for value in again.method.state_dict().values():
        value.zero_()  # whatever is not in the saved state is lost
    again.restore(state)
    straight = copy.deepcopy(training)
    for one in (straight, again):
        one.step(batch(one.method, 3))
    torch.testing.assert_close(again.state(), straight.state(), rtol=0, atol=0)
    assert not all(torch.equal(value, state["method"][key]) for key, value in straight.state()["method"].items())


@recipes
def test_keeps_the_size_of_any_multiple_of_the_stride(name):
    denoiser = denoiser_of(name)
    shape = (2, 1, *(denoiser.stride * max(times, 18 // denoiser.stride | 1) for times in (3, 5)))
    noisy = torch.rand(shape, dtype=torch.float64) * 2 - 1
    parts = denoiser.estimates(noisy)
    assert tuple(parts) == tuple(denoiser.estimate_names)
    assert {part.shape for part in parts.values()} == {noisy.shape}
    denoised = denoiser.combine(parts)
    assert denoised.shape == noisy.shape
    assert denoised.abs().max() <= 1
    torch.testing.assert_close(denoiser(noisy), denoised)


@recipes
def test_independent_denoisers_share_the_work_among_them(name):
    denoiser = denoiser_of(name)
    independents = denoiser.independents()
    assert [part for each in independents for part in each.estimate_names] == list(denoiser.estimate_names)
    assert [id(network) for each in independents for network in each.networks()] == list(map(id, denoiser.networks()))
    for each in independents:
        assert (each.stride, each.device, each.training) == (denoiser.stride, denoiser.device, denoiser.training)
        assert each.halo <= denoiser.halo
        if len(each.estimate_names) == 1:
            assert tuple(denoiser.only(each.estimate_names[0]).estimate_names) == tuple(each.estimate_names)
    with pytest.raises(InputError, match=r"only best: of this method's estimates it can be: \w"):
        denoiser.only("best")


@recipes
def test_tiles_equal_the_whole(name):
    """On a strip, longer than any network sees."""
    denoiser = denoiser_of(name)
    if denoiser.window is not None:
        pytest.skip("an output pixel sees the whole image")
    core = max(4 * denoiser.stride, denoiser.halo // 3 // denoiser.stride * denoiser.stride)
    noisy = np.random.default_rng(5).uniform(-0.9, 0.9, (37, core + denoiser.halo + 3 * core // 2 + 1))
    memory = denoiser.bytes_per_pixel * (core + 2 * denoiser.halo) ** 2
    whole = denoise_plane(denoiser, noisy, 1e12)
    tiled = denoise_plane(denoiser, noisy, memory)
    np.testing.assert_allclose(tiled.image, whole.image, rtol=0, atol=1e-5)
    for part, expected in whole.estimates.items():
        np.testing.assert_allclose(tiled.estimates[part], expected, rtol=0, atol=1e-5)
        assert expected.std() > 0


@recipes
def test_the_halo_bounds_the_receptive_field(name):
    """With norms that leave maps as they are: they see the whole image else."""
    denoiser = denoiser_of(name)
    if denoiser.window is not None or not denoiser.networks():
        pytest.skip("an output pixel sees the whole image, or no network takes it")
    with torch.no_grad():
        open_every_path(denoiser)
    stride, halo = denoiser.stride, denoiser.halo
    middle = halo + 2 * stride
    noisy = torch.rand(1, 1, 16 * max(1, stride // 16), 2 * middle + stride, dtype=torch.float64)
    noisy = (noisy / 10 + 0.1).requires_grad_()  # above the mean that any network takes away
    seen = 0
    for network in denoiser.networks():
        with torch.no_grad():
            met = record(network, lambda network=network: unclipped(network, noisy))
        still = {
            norm: Moments(torch.zeros_like(seen_by.mean), torch.ones_like(seen_by.var), seen_by.pixels)
            for norm, seen_by in met.items()
        }
        with freeze(network, still):
            row = unclipped(network, noisy)[0].sum((0, 1))
            for column in {middle, middle + stride - 1}:
                (slope,) = torch.autograd.grad(row[column], noisy, retain_graph=True)
                columns = slope[0, 0].abs().amax(0).nonzero()
                seen = max(seen, column - int(columns.min()), int(columns.max()) - column)
    assert 0 < seen <= halo

from __future__ import annotations

import pytest
import torch
from learning import gain_on_flat

from pellucid.errors import InputError
from pellucid.inference import denoise_plane
from pellucid.methods import Supervision, build, make_recipe
from pellucid.methods.blindspot import around, grid_mask
from pellucid.networks.babyunet import BabyUnet
from pellucid.networks.dncnn import Dncnn

TINY = {"width": 4, "depth": 4, "batch": 2, "patch": 32}
NETWORKS = ("dncnn", "babyunet")


def make(**settings):
    return build(make_recipe("noise2self", settings={**TINY, **settings}))


def test_learns_from_noisy_images_alone_with_either_network():
    assert (make().supervision, make().kinds) == (Supervision.NOISY, ("noisy",))
    assert isinstance(make().denoiser.network, Dncnn)
    assert isinstance(make(network="babyunet").denoiser.network, BabyUnet)


def test_the_plain_stack_has_no_bias_but_its_norms():
    network = build(make_recipe("noise2self")).denoiser.network
    assert sum(parameter.numel() for parameter in network.parameters()) == 556_032
    assert all(conv.bias is None for conv in network.modules() if isinstance(conv, torch.nn.Conv2d))


@pytest.mark.parametrize("hidden", ["interpolate", "zero"])
def test_the_loss_is_the_published_one(hidden):
    method, x = make(hidden=hidden).eval(), torch.rand(2, 1, 32, 32)
    m = grid_mask(x, 4, 6).float()
    seen = x * (1 - m) + (around(x) * m if hidden == "interpolate" else 0)
    expected = ((method.denoiser.network(seen) * m - x * m) ** 2).sum() / x.numel()
    torch.testing.assert_close(method.loss(x, m.bool()), expected)


def test_each_step_hides_the_next_phase():
    method, noisy = make(), torch.rand(2, 1, 32, 32)
    seen = []
    method.loss = lambda x, mask: seen.append(mask) or method.denoiser.network(x).mean()
    for number in range(1, 18):
        method.step({"noisy": noisy}, number)
    assert torch.equal(sum(mask.int() for mask in seen[:16]), torch.ones(1, 1, 32, 32, dtype=torch.int32))
    assert torch.equal(seen[16], seen[0])


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("hidden", ["interpolate", "zero"])
def test_the_j_invariant_image_of_a_pixel_does_not_depend_on_it(network, hidden):
    denoiser = make(network=network, hidden=hidden, inference="j-invariant").double().eval().denoiser
    x = torch.rand(1, 1, 24, 24, dtype=torch.float64, requires_grad=True)
    image = denoiser.estimate(x)
    for row, column in ((0, 0), (11, 6), (12, 12), (23, 23)):
        (slope,) = torch.autograd.grad(image[0, 0, row, column], x, retain_graph=True)
        assert slope[0, 0, row, column] == 0
        assert slope.abs().sum() > 0


def test_the_plain_image_does_depend_on_it():
    x = torch.rand(1, 1, 24, 24, requires_grad=True)
    make().eval().denoiser.estimate(x)[0, 0, 12, 12].backward()
    assert x.grad[0, 0, 12, 12] != 0


@pytest.mark.parametrize("network", NETWORKS)
def test_j_invariant_tiles_equal_the_whole(network):
    denoiser = make(network=network, inference="j-invariant", period=3).eval().denoiser
    assert denoiser.stride % 3 == denoiser.halo % denoiser.stride == 0
    noisy = torch.rand(150, 140).numpy()
    memories = (1e12, denoiser.bytes_per_pixel * 120**2)
    whole, tiled = (denoise_plane(denoiser, noisy, memory).estimates["denoised"] for memory in memories)
    assert abs(whole - tiled).max() < 1e-5
    assert whole.std() > 1e-4


def test_patches_that_cannot_be_halved_twice_are_refused():
    with pytest.raises(InputError, match="patch=34: network='babyunet' needs a multiple of 4"):
        make(network="babyunet", patch=34).recipe.check()
    assert make(patch=34, batch=8).recipe.check() == []


def test_every_parameter_learns():
    method = make()
    before = {name: value.clone() for name, value in method.state_dict().items()}
    method.step({"noisy": torch.rand(2, 1, 32, 32)}, 1)
    assert all(not torch.equal(value, before[name]) for name, value in method.state_dict().items())


@pytest.mark.parametrize(("network", "steps"), [("dncnn", 120), ("babyunet", 200)])
def test_flattens_a_flat_image(network, steps):
    assert gain_on_flat("noise2self", network=network, **TINY, steps=steps, learning_rate=1e-2, average=0.95) > 6


def test_learns_to_denoise_tissue(learned):
    before, after = learned("noise2self", width=16, depth=5, batch=2, learning_rate=1e-2, steps=40)
    assert after > before + 6

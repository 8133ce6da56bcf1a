from __future__ import annotations

import copy

import pytest
import torch
from torch.nn.functional import conv2d, conv_transpose2d

from pellucid.errors import InputError
from pellucid.inference import denoise_plane
from pellucid.methods import build, make_recipe
from pellucid.networks.redcnn import RedCnn


def make(**settings):
    return build(make_recipe("redcnn", settings={"width": 3, "batch": 2, "steps": 10, **settings})).double()


def batch():
    noisy, pairs = torch.randn(2, 2, 1, 32, 32, dtype=torch.float64).mul(0.4).clamp(-1, 1)
    return {"noisy": noisy, "pairs": pairs}


def plain(weights, x):
    """The table of layers, written out."""

    def down(number, x):
        return conv2d(x, weights[f"down.{number}.weight"], weights[f"down.{number}.bias"]).relu()

    def up(number, x):
        return conv_transpose2d(x, weights[f"up.{number}.weight"], weights[f"up.{number}.bias"])

    second = down(1, down(0, x))
    fourth = down(3, down(2, second))
    third_up = (up(2, (up(1, (up(0, down(4, fourth)) + fourth).relu())).relu()) + second).relu()
    return (up(4, up(3, third_up).relu()) + x).relu()


def test_the_network_is_the_one_of_the_table():
    network = RedCnn(4).double()
    x = torch.rand(2, 1, 24, 31, dtype=torch.float64)
    result = network(x)
    assert result.shape == x.shape
    torch.testing.assert_close(result, plain(network.state_dict(), x))


def test_has_the_published_number_of_parameters():
    recipe = make_recipe("redcnn")
    assert sum(p.numel() for p in build(recipe).parameters()) == 1_848_865
    assert (recipe.width, recipe.batch, recipe.patch, recipe.steps) == (96, 64, 64, 8000)


def test_the_halo_is_exactly_the_receptive_field():
    network = RedCnn(3).double()
    for parameter in network.parameters():
        parameter.data.abs_()  # no ReLU is closed
    x = torch.rand(1, 1, 51, 51, dtype=torch.float64, requires_grad=True)
    network(x)[0, 0, 25, 25].backward()
    rows, columns = x.grad[0, 0].nonzero().T
    for places in (rows, columns):
        assert (int(places.min()), int(places.max())) == (25 - network.halo, 25 + network.halo)


@pytest.mark.parametrize("shape", [(16, 16), (20, 40), (40, 17), (21, 21)])
def test_images_that_the_convolutions_would_use_up_are_continued(shape):
    network = RedCnn(3).double()
    x = torch.rand(1, 1, *shape, dtype=torch.float64)
    continued = x[:, :, [min(row, shape[0] - 1) for row in range(max(21, shape[0]))]]
    continued = continued[..., [min(column, shape[1] - 1) for column in range(max(21, shape[1]))]]
    result = network(x)
    assert result.shape == x.shape
    torch.testing.assert_close(result, plain(network.state_dict(), continued)[:, :, : shape[0], : shape[1]])


def test_patches_that_the_convolutions_would_use_up_are_refused():
    with pytest.raises(InputError, match="patch=20: five unpadded convolutions need 21 pixels"):
        make_recipe("redcnn", settings={"patch": 20}).check()
    assert make_recipe("redcnn", settings={"patch": 21}).check() == make_recipe("redcnn", "quick").check() == []


def test_the_whole_range_is_reached_though_the_last_layer_is_a_relu():
    method = make().eval()
    for parameter in method.parameters():
        parameter.data.zero_()
    noisy = torch.linspace(-1, 1, 32 * 32, dtype=torch.float64).view(1, 1, 32, 32)
    torch.testing.assert_close(method.denoiser(noisy), noisy)


def test_a_step_is_one_of_adam_on_the_squared_error():
    method, given = make(), batch()
    reference = copy.deepcopy(method.denoiser.network)
    adam = torch.optim.Adam(reference.parameters(), 1e-4)
    for number in (1, 2):
        unit, truth = ((given[kind] + 1) / 2 for kind in ("noisy", "pairs"))
        error = (reference(unit) - truth).square().mean()
        adam.zero_grad()
        error.backward()
        adam.param_groups[0]["lr"] = 1e-4 * 0.1 ** (number / 10)
        adam.step()
        torch.testing.assert_close(method.step(given, number), {"error": error.detach()})
    torch.testing.assert_close(method.denoiser.network.state_dict(), reference.state_dict())


@pytest.mark.parametrize("shape", [(50, 61), (16, 90)])
def test_tiles_equal_the_whole(shape):
    denoiser = make().float().denoiser.eval()
    image = torch.randn(shape).mul(0.4).numpy()
    whole = denoise_plane(denoiser, image, 1e12).image
    for memory in (0, denoiser.bytes_per_pixel * 55**2):
        torch.testing.assert_close(denoise_plane(denoiser, image, memory).image, whole, rtol=0, atol=1e-5)


def test_learns_to_denoise(learned):
    # so small, about half of all starts get stuck behind the last ReLU
    before, after = learned("redcnn", steps=120, width=8, batch=2, learning_rate=3e-3, average=0.95, seed=2)
    assert after > before + 4

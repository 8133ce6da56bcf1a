from __future__ import annotations

import pytest
import torch

from pellucid.networks.student import PredictedError, Student


def double(width=4, depth=3):
    torch.manual_seed(2)
    return Student(width, depth).double().eval()


def image(height, width):
    return torch.randn(1, 1, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("width", "depth", "parameters"), [(32, 3, 534_661), (16, 2, 31_493)])
def test_both_are_small(width, depth, parameters):
    networks = (Student(width, depth), PredictedError(width))
    assert sum(p.numel() for network in networks for p in network.parameters()) == parameters


def test_estimate_and_error_have_the_size_of_the_image():
    x = torch.randn(2, 1, 24, 40)
    estimate, coarse = Student(4)(x)
    assert estimate.shape == PredictedError(4)(x, estimate, coarse).shape == (2, 1, 24, 40)
    assert coarse.shape == (2, 4, 12, 20)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_the_reach_is_exact_and_the_halo_bounds_it_closely(depth):
    network = double(depth=depth)
    for parameter in network.parameters():
        parameter.data.abs_().add_(0.01)
    halo, stride = network.halo, network.stride
    side = 2 * halo + 4 * stride
    reach, middle = 0, side // 2 // stride * stride
    for column in range(middle, middle + stride):
        x = torch.ones(1, 1, 16, side, dtype=torch.float64, requires_grad=True)
        network(x)[0][0, 0, 4, column].backward()
        seen = x.grad[0, 0].nonzero()[:, 1]
        reach = max(reach, int((seen - column).abs().max()))
    assert reach == network.reach
    assert reach <= halo < reach + stride
    assert halo % stride == 0


def test_a_constant_image_stays_constant_up_to_its_border(monkeypatch):
    network = double()
    monkeypatch.setattr(network, "_coarse", lambda x: x.new_zeros(1, 4, x.shape[2] // 2, x.shape[3] // 2))
    result = network(torch.full((1, 1, 16, 24), 0.3, dtype=torch.float64))[0].detach()
    torch.testing.assert_close(result, torch.full_like(result, float(result[0, 0, 8, 8])))
    assert abs(float(result[0, 0, 8, 8]) - 0.3) > 1e-3


def test_a_tile_with_its_halo_equals_the_whole():
    network, error = double(), PredictedError(4).double()

    def both(image):
        estimate, coarse = network(image)
        return estimate, error(image, estimate, coarse)

    halo, stride = network.halo, network.stride
    x = image(2 * halo + 2 * stride, 2 * halo + 3 * stride)
    tile = x[:, :, stride:, 2 * stride :]
    inner = (..., slice(halo, halo + stride), slice(halo, halo + stride))
    outer = (..., slice(halo + stride, halo + 2 * stride), slice(halo + 2 * stride, halo + 3 * stride))
    for of_tile, of_whole in zip(both(tile), both(x), strict=True):
        torch.testing.assert_close(of_tile[inner], of_whole[outer], rtol=0, atol=1e-12)


def test_the_estimate_is_the_image_and_what_the_last_layer_adds():
    network, x = double(), image(16, 16)
    network.last.weight.data.zero_()
    network.last.bias.data.fill_(0.25)
    torch.testing.assert_close(network(x)[0], x + 0.25)


def test_the_loss_of_the_error_leaves_the_estimate_alone():
    network, error, x = double(), PredictedError(4).double(), image(16, 16)
    error(x, *network(x)).sum().backward()
    assert all(p.grad is None for p in network.parameters())
    assert all(p.grad is not None for p in error.parameters())


def test_of_several_slices_the_middle_one_is_denoised():
    torch.manual_seed(0)
    network, x = Student(4, 2, slices=3), torch.rand(2, 3, 16, 24)
    estimate, coarse = network(x)
    assert (estimate.shape, coarse.shape) == ((2, 1, 16, 24), (2, 4, 8, 12))
    network.last.weight.data.zero_()
    network.last.bias.data.zero_()
    torch.testing.assert_close(network(x)[0], x[:, 1:2], rtol=0, atol=0)


def test_every_slice_matters():
    torch.manual_seed(0)
    x = torch.rand(1, 3, 16, 16, requires_grad=True)
    Student(4, 2, slices=3)(x)[0].sum().backward()
    assert (x.grad.abs().amax((0, 2, 3)) > 0).all()

"""Sizes, parameter counts and receptive fields of the three networks."""

from __future__ import annotations

import pytest
import torch

from pellucid.methods import build, make_recipe
from pellucid.networks import Discriminator, Extractor, Generator


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("recipe", "generator", "extractor", "discriminator", "all_five"),
    [("iscl", 1_148_225, 168_801, 2_790_177, 8_045_605), ("proposed", 1_147_137, 168_333, 2_787_297, 8_037_201)],
)
def test_parameter_counts_are_the_papers(recipe, generator, extractor, discriminator, all_five):
    method = build(make_recipe(recipe))
    assert count(method.F) == count(method.G) == generator
    assert count(method.H) == extractor
    assert count(method.D_X) == count(method.D_Y) == discriminator
    assert count(method) == all_five
    assert count(method.denoiser) == generator + extractor
    assert sum(len(optimiser.parameters()) for optimiser in method.optimisers.values()) == len(
        list(method.parameters())
    )


def test_instance_norm_without_affine_has_no_parameters():
    assert count(Generator(32, "instance-plain")) == count(Generator(32, "none")) == 1_144_961


@pytest.mark.parametrize("shape", [(1, 1, 16, 16), (2, 1, 20, 36), (3, 1, 64, 64)])
def test_generator_and_extractor_keep_the_size(shape):
    x = torch.randn(shape)
    assert Generator(4, "instance")(x).shape == shape
    assert Extractor(4, "switchable")(x).shape == shape


def test_extractor_takes_any_size():
    assert Extractor(2, "instance")(torch.randn(1, 1, 17, 33)).shape == (1, 1, 17, 33)


@pytest.mark.parametrize("name", ["none", "spectral", "batch", "layer", "group", "batch-instance", "switchable"])
def test_discriminator_gives_one_number_an_image(name):
    x = torch.randn(3, 1, 64, 64)
    judgement = Discriminator(4, name)(x)
    assert judgement.shape == (3, 1, 1, 1)
    assert judgement.std() > 0  # not one and the same for all: the norm on the 1×1 map leaves something


def test_discriminator_gives_a_map_for_larger_images():
    assert Discriminator(2, "spectral")(torch.randn(1, 1, 96, 128)).shape == (1, 1, 3, 5)


def test_generator_stays_in_range_and_extractor_need_not():
    x = 20 * torch.randn(1, 1, 32, 32)
    assert Generator(4, "none")(x).abs().max() <= 1
    extractor = Extractor(4, "none")
    for parameter in extractor.parameters():
        parameter.data *= 10
    assert extractor(x).abs().max() > 2


def used_pixels(network, row, column, side):
    """How far up, down, left and right of an output pixel the input has any influence on it."""
    x = torch.randn(1, 1, side, side, dtype=torch.float64, requires_grad=True)
    network(x)[0, 0, row, column].backward()
    rows, columns = x.grad[0, 0].nonzero().T
    return row - int(rows.min()), int(rows.max()) - row, column - int(columns.min()), int(columns.max()) - column


@pytest.mark.parametrize("network_type", [Generator, Extractor])
def test_the_halo_bounds_the_receptive_field_closely(network_type):
    network = network_type(4, "none").double()
    halo, stride = network.halo, network.stride
    middle = 2 * halo // 4 * 4
    seen = [max(used_pixels(network, middle + phase, middle + phase, 4 * halo + 4)) for phase in range(network.stride)]
    assert halo - stride < max(seen) <= halo
    assert halo % stride == 0

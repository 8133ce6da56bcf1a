from __future__ import annotations

import pytest
import torch

from pellucid.networks.uidnet import NoiseGenerator, SharpDiscriminator, sharpen


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameter_counts_are_the_published_ones():
    assert count(NoiseGenerator()) == 466_499
    assert count(SharpDiscriminator(64)) == 4_313_153


@pytest.mark.parametrize("shape", [(1, 1, 16, 16), (2, 1, 20, 36)])
def test_noise_has_the_size_of_the_image_and_lies_on_one_side(shape):
    network = NoiseGenerator(4)
    torch.nn.init.constant_(network.last.bias, 0.1)
    noise = network(torch.rand(shape), torch.rand(shape))
    assert noise.shape == shape
    beyond = (noise - torch.tanh(torch.tensor(0.1))) * network.last.weight.sign()
    assert beyond.min() >= -1e-6
    assert beyond.max() > 0


def test_noise_changes_with_the_random_image_and_with_the_clean_one():
    network, (z, y) = NoiseGenerator(4).eval(), torch.rand(2, 1, 1, 16, 16)
    noise = network(z, y)
    assert not torch.equal(network(z.flip(3), y), noise)
    assert not torch.equal(network(z, y.flip(3)), noise)


def test_sharpened_image_has_what_is_beyond_its_mean():
    image = torch.rand(2, 1, 5, 6)
    sharp = sharpen(image)
    torch.testing.assert_close(sharp[:, :1], image)
    torch.testing.assert_close(sharp[0, 1, 2, 3], image[0, 0, 2, 3] - image[0, 0, 1:4, 2:5].mean())
    torch.testing.assert_close(sharp[0, 1, 0, 0], image[0, 0, 0, 0] - image[0, 0, :2, :2].mean())


@pytest.mark.parametrize("side", [16, 64])
def test_discriminator_gives_one_number_an_image(side):
    assert SharpDiscriminator(side, 4)(torch.randn(3, 1, side, side)).shape == (3, 1)


def test_discriminator_pads_one_before_and_two_behind():
    network = SharpDiscriminator(16, 1)
    first = network.convolutions[0]
    x = torch.zeros(1, 2, 16, 16)
    x[0, 0, 15, 15] = 1  # the last output, 7, begins at 2·7 − 1 = 13, so that it sees the corner by its tap 2
    found = torch.nn.functional.conv2d(torch.nn.functional.pad(x, (1, 2, 1, 2)), first.weight, None, 2)
    torch.testing.assert_close(found[0, 0, 7, 7], first.weight[0, 0, 2, 2])
    assert found.shape[2:] == (8, 8)

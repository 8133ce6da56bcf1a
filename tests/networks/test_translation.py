"""Sizes, parameter counts and receptive fields of the networks of image-to-image translation."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from pellucid.networks.drgan import AdaptiveResidual, NoiseEncoder, NoisyDecoder, adaptive_norm
from pellucid.networks.patchgan import PatchGAN, map_side
from pellucid.networks.resnet import Decoder, Encoder, Residual, ResnetGenerator, initialise, layer_norm
from pellucid.norms import feature_norms, freeze, record
from pellucid.norms.feature import Layer, TorchInstance

CYCLEGAN, ADN = (2, 2, 2, 1), (2, 2, 1)


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: ResnetGenerator(64, 9), 11_365_633),
        (lambda: ResnetGenerator(64, 6), 7_825_153),
        (lambda: PatchGAN(CYCLEGAN), 2_762_689),
        (lambda: PatchGAN(ADN), 660_929),
        (Encoder, 5_379_584),
        (Decoder, 5_920_833),
        (NoiseEncoder, 661_000),
        (NoisyDecoder, 7_041_601),
    ],
)
def test_parameter_counts_are_the_papers(make, expected):
    with torch.device("meta"):
        assert count(make()) == expected


def frozen_norms(network, side):
    """The network as a plain convolutional one: its norms with the moments of one image."""
    with torch.no_grad():
        moments = record(network, lambda: network(torch.randn(1, 1, side, side, dtype=torch.float64)))
    return freeze(network, moments)


def used_pixels(network, position, side):
    """First and last row and column of the input that have any influence on a pixel of the output."""
    x = torch.randn(1, 1, side, side, dtype=torch.float64, requires_grad=True)
    network(x)[0, 0, position, position].backward()
    rows, columns = x.grad[0, 0].nonzero().T
    return int(rows.min()), int(rows.max()), int(columns.min()), int(columns.max())


@pytest.mark.parametrize(("strides", "field"), [(CYCLEGAN, 70), (ADN, 34)])
def test_each_judgement_sees_one_patch(strides, field):
    judge = PatchGAN(strides, 2).double()
    side = 160
    with frozen_norms(judge, side):
        top, bottom, left, right = used_pixels(judge, map_side(side, strides) // 2, side)
    assert bottom - top + 1 == right - left + 1 == field


@pytest.mark.parametrize(("strides", "expected"), [(CYCLEGAN, 6), (ADN, 14)])
def test_judgements_of_64_pixels(strides, expected):
    assert map_side(64, strides) == expected
    assert PatchGAN(strides, 2)(torch.randn(2, 1, 64, 64)).shape == (2, 1, expected, expected)


def test_channels_double_up_to_eight_times_the_width():
    judge = PatchGAN((2, 2, 2, 2, 2, 1), 2)
    assert [layer.out_channels for layer in judge.layers if isinstance(layer, nn.Conv2d)] == [2, 4, 8, 16, 16, 16, 1]


def test_the_first_and_the_last_convolution_have_no_norm():
    judge = PatchGAN(CYCLEGAN, 2)
    kinds = [type(layer) for layer in judge.layers]
    assert kinds == [nn.Conv2d, nn.LeakyReLU, *[nn.Conv2d, TorchInstance] * 3, nn.Conv2d]
    assert {norm.slope for norm in feature_norms(judge).values()} == {judge.layers[1].negative_slope} == {0.2}


def test_a_patchgan_takes_any_norm():
    assert not feature_norms(PatchGAN(CYCLEGAN, 2, "spectral"))
    assert {type(norm) for norm in feature_norms(PatchGAN(CYCLEGAN, 2, "layer")).values()} == {Layer}


class Pair(nn.Module):
    def __init__(self, slope, with_sides):
        super().__init__()
        self.encoder, self.decoder, self.with_sides = Encoder(2), Decoder(2, slope), with_sides

    def forward(self, x):
        sides = self.encoder.sides(x)
        return self.decoder(self.encoder.code(sides), sides if self.with_sides else ())


GENERATORS = [
    (lambda: ResnetGenerator(2, 2), 28),
    (lambda: ResnetGenerator(2, 6), 60),
    (lambda: Pair(0.2, with_sides=False), 84),
    (lambda: Pair(0.0, with_sides=True), 84),
]


@pytest.mark.parametrize(("make", "halo"), GENERATORS)
def test_the_halo_bounds_the_receptive_field_closely(make, halo):
    network = make().double()
    assert getattr(network, "halo", halo) == halo
    side, seen = 2 * halo + 4, []
    with frozen_norms(network, side):
        for position in range(halo, halo + 4):
            top, bottom, left, right = used_pixels(network, position, side)
            seen += [position - top, bottom - position, position - left, right - position]
    assert halo - 4 < max(seen) <= halo


@pytest.mark.parametrize("shape", [(1, 1, 16, 16), (2, 1, 20, 36)])
@pytest.mark.parametrize("make", [make for make, _ in GENERATORS])
def test_generators_keep_the_size_and_stay_in_range(make, shape):
    made = make()(9 * torch.randn(shape))
    assert made.shape == shape
    assert made.abs().max() <= 1


def test_a_last_convolution_of_zeros_makes_mid_grey():
    for network in (ResnetGenerator(2, 1), Pair(0.2, with_sides=False)):
        last = [module for module in network.modules() if isinstance(module, nn.Conv2d)][-1]
        initialise(last, nn.init.zeros_)
        assert network(torch.randn(1, 1, 16, 16)).abs().max() == 0


def test_an_encoder_gives_its_features_from_fine_to_coarse():
    encoder, x = Encoder(2), torch.randn(3, 1, 16, 24)
    sides = encoder.sides(x)
    assert [tuple(side.shape) for side in sides] == [(3, 2, 16, 24), (3, 4, 8, 12), (3, 8, 4, 6)]
    assert encoder(x).shape == (3, 8, 4, 6)
    torch.testing.assert_close(encoder.code(sides), encoder(x))


def test_a_decoder_takes_in_sides_where_they_have_its_size():
    encoder, decoder, x = Encoder(2), Decoder(2), torch.randn(1, 1, 16, 16)
    sides = encoder.sides(x)
    with_sides = decoder(sides[-1], sides)
    assert not torch.allclose(with_sides, decoder(sides[-1]))
    for level, fusion in enumerate(decoder.upsampling.fusions):  # pass on the decoder's own half of the channels
        channels = fusion.out_channels
        fusion.weight.data.copy_(torch.eye(channels, 2 * channels)[:, :, None, None])
        fusion.bias.data.zero_()
        assert channels == (8, 4, 2)[level] == sides[-1 - level].shape[1]
    torch.testing.assert_close(decoder(sides[-1], sides), decoder(sides[-1]))


def test_a_residual_block_adds_to_what_it_was_given():
    block, x = Residual(4), torch.randn(1, 4, 8, 8)
    initialise(block, nn.init.zeros_)
    torch.testing.assert_close(block(x), x)


def test_layer_norms_of_decoders_begin_between_0_and_1():
    layer = layer_norm(4000, 0.2)
    assert 0 <= layer.gamma.min() < 0.01 < 0.99 < layer.gamma.max() <= 1
    assert layer.gamma.mean().item() == pytest.approx(0.5, abs=0.03)
    assert layer.beta.abs().max() == 0


def test_initial_weights_reach_every_layer():
    network = NoisyDecoder(2)
    initialise(network, lambda weight: nn.init.constant_(weight, 0.5))
    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    assert all((layer.weight == 0.5).all() and (layer.bias == 0).all() for layer in layers)
    assert len(layers) == 8 + 3 + 3 + 3


def test_adaptive_norm_gives_maps_the_mean_and_deviation_asked_for():
    x = 3 * torch.randn(2, 4, 16, 16) + 5
    shift, scale = torch.randn(2, 4), torch.rand(2, 4) + 0.5
    made = adaptive_norm(x, shift, scale, 1.0)
    torch.testing.assert_close(made.mean((2, 3)), shift)
    torch.testing.assert_close(made.std((2, 3), correction=0), scale, rtol=1e-4, atol=0)
    torch.testing.assert_close(adaptive_norm(x, shift, scale, 0.0), made.relu())


def test_the_noise_code_steers_every_norm_of_the_noisy_decoder():
    decoder, content = NoisyDecoder(2), Encoder(2)
    sides = content.sides(torch.randn(2, 1, 16, 16))
    code = torch.randn(2, 8, requires_grad=True)
    made = decoder(content.code(sides), sides, code)
    assert made.shape == (2, 1, 16, 16)
    made.square().sum().backward()
    assert (code.grad != 0).all()
    used = decoder.style[-1].bias.grad.unflatten(0, (4, 2, 2, 8))  # block, norm, shift and scale, channel
    assert (used.abs().sum(-1) > 0).all()
    assert not feature_norms(AdaptiveResidual(4))  # its norms have nothing of their own to learn


def test_the_noise_code_of_an_image_does_not_depend_on_where_things_are():
    encoder, x = NoiseEncoder(2), torch.randn(1, 1, 32, 32)
    assert encoder(x).shape == (1, 8)
    features = encoder.features(x).mean((2, 3))
    torch.testing.assert_close(encoder(x), features @ encoder.code.weight.T + encoder.code.bias)

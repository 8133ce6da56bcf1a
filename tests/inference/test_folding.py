from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrize

from pellucid.inference.folding import FixedNorm, Folding
from pellucid.networks import Extractor, Generator
from pellucid.norms import NORMS, FeatureNorm, Moments, feature_norms, freeze, norm, record


def instance(channels, slope=0.2):
    return norm("instance").layer(channels, slope)


def randomised(network):
    """In float64 with any γ and β."""
    for parameter in network.double().requires_grad_(False).parameters():
        parameter.add_(torch.randn_like(parameter) / 5)
    return network.eval()


def seen(network, x):
    """The moments of another image than `x`: those of `x` itself would prove less."""
    return record(network, lambda: network(0.8 * x.flip(2) + 0.2 * torch.randn_like(x)))


def folds(network, x):
    """Fold a copy, hold it against the frozen original, and return the norms that no convolution took in."""
    copied = copy.deepcopy(network)
    folding = Folding(copied)
    for _ in range(2):  # the second must owe nothing to the first
        moments = seen(network, x)
        with freeze(network, moments):
            expected = network(x)
        folding.use(moments)
        torch.testing.assert_close(copied(x), expected, rtol=0, atol=rounding(network, x, moments, expected))
    return {path: module for path, module in copied.named_modules() if isinstance(module, FixedNorm)}


def rounding(network, x, moments, expected):
    """How far the result may move: as far as it does when each weight is a little off.

    Folding rounds each weight, by 2⁻⁵³, and sums of up to some 2⁹ products: less than 2⁻⁴² of the weight in all. What a
    network makes of that depends on how much its layers amplify.
    """
    moved = copy.deepcopy(network)
    for parameter in moved.parameters():
        parameter.mul_(1 + 2**-42 * torch.randn_like(parameter))
    with freeze(moved, moments):
        return float((moved(x) - expected).abs().max())


@torch.no_grad()
def test_folded_networks_of_all_recipes_equal_frozen_ones(networks, image):
    for network in networks:
        folds(network, image)


@torch.no_grad()
def test_in_single_precision_folding_rounds_no_more_than_freezing(networks, image):
    for network in networks:
        moments = record(network, lambda network=network: network(image))
        moments = {path: Moments(one.mean.float(), one.var.float(), one.pixels) for path, one in moments.items()}
        exact = network(image)
        frozen, folded = copy.deepcopy(network).float(), copy.deepcopy(network).float()
        Folding(folded).use(moments)
        with freeze(frozen, moments):
            usual, error = ((result - exact).abs().max() for result in (frozen(image.float()), folded(image.float())))
        assert error < max(1e-5, 3 * usual)


@pytest.mark.parametrize("network_type", [Generator, Extractor])
@pytest.mark.parametrize("name", NORMS)
@torch.no_grad()
def test_every_norm_of_the_networks_of_iscl_is_folded(name, network_type, image):
    network = randomised(network_type(8, name))
    assert folds(network, image) == {}


CONVOLUTIONS = st.builds(
    dict,
    kernel_size=st.integers(1, 4),
    stride=st.integers(1, 2),
    dilation=st.integers(1, 2),
    padding=st.integers(0, 3),
    groups=st.sampled_from([1, 2]),
    bias=st.booleans(),
    padding_mode=st.just("zeros"),
)


@given(
    CONVOLUTIONS,
    st.sampled_from([nn.Conv2d, nn.ConvTranspose2d]),
    st.sampled_from(["instance", "instance-plain", "layer", "batch-instance-running"]),
    st.sampled_from([0.0, 0.2, 1.0]),
)
@settings(max_examples=60)
@torch.no_grad()
def test_convolutions_of_all_kinds_take_in_their_norm(options, kind, name, slope):
    network = randomised(nn.Sequential(kind(2, 6, **options), norm(name).layer(6, slope)))
    left = folds(network, torch.randn(2, 2, 12, 11, dtype=torch.float64)[:1])
    assert len(left) == (kind is nn.ConvTranspose2d and options["groups"] > 1)


class Cropped(nn.Module):
    """conv, a crop, norm."""

    def __init__(self, crop):
        super().__init__()
        self.crop = crop
        self.conv = nn.ConvTranspose2d(1, 4, 3, 2)
        self.norm = instance(len(torch.empty(1, 4, 9, 9)[crop][0]))

    def forward(self, x):
        return self.norm(self.conv(x)[self.crop])


EVERYTHING = slice(None)


@pytest.mark.parametrize(
    ("crop", "folded"),
    [
        ((EVERYTHING, EVERYTHING, slice(-1), slice(1, None)), True),
        ((EVERYTHING, EVERYTHING, slice(None, None, 2)), True),
        ((EVERYTHING, slice(2)), False),
        ((slice(1), EVERYTHING), False),
        (slice(None), False),
    ],
)
@torch.no_grad()
def test_a_crop_between_convolution_and_norm_must_leave_all_maps(crop, folded):
    network = randomised(Cropped(crop))
    assert (folds(network, torch.randn(1, 1, 8, 6, dtype=torch.float64)) == {}) == folded


class Watched(nn.Module):
    """What the convolution makes is used for something else too."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 3, 3, padding=1), instance(3)

    def forward(self, x):
        maps = self.conv(x)
        return maps + self.norm(maps)


class CropWatched(Watched):
    """So is a crop of it."""

    def forward(self, x):
        maps = self.conv(x)[:, :, 1:]
        return maps + self.norm(maps)


class Shared(Watched):
    """The convolution serves two norms, and its weight something else."""

    def __init__(self):
        super().__init__()
        self.other = instance(3)

    def forward(self, x):
        return self.norm(self.conv(x)) + self.other(self.conv(x + 1))


class Borrowed(Watched):
    """The convolution's weight is used for something else too."""

    def forward(self, x):
        return self.norm(self.conv(x)) + self.conv.weight.sum()


class Again(Watched):
    """The norm is met twice: it uses its last moments both times."""

    def forward(self, x):
        return self.norm(self.norm(self.conv(x)))


class Joined(Watched):
    """The norm sees more than the convolution makes."""

    def forward(self, x):
        return self.norm(torch.cat((self.conv(x)[:, :2], x), 1))


class Odd(Watched):
    """Looks at values, and so has no graph."""

    def forward(self, x):
        return self.norm(self.conv(x)) if x.sum() < 1e9 else x


@pytest.mark.parametrize("kind", [Watched, CropWatched, Shared, Borrowed, Again, Joined, Odd])
@torch.no_grad()
def test_norms_that_cannot_be_folded_are_frozen(kind):
    network = randomised(kind())
    assert folds(network, torch.randn(1, 1, 9, 8, dtype=torch.float64)).keys() == feature_norms(network).keys()


class Unmet(nn.Module):
    """Two norms, one of which is never met; the other has two names."""

    def __init__(self):
        super().__init__()
        self.conv, self.first, self.unmet = nn.Conv2d(1, 2, 1), instance(2), instance(2)
        self.second = self.first

    def forward(self, x):
        return self.second(self.conv(x))


@torch.no_grad()
def test_a_norm_of_two_names_is_folded_and_one_never_met_left():
    assert list(folds(randomised(Unmet()), torch.randn(1, 1, 9, 8, dtype=torch.float64))) == ["unmet"]


@pytest.mark.parametrize("name", ["spectral", "spectral-project"])
@torch.no_grad()
def test_parametrised_convolutions_become_plain_and_their_originals_stay(name):
    conv = norm(name).conv(nn.Conv2d(1, 4, 3))
    network = randomised(nn.Sequential(conv, instance(4)))
    x = torch.randn(1, 1, 9, 8, dtype=torch.float64)
    expected = network(x)
    folded = copy.deepcopy(network)
    Folding(folded).use(record(network, lambda: network(x)))
    torch.testing.assert_close(folded(x), expected)
    assert type(folded[0]) is nn.Conv2d
    assert not any(parametrize.is_parametrized(module) for module in folded.modules())
    assert torch.equal(network(x), expected)
    assert parametrize.is_parametrized(network[0])


@torch.no_grad()
def test_only_convolutions_and_activations_are_left():
    network = Generator(8, "instance").eval()
    Folding(network)
    leaves = [module for module in network.modules() if not list(module.children())]
    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.LeakyReLU, nn.Identity)
    assert {kind for leaf in leaves for kind in kinds if isinstance(leaf, kind)} == set(kinds)
    assert all(isinstance(leaf, kinds) for leaf in leaves)
    assert not any(isinstance(module, FeatureNorm) for module in network.modules())
    assert not any(parameter.requires_grad for name, parameter in network.named_parameters() if "13" not in name)


@torch.no_grad()
def test_memory_format_and_type_of_the_weights_stay():
    network = Extractor(8, "layer").to(torch.bfloat16, memory_format=torch.channels_last).eval()
    x = torch.randn(1, 1, 16, 16, dtype=torch.bfloat16)
    moments = record(network, lambda: network(x))
    Folding(network).use(moments)
    assert network(x).dtype == torch.bfloat16
    assert all(w.is_contiguous(memory_format=torch.channels_last) for w in network.parameters() if w.ndim == 4)

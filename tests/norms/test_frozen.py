from __future__ import annotations

import pytest
import torch

from pellucid.networks import Extractor, Generator
from pellucid.norms import NORMS, feature_norms, follows_mode, freeze, measure, moments_from, record
from pellucid.norms.feature import given_sources

names = pytest.mark.parametrize("name", NORMS)
networks = pytest.mark.parametrize("network_type", [Generator, Extractor])
FOLLOWING = {
    "batch",
    "batch-torch",
    "batch-instance-running",
    "switchable",
    "switchable-frozen",
    "spectral",
    "spectral-project",
}


def make(network_type, name):
    """A network whose norms have parameters and running values as after some training."""
    network = network_type(16, name).double().requires_grad_(False)
    for layer in feature_norms(network).values():
        layer.momentum = 0.5
        for parameter in layer.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
        layer.constrain()
    for _ in range(4):
        network(torch.randn(2, 1, 16, 16, dtype=torch.float64))
    return network.eval()


@names
@networks
def test_frozen_moments_of_the_whole_make_a_crop_equal_to_the_whole(network_type, name):
    network, halo = make(network_type, name), network_type.halo
    x = torch.randn(1, 1, 2 * halo + 40, 2 * halo + 28, dtype=torch.float64)
    x[:, :, 60:] += 1  # what is seen differs from place to place
    expected = network(x)
    moments = record(network, lambda: network(x))
    top, left = 16, 12
    crop = x[:, :, top : top + 2 * halo + 12, left : left + 2 * halo + 16]
    inside = (slice(None), slice(None), slice(halo, halo + 12), slice(halo, halo + 16))
    with freeze(network, moments):
        torch.testing.assert_close(network(x), expected, rtol=1e-10, atol=1e-10)
        frozen = network(crop)[inside]
    rows, columns = slice(top + halo, top + halo + 12), slice(left + halo, left + halo + 16)
    torch.testing.assert_close(frozen, expected[:, :, rows, columns], rtol=1e-9, atol=1e-9)
    if name in ("instance", "batch-instance", "layer", "group", "switchable"):  # else there is nothing to freeze
        assert (network(crop)[inside] - frozen).abs().max() > 1e-3


@names
@networks
def test_frozen_result_is_independent_of_the_batch(network_type, name):
    network = make(network_type, name)
    x = torch.randn(3, 1, 24, 24, dtype=torch.float64)
    moments = record(network, lambda: network(x[:1]))
    with freeze(network, moments):
        torch.testing.assert_close(network(x)[:1], network(x[:1]), rtol=1e-10, atol=1e-10)


@names
def test_after_the_block_everything_is_as_before(name):
    network, x = make(Generator, name), torch.randn(1, 1, 24, 24, dtype=torch.float64)
    before = network(x)
    moments = record(network, lambda: network(torch.randn_like(x)))
    with freeze(network, moments):
        if moments:
            # batch norm in evaluation mode reads no moments
            assert not torch.equal(network(x), before) or name in ("batch", "batch-torch")
    assert torch.equal(network(x), before)

    with pytest.raises(KeyboardInterrupt), freeze(network, moments):
        raise KeyboardInterrupt
    assert torch.equal(network(x), before)


def test_after_a_failing_record_everything_is_as_before():
    network = make(Generator, "instance")

    def fail():
        network(torch.randn(1, 1, 24, 24))  # float32 into a float64 network

    with pytest.raises(RuntimeError):
        record(network, fail)
    assert given_sources.get() == {}


def test_blocks_can_be_nested():
    network, x = make(Extractor, "instance"), torch.randn(1, 1, 24, 24, dtype=torch.float64)
    moments = record(network, lambda: network(x))
    first = next(iter(moments))
    with freeze(network, moments):
        crop = x[:, :, :20, :20]
        frozen = network(crop)
        with moments_from(network, {first: measure}):
            assert not torch.equal(network(crop), frozen)
        assert torch.equal(network(crop), frozen)


@networks
def test_recorded_moments_are_those_that_each_norm_sees(network_type):
    network = make(network_type, "switchable")
    seen = {}
    for name, layer in feature_norms(network).items():
        layer.register_forward_hook(lambda _, given, __, name=name: seen.update({name: measure(given[0])}))
    x = torch.randn(2, 1, 24, 24, dtype=torch.float64)
    recorded = record(network, lambda: network(x))
    assert list(recorded) == list(seen)  # in the order of execution
    torch.testing.assert_close(recorded, seen)


@pytest.mark.parametrize(("network_type", "count"), [(Generator, 11), (Extractor, 18)])
def test_every_norm_is_found(network_type, count):
    assert len(feature_norms(network_type(8, "instance"))) == count
    assert feature_norms(network_type(8, "spectral")) == {}


@names
def test_which_norms_follow_the_mode(name):
    network = make(Generator, name)
    assert follows_mode(network) == (name in FOLLOWING)
    if name not in FOLLOWING:
        x = torch.randn(2, 1, 16, 16, dtype=torch.float64)
        assert torch.equal(network.train()(x), network.eval()(x))

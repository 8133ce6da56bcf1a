from __future__ import annotations

import gc
import io

import pytest
import torch
from torch import Tensor, nn

from pellucid.inference.layer_by_layer import LayerByLayer
from pellucid.methods import build, make_recipe
from pellucid.networks import Extractor, Generator
from pellucid.norms import measure, merge, norm, record


def pauses(layers, x, moments):
    """The states of a pass over a whole image; what it measures goes into `moments`."""
    state = None
    for name in layers.norms:
        state = layers.resume(state, moments) if state else layers.start(x)
        assert state.norm == name
        moments[name] = measure(state.waiting)
        yield state


def instance(channels):
    return norm("instance").layer(channels, 0.2)


def test_a_pass_measures_what_the_norms_measure(networks, image):
    for network in networks:
        layers = LayerByLayer.of(network)
        expected = record(network, lambda network=network: network(image))
        measured = {}
        assert len(list(pauses(layers, image, measured))) == len(layers.norms)
        assert list(measured) == layers.norms == list(expected)
        torch.testing.assert_close(measured, expected, rtol=1e-9, atol=1e-12)


def test_halves_of_an_image_measured_together_equal_the_whole():
    """With 1×1 convolutions, so that no half sees the other."""
    network = nn.Sequential(
        nn.Conv2d(1, 4, 1), instance(4), nn.Conv2d(4, 4, 1), instance(4), nn.Conv2d(4, 2, 1), instance(2)
    ).double()
    x = torch.randn(1, 1, 10, 8, dtype=torch.float64)
    layers = LayerByLayer.of(network)
    states, moments = [layers.start(piece) for piece in (x[:, :, :6], x[:, :, 6:])], {}
    for name in layers.norms:
        moments[name] = merge([measure(state.waiting) for state in states])
        if name != layers.norms[-1]:
            states = [layers.resume(state, moments) for state in states]
    torch.testing.assert_close(moments, record(network, lambda: network(x)))


def living(network, x):
    return [len(state.live) for state in pauses(LayerByLayer.of(network.eval()), x, {})]


@torch.no_grad()
def test_nothing_is_kept_that_is_needed_no_more():
    x = torch.randn(1, 1, 32, 32)
    assert living(Extractor(4, "instance"), x) == [1] * 18
    # encoder; three residual blocks, whose input waits for the sum; decoder
    assert living(Generator(4, "instance"), x) == [1] * 3 + [2] * 6 + [1] * 2
    # the image is needed again, but behind the last norm
    assert living(build(make_recipe("dncnn", settings={"width": 4})).denoiser, x) == [1] * 15


@torch.no_grad()
def test_nothing_else_holds_a_feature_map():
    layers = LayerByLayer.of(Generator(4, "instance").eval())
    x = torch.randn(1, 1, 32, 32)
    gc.collect()
    before = {id(thing) for thing in gc.get_objects() if issubclass(type(thing), Tensor)}
    state = layers.start(x)
    for _ in range(4):
        state = layers.resume(state, {state.norm: measure(state.waiting)})
    gc.collect()
    new = [thing for thing in gc.get_objects() if issubclass(type(thing), Tensor) and id(thing) not in before]
    assert {id(thing) for thing in new if thing.ndim == 4} == {id(thing) for thing in state.live.values()}
    assert len(state.live) == 2


def test_a_state_can_be_put_away(networks, image):
    for network in networks:
        layers = LayerByLayer.of(network)
        if len(layers.norms) < 2:
            continue
        state = layers.start(image)
        moments = {state.norm: measure(state.waiting)}
        file = io.BytesIO()
        torch.save(tuple(state), file)
        file.seek(0)
        again = type(state)(*torch.load(file, weights_only=True))
        torch.testing.assert_close(
            layers.resume(again, moments).waiting, layers.resume(state, moments).waiting, rtol=0, atol=0
        )


class Sized(nn.Module):
    """A size and a parameter are met before a norm and used behind it; a side branch ends in a norm."""

    def __init__(self):
        super().__init__()
        self.first, self.aside, self.last = instance(2), instance(2), instance(1)
        self.gain = nn.Parameter(torch.tensor(3.0))

    def forward(self, x):
        height, gain = x.shape[2], self.gain
        x = self.first(torch.cat((x, 2 * x), 1))
        aside = self.aside(x + 1)
        x = self.last(gain * x[:, :1, : height // 2])
        return x.sum() + aside.sum()


@torch.no_grad()
def test_sizes_are_kept_but_no_weights_and_no_dead_ends():
    network, x = Sized(), torch.randn(1, 1, 8, 6)
    layers = LayerByLayer.of(network)
    measured = {}
    kept = [sorted(type(value).__name__ for value in state.live.values()) for state in pauses(layers, x, measured)]
    assert kept == [["Tensor", "int"], ["Tensor", "Tensor", "int"], ["Tensor"]]
    torch.testing.assert_close(measured, record(network, lambda: network(x)))


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = instance(1)

    def forward(self, x):
        return self.norm(self.norm(x))


class Odd(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


@pytest.mark.parametrize("network", [Twice(), nn.Sequential(Odd(), instance(1))])
def test_networks_that_cannot_run_layer_by_layer_are_known(network):
    assert LayerByLayer.of(network) is None


def test_a_network_without_norms_never_pauses():
    assert LayerByLayer.of(Generator(2, "none")).norms == []

from __future__ import annotations

import gc

import pytest
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from pellucid.networks import Extractor, Generator
from pellucid.norms import norm
from pellucid.ops import kernels, recompute_activations
from pellucid.ops.recompute import apply_recomputable, mark_recomputable

with_kernels = pytest.mark.skipif(
    not (kernels.built() and kernels.wanted()), reason="the kernels were not built, or are switched off"
)


def gradients(network, x):
    return torch.autograd.grad(network(x).square().sum(), [x, *network.parameters()])


def network_and_image(make):
    network = make(width=8).to(memory_format=torch.channels_last)
    return network, torch.rand(2, 1, 32, 32).requires_grad_()


@with_kernels
@pytest.mark.parametrize("make", [Extractor, Generator])
def test_not_a_bit_changes(make):
    network, x = network_and_image(make)
    kept = gradients(network, x)
    with recompute_activations():
        remade = gradients(network, x)
    assert all(torch.equal(a, b) for a, b in zip(kept, remade, strict=True))


@with_kernels
@pytest.mark.parametrize(("make", "share"), [(Extractor, 0.6), (Generator, 0.65)])
def test_half_of_the_maps_are_not_kept(make, share):
    network, x = network_and_image(make)
    assert held(network, x, recompute_activations) < share * held(
        network, x, lambda: saved_tensors_hooks(lambda t: t, lambda t: t)
    )


def held(network, x, context):
    """Bytes of maps that live between forward and backward, each counted once."""
    alive = {}

    def look(module, given, result):
        alive[result.untyped_storage().data_ptr()] = weak(result)
        alive[given[0].untyped_storage().data_ptr()] = weak(given[0])

    handles = [
        m.register_forward_hook(look) for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)
    ]
    with context():
        result = network(x)
    for handle in handles:
        handle.remove()
    bytes_held = sum(nbytes for storage, nbytes in alive.values() if not storage.expired())
    del result
    return bytes_held


def weak(tensor):
    storage = tensor.untyped_storage()
    return torch.multiprocessing.reductions.StorageWeakRef(storage), storage.nbytes()


def doubled(x):
    """2x, of which autograd does not know that it could be made again; and how often it was."""
    calls = []

    def function(source):
        calls.append(source)
        return 2 * source

    return mark_recomputable(function(x), function, x), calls


def test_what_is_made_again_has_no_more_attributes_and_serves_any_number_of_uses():
    x = torch.rand(4, requires_grad=True)
    with recompute_activations():
        y, calls = doubled(x)
        padded = apply_recomputable(torch.square, y)
        assert not vars(y)
        assert not vars(padded)
        total = (y.square() + padded.square()).sum()  # (2x)² + (2x)⁴
    expected = 8 * x + 64 * x**3
    for times in (1, 2):  # the graph is kept and gone through twice
        (grad,) = torch.autograd.grad(total, x, retain_graph=True)
        torch.testing.assert_close(grad, expected)
        assert len(calls) == 1 + 3 * times  # for both squares of y, and for that of the padded map


def test_a_result_that_was_overwritten_is_kept_as_it_then_is():
    x = torch.rand(4, requires_grad=True)
    with recompute_activations():
        y, calls = doubled(x)
        with torch.no_grad():
            y.add_(1)
        total = apply_recomputable(lambda t: 3 * t, y).square().sum()  # (3 (2x + 1))²
    (grad,) = torch.autograd.grad(total, x)
    torch.testing.assert_close(grad, 36 * (2 * x + 1))
    assert len(calls) == 1


@pytest.mark.parametrize("remade", [True, False])
def test_a_source_that_was_overwritten_is_an_error_as_without_hooks(remade):
    leaf = torch.rand(4, requires_grad=True)
    with recompute_activations():
        x = leaf + 1
        y = doubled(x)[0] if remade else x
        total = y.square().sum()
    with torch.no_grad():
        x.add_(1)
    with pytest.raises(RuntimeError, match="overwritten"):
        total.backward()


def test_notes_belong_to_the_innermost_block_and_die_with_it():
    x = torch.rand(4, requires_grad=True)
    with recompute_activations():
        y, calls = doubled(x)
        with recompute_activations():
            y.square().sum().backward(retain_graph=True)
        assert len(calls) == 1
        y.square().sum().backward(retain_graph=True)
        assert len(calls) == 2
    y.square().sum().backward()
    assert len(calls) == 2


@pytest.mark.parametrize("saved", [torch.exp, torch.tanh, lambda x: doubled(x)[0].square().exp()])
def test_a_graph_that_is_never_gone_through_dies_with_its_last_result(saved):
    x = torch.rand(1000, requires_grad=True)
    gc.disable()  # it sees no further than Python
    try:
        with recompute_activations():
            result = saved(x)  # its derivative needs the result itself
            storage, _ = weak(result)
        del result
        assert storage.expired()
    finally:
        gc.enable()


@with_kernels
def test_nothing_of_a_norm_outlives_the_pass():
    layer = norm("switchable").layer(8, 0.2)
    x = torch.rand(2, 8, 16, 16).to(memory_format=torch.channels_last).requires_grad_()

    def step():
        with recompute_activations():
            layer(x).square().sum().backward()

    step()
    gc.collect()
    before = tensors()
    for _ in range(3):
        step()
    assert tensors() <= before


def tensors():
    """How many there are in this process."""
    return sum(type(thing) in (torch.Tensor, nn.Parameter) for thing in gc.get_objects())

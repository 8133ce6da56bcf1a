from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from pellucid.networks import Extractor, Generator
from pellucid.norms import kernels, remaking

pytestmark = pytest.mark.skipif(not kernels.built(), reason="no C compiler was there when Pellucid was installed")


def gradients(network, x):
    return torch.autograd.grad(network(x).square().sum(), [x, *network.parameters()])


def network_and_image(make):
    network = make(width=8).to(memory_format=torch.channels_last)
    return network, torch.rand(2, 1, 32, 32).requires_grad_()


@pytest.mark.parametrize("make", [Extractor, Generator])
def test_not_a_bit_changes(make):
    network, x = network_and_image(make)
    kept = gradients(network, x)
    with remaking():
        remade = gradients(network, x)
    assert all(torch.equal(a, b) for a, b in zip(kept, remade, strict=True))


@pytest.mark.parametrize(("make", "share"), [(Extractor, 0.6), (Generator, 0.65)])
def test_half_of_the_maps_are_not_kept(make, share):
    network, x = network_and_image(make)
    assert held(network, x, remaking) < share * held(network, x, lambda: saved_tensors_hooks(lambda t: t, lambda t: t))


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

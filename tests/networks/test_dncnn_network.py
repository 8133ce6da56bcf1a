from __future__ import annotations

import pytest
import torch
from torch import nn

from pellucid.networks.dncnn import Dncnn


def parameters(network):
    return sum(p.numel() for p in network.parameters())


def convolutions(network):
    return [module for module in network.modules() if isinstance(module, nn.Conv2d)]


def test_has_the_published_number_of_parameters():
    assert parameters(Dncnn()) == 556_096
    assert parameters(Dncnn(normalisation="batch", bias="all")) == 557_057
    assert parameters(Dncnn(bias="none")) == 556_032


def test_only_the_first_convolution_has_a_bias_unless_all_or_none_are_to_have_one():
    biases = [conv.bias is not None for conv in convolutions(Dncnn(5, 4))]
    assert biases == [True, False, False, False, False]
    assert all(conv.bias is not None for conv in convolutions(Dncnn(5, 4, bias="all")))
    assert all(conv.bias is None for conv in convolutions(Dncnn(5, 4, bias="none")))


def test_equals_the_stack_of_the_paper():
    network = Dncnn(4, 3).double().eval()
    first, second, third, last = convolutions(network)
    norms = [module for module in network.modules() if hasattr(module, "running_var")]
    for layer in norms:
        layer.running_mean.uniform_()
        layer.running_var.uniform_(0.5, 2)
        layer.gamma.data.uniform_(0.5, 2)
        layer.beta.data.uniform_()
    x = torch.randn(2, 1, 9, 12, dtype=torch.float64)
    maps = torch.relu(first(x))
    for conv, layer in zip((second, third), norms, strict=True):
        expected = nn.BatchNorm2d(3).double().eval()
        expected.load_state_dict(
            {"weight": layer.gamma, "bias": layer.beta, "running_mean": layer.running_mean,
             "running_var": layer.running_var}, strict=False,
        )  # fmt: skip
        maps = torch.relu(expected(conv(maps)))
    torch.testing.assert_close(network(x), last(maps))


@pytest.mark.parametrize("depth", [3, 17])
def test_the_halo_is_exactly_the_receptive_field(depth):
    network = Dncnn(depth, 4, "none").double()
    side = 2 * network.halo + 7
    x = torch.randn(1, 1, side, side, dtype=torch.float64, requires_grad=True)
    network(x)[0, 0, side // 2, side // 2].backward()
    rows, columns = x.grad[0, 0].nonzero().T
    assert network.halo == depth
    for places in (rows, columns):
        assert int(places.max()) - side // 2 == side // 2 - int(places.min()) == depth

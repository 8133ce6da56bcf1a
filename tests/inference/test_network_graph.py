from __future__ import annotations

import torch
from torch import nn

from pellucid.inference.network_graph import leading_to, norm_calls, trace, uses
from pellucid.networks import Generator
from pellucid.norms import feature_norms, norm, record


class Odd(nn.Module):
    """Does what no graph can hold."""

    def forward(self, x):
        return x if x.sum() > 0 else -x


class Shortcut(nn.Module):
    """x + a·norm(conv(x)), the convolution met twice."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 1)
        self.norm = norm("instance").layer(2, 0.2)
        self.gain = nn.Parameter(torch.ones(()))

    def forward(self, x):
        return x + self.gain * self.norm(self.conv(self.conv(x)))


def test_networks_of_all_recipes_can_be_traced(networks, image):
    for network in networks:
        calls = norm_calls(network, trace(network))
        met = record(network, lambda network=network: network(image))
        assert [call.target for call in calls] == list(met)  # in the order of execution


def test_one_graph_serves_all_sizes(networks):
    for network in networks:
        run = torch.fx.GraphModule(network, trace(network))
        for shape in ((1, 1, 64, 32), (2, 1, 32, 32)):
            x = torch.randn(shape, dtype=torch.float64)
            torch.testing.assert_close(run(x), network(x), rtol=0, atol=0)


def test_norms_and_layers_are_single_steps():
    graph = trace(Generator(8, "instance"))
    kinds = [node.op for node in graph.nodes]
    assert kinds.count("call_module") == 11 + 12
    assert not [node for node in graph.nodes if node.op == "get_attr"]


def test_what_looks_at_values_has_no_graph():
    assert trace(Odd()) is None


def test_every_use_of_a_module_is_found():
    network = Shortcut()
    graph = trace(network)
    assert len(uses(graph, "conv")) == 2
    assert len(uses(graph, "norm")) == len(feature_norms(network)) == 1
    assert [node.op for node in uses(graph, "gain")] == ["get_attr"]
    assert uses(graph, "con") == []


def test_what_a_node_needs_is_found_and_nothing_else():
    graph = trace(Shortcut())
    (call,) = norm_calls(Shortcut(), graph)
    assert [node.op for node in graph.nodes if node in leading_to([call])] == ["placeholder"] + ["call_module"] * 3
    assert leading_to([]) == set()

"""A network as a graph: what follows what, whose norms are where.

Feature norms and torch's own layers are steps of it; everything else is looked into. Sizes of images stay open. It is
used to look things up and to go through a network step by step; a network as such is never replaced by its graph.
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import fx, nn

from pellucid.norms.feature import FeatureNorm


class _Tracer(fx.Tracer):
    """Takes feature norms for layers, and convolutions of other kinds than torch's own."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether a module is one step."""
        layers = (FeatureNorm, nn.Conv2d, nn.ConvTranspose2d)
        return isinstance(m, layers) or super().is_leaf_module(m, module_qualified_name)


def trace(network: nn.Module) -> fx.Graph | None:
    """The graph of a network, in the mode that it is in; None if what it does depends on values or on sizes."""
    try:
        return _Tracer().trace(network)
    except Exception:  # whatever stops code that is handed no numbers; with numbers it may run
        return None


def norm_calls(network: nn.Module, graph: fx.Graph) -> list[fx.Node]:
    """Where feature norms are met, in the order of execution; the target of such a node is the norm's path."""
    modules = dict(network.named_modules())
    return [
        node for node in graph.nodes if node.op == "call_module" and isinstance(modules[str(node.target)], FeatureNorm)
    ]


def uses(graph: fx.Graph, path: str) -> list[fx.Node]:
    """Where a submodule is called, or something in it is read."""
    inside = ("call_module", "get_attr")
    return [node for node in graph.nodes if node.op in inside and f"{node.target}.".startswith(f"{path}.")]


def leading_to(goals: Iterable[fx.Node]) -> set[fx.Node]:
    """Some nodes, and all that they need to be computed."""
    found: set[fx.Node] = set()
    open_ends = list(goals)
    while open_ends:
        node = open_ends.pop()
        if node not in found:
            found.add(node)
            open_ends += node.all_input_nodes
    return found

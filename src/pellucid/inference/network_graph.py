"""A network as a graph: the order of its steps, and where its norms are.

Feature norms and torch's own layers are single steps; all other modules are traced through. Image sizes stay open.
The graph serves to look things up and to run a network step by step; it never replaces the network.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from torch import fx, nn

from pellucid.norms.feature import FeatureNorm

_ONE_AT_A_TIME = threading.Lock()


class _Tracer(fx.Tracer):
    """A tracer for which feature norms and all kinds of convolutions are single steps.

    While torch's tracer runs it redirects the calls of all modules in the process; those of other threads go straight
    through.
    """

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether a module is a single step."""
        layers = (FeatureNorm, nn.Conv2d, nn.ConvTranspose2d)
        return isinstance(m, layers) or super().is_leaf_module(m, module_qualified_name)

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Record the call of a module, or trace through it."""
        return super().call_module(m, forward, args, kwargs) if self._is_here() else forward(*args, **kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        """Record that a parameter is read."""
        return super().getattr(attr, attr_val, parameter_proxy_cache) if self._is_here() else attr_val

    def _is_here(self) -> bool:
        return threading.get_ident() == self._thread


def trace(network: nn.Module) -> fx.Graph | None:
    """The graph of a network, in its present mode; None if its steps depend on values or on sizes."""
    with _ONE_AT_A_TIME:
        try:
            return _Tracer().trace(network)
        except Exception:  # code that fails without values may run with them
            return None


def norm_calls(network: nn.Module, graph: fx.Graph) -> list[fx.Node]:
    """The calls of feature norms, in the order of execution; the target of such a node is the path of the norm."""
    modules = dict(network.named_modules())
    return [
        node for node in graph.nodes if node.op == "call_module" and isinstance(modules[str(node.target)], FeatureNorm)
    ]


def uses(graph: fx.Graph, path: str) -> list[fx.Node]:
    """The nodes that call a submodule or read something in it."""
    inside = ("call_module", "get_attr")
    return [node for node in graph.nodes if node.op in inside and f"{node.target}.".startswith(f"{path}.")]


def leading_to(goals: Iterable[fx.Node]) -> set[fx.Node]:
    """The nodes that are needed to compute some nodes, and those themselves."""
    found: set[fx.Node] = set()
    open_ends = list(goals)
    while open_ends:
        node = open_ends.pop()
        if node not in found:
            found.add(node)
            open_ends += node.all_input_nodes
    return found

"""A network as a graph: what follows what, whose norms are where.

Feature norms and torch's own layers are steps of it; everything else is looked into. Image sizes stay open. The graph
serves to look things up and to run a network step by step; it never replaces the network.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from torch import fx, nn

from pellucid.norms.feature import FeatureNorm

_ONE_AT_A_TIME = threading.Lock()


class _Tracer(fx.Tracer):
    """Takes feature norms for layers, and convolutions of other kinds than torch's own.

    While torch's tracer runs it redirects the calls of all modules of the process: those of other threads go straight
    through.
    """

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether a module is one step."""
        layers = (FeatureNorm, nn.Conv2d, nn.ConvTranspose2d)
        return isinstance(m, layers) or super().is_leaf_module(m, module_qualified_name)

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Note the call of a module, or look into it."""
        return super().call_module(m, forward, args, kwargs) if self._is_here() else forward(*args, **kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        """Note that a parameter is read."""
        return super().getattr(attr, attr_val, parameter_proxy_cache) if self._is_here() else attr_val

    def _is_here(self) -> bool:
        return threading.get_ident() == self._thread


def trace(network: nn.Module) -> fx.Graph | None:
    """The graph of a network, in its present mode; None if what it does depends on values or on sizes."""
    with _ONE_AT_A_TIME:
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

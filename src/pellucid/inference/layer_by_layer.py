"""A forward pass that pauses before every norm, so that all tiles of an image are measured together in one pass each.

    layers = LayerByLayer.of(network)
    states = [layers.start(tile) for tile in tiles]
    for norm in layers.norms:
        moments = {norm: merge([measure(state.waiting) for state in states])}
        states = [layers.resume(state, moments) for state in states]      # (not after the last norm)

A paused pass is a name and the few tensors that are needed to go on. `torch.fx.passes.split_module` gives the same
states, but a stretch of its graph holds its input until it ends: three maps at once instead of two.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from torch import Tensor, fx, nn

from pellucid.inference.network_graph import leading_to, norm_calls, trace
from pellucid.norms.frozen import freeze
from pellucid.norms.moments import Moments


class State(NamedTuple):
    """A paused pass.

    Attributes:
        norm: path of the norm that comes next.
        source: name of the value that it will measure.
        live: the values needed to go on, by name: tensors, and sizes if the network uses them later.
    """

    norm: str
    source: str
    live: dict[str, Any]

    @property
    def waiting(self) -> Tensor:
        """The feature map (N, C, H, W) that the norm will measure."""
        waiting: Tensor = self.live[self.source]
        return waiting


class LayerByLayer:
    """A network that pauses before every norm; what follows the last norm is never run.

    Args:
        network: in evaluation mode; takes one image (N, 1, H, W).
        graph: its graph, in which each norm is called at most once.
    """

    def __init__(self, network: nn.Module, graph: fx.Graph) -> None:
        calls = norm_calls(network, graph)
        self.norms = [str(call.target) for call in calls]
        """Paths of the norms, in the order of execution."""
        self._network = network
        self._interpreter = fx.Interpreter(network, graph=graph)
        self._image = next(node.name for node in graph.nodes if node.op == "placeholder")
        self._sources = [call.all_input_nodes[0].name for call in calls]
        needed = leading_to(calls)
        steps = [node for node in graph.nodes if node in needed and node.op not in ("placeholder", "get_attr")]
        self._stretches = _cut_before(calls, steps)
        self._spent = _last_needed(steps)

    @classmethod
    def of(cls, network: nn.Module) -> LayerByLayer | None:
        """Prepare a network in evaluation mode; None if it cannot be traced or calls a norm more than once."""
        graph = trace(network)
        if graph is None:
            return None
        paths = [call.target for call in norm_calls(network, graph)]
        return cls(network, graph) if len(set(paths)) == len(paths) else None

    def start(self, x: Tensor) -> State:
        """Run an image (N, 1, H, W) up to the first norm; there must be one."""
        return self._run(0, {self._image: x})

    def resume(self, state: State, moments: Mapping[str, Moments]) -> State:
        """Run up to the next norm; there must be one.

        Args:
            state: is used up: its values are freed as soon as nothing needs them any more.
            moments: of the norm that comes next, each (N, C) or (1, C) for all images.
        """
        with freeze(self._network, moments):
            return self._run(self.norms.index(state.norm) + 1, state.live)

    def _run(self, number: int, live: dict[str, Any]) -> State:
        for step in self._stretches[number]:
            live[step.name] = self._compute(step, live)
            for name in self._spent[step]:
                live.pop(name, None)
        return State(self.norms[number], self._sources[number], live)

    def _compute(self, step: fx.Node, live: Mapping[str, Any]) -> Any:
        def value(node: fx.Node) -> Any:
            return self._interpreter.fetch_attr(str(node.target)) if node.op == "get_attr" else live[node.name]

        args, kwargs = fx.node.map_arg((step.args, step.kwargs), value)
        return getattr(self._interpreter, step.op)(step.target, args, kwargs)


def _cut_before(calls: Sequence[fx.Node], steps: Sequence[fx.Node]) -> list[list[fx.Node]]:
    """Steps up to the first call, from there up to the second, and so on; after the last one nothing is needed."""
    starts = [steps.index(call) for call in calls]
    return [list(steps[start:end]) for start, end in pairwise([0, *starts])]


def _last_needed(steps: Sequence[fx.Node]) -> dict[fx.Node, list[str]]:
    """For each step the values, perhaps its own, that no later step needs."""
    last: dict[fx.Node, fx.Node] = {}
    for step in steps:
        last |= dict.fromkeys([step, *step.all_input_nodes], step)
    spent = defaultdict(list)
    for value, step in last.items():
        spent[step].append(value.name)
    return spent

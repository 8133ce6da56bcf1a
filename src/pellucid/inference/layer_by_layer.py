"""A forward pass that halts before every norm, so that many tiles can be measured together in one pass each.

    halting = LayerByLayer.of(network)
    states = [halting.start(tile) for tile in tiles]
    for norm in halting.norms:
        moments = {norm: merge([measure(state.waiting) for state in states])}
        states = [halting.resume(state, moments) for state in states]      # (not behind the last norm)

While it waits, a pass is a name and the few tensors that are needed to go on.
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
    """A pass that waits.

    Attributes:
        norm: path of the norm that comes next.
        source: which of the live values it will measure.
        live: the values needed to go on, by name: tensors, and sizes where the network keeps some.
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
    """A network that halts before every norm; what lies behind the last one is never run.

    Args:
        network: in evaluation mode; takes one image (N, 1, H, W).
        graph: of the network; meets each norm once at most.
    """

    def __init__(self, network: nn.Module, graph: fx.Graph) -> None:
        halts = norm_calls(network, graph)
        self.norms = [str(halt.target) for halt in halts]
        """Paths of the norms, in the order of execution."""
        self._network = network
        self._interpreter = fx.Interpreter(network, graph=graph)
        self._image = next(node.name for node in graph.nodes if node.op == "placeholder")
        self._sources = [halt.all_input_nodes[0].name for halt in halts]
        needed = leading_to(halts)
        steps = [node for node in graph.nodes if node in needed and node.op not in ("placeholder", "get_attr")]
        self._stretches = _cut_before(halts, steps)
        self._spent = _last_needed(steps)

    @classmethod
    def of(cls, network: nn.Module) -> LayerByLayer | None:
        """For a network in evaluation mode; None if it cannot be traced or meets a norm more than once."""
        graph = trace(network)
        if graph is None:
            return None
        paths = [halt.target for halt in norm_calls(network, graph)]
        return cls(network, graph) if len(set(paths)) == len(paths) else None

    def start(self, x: Tensor) -> State:
        """Run an image (N, 1, H, W) up to the first norm; there must be one."""
        return self._run(0, {self._image: x})

    def resume(self, state: State, moments: Mapping[str, Moments]) -> State:
        """Run up to the next norm; there must be one.

        Args:
            state: used up: its values are dropped as soon as nothing needs them any more.
            moments: those that the norm has waited for, each (N, C) or (1, C) for all images.
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


def _cut_before(halts: Sequence[fx.Node], steps: Sequence[fx.Node]) -> list[list[fx.Node]]:
    """Steps up to the first halt, from there up to the second, and so on; behind the last one nothing is needed."""
    starts = [steps.index(halt) for halt in halts]
    return [list(steps[start:end]) for start, end in pairwise([0, *starts])]


def _last_needed(steps: Sequence[fx.Node]) -> dict[fx.Node, list[str]]:
    """For each step the values, its own among them, that no later one needs."""
    last: dict[fx.Node, fx.Node] = {}
    for step in steps:
        last |= dict.fromkeys([step, *step.all_input_nodes], step)
    spent = defaultdict(list)
    for value, step in last.items():
        spent[step].append(value.name)
    return spent

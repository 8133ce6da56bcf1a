"""Moments measured elsewhere and handed in: a network with norms becomes a plain convolutional network.

    moments = record(network, lambda: network(whole_image))
    with freeze(network, moments):
        tile = network(piece)        # the same pixels as in network(whole_image)

Inside `freeze` no output depends on how large the tile is or on what else is in the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor, nn

from pellucid.norms.feature import FeatureNorm
from pellucid.norms.moments import Moments, measure


def feature_norms(network: nn.Module) -> dict[str, FeatureNorm]:
    """Every feature norm in a network, by its path."""
    return {name: module for name, module in network.named_modules() if isinstance(module, FeatureNorm)}


def follows_mode(network: nn.Module) -> bool:
    """Whether training and evaluation mode of the network's norms differ."""
    return any(getattr(module, "follows_mode", False) for module in network.modules())


def constrain(network: nn.Module) -> None:
    """Put every norm's parameters back into range; to be called after each optimiser step."""
    for norm in feature_norms(network).values():
        norm.constrain()


@contextmanager
def moments_from(network: nn.Module, sources: Mapping[str, Callable[[Tensor], Moments]]) -> Iterator[None]:
    """Within the block, the norms named take their moments from `sources` instead of measuring."""
    norms = feature_norms(network)
    previous = {name: norms[name].moments_of for name in sources}
    try:
        for name, source in sources.items():
            norms[name].moments_of = source
        yield
    finally:
        for name, source in previous.items():
            norms[name].moments_of = source


def record(
    network: nn.Module, run: Callable[[], object], how: Callable[[Tensor], Moments] = measure
) -> dict[str, Moments]:
    """Run the network once and return the moments that each norm measured and used, by its path.

    A norm that is met several times keeps the last; one that is never met is left out.

    Args:
        network: whose norms measure.
        run: sends something through it.
        how: they measure a map (N, C, H, W).
    """
    recorded: dict[str, Moments] = {}

    def recorder(name: str) -> Callable[[Tensor], Moments]:
        def measure_and_keep(x: Tensor) -> Moments:
            recorded[name] = how(x)
            return recorded[name]

        return measure_and_keep

    with moments_from(network, {name: recorder(name) for name in feature_norms(network)}):
        run()
    return recorded


def constant(moments: Moments) -> Callable[[Tensor], Moments]:
    """A source of moments that looks at nothing."""
    return lambda _: moments


@contextmanager
def freeze(network: nn.Module, moments: Mapping[str, Moments]) -> Iterator[None]:
    """Within the block, the norms named use these moments, each (N, C) or (1, C) for all images."""
    with moments_from(network, {name: constant(given) for name, given in moments.items()}):
        yield

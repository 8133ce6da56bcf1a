"""Moments that were measured elsewhere: with them a network with norms is a plain convolutional network.

    moments = record(network, lambda: network(whole_image))
    with freeze(network, moments):
        tile = network(piece)        # the same pixels as in network(whole_image)

Within `freeze` no output depends on the size of the tile or on the rest of the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from torch import Tensor, nn

from pellucid.norms.feature import FeatureNorm, Source, given_sources
from pellucid.norms.moments import Moments, measure


def feature_norms(network: nn.Module) -> dict[str, FeatureNorm]:
    """Every feature norm in a network, by its path."""
    return {name: module for name, module in network.named_modules() if isinstance(module, FeatureNorm)}


def follows_mode(network: nn.Module) -> bool:
    """Whether training and evaluation mode of the network's norms differ."""
    return any(getattr(module, "follows_mode", False) for module in network.modules())


def constrain(network: nn.Module) -> None:
    """Put the parameters of every norm back into their range; to be called after each optimiser step."""
    for norm in feature_norms(network).values():
        norm.constrain()


@contextmanager
def moments_from(network: nn.Module, sources: Mapping[str, Source]) -> Iterator[None]:
    """Within the block, in this thread, the norms named take their moments from `sources` instead of measuring."""
    norms = feature_norms(network)
    given = {norms[name]: source for name, source in sources.items()}
    outside = given_sources.set({**given_sources.get(), **given})
    try:
        yield
    finally:
        given_sources.reset(outside)


def record(network: nn.Module, run: Callable[[], object], how: Source = measure) -> dict[str, Moments]:
    """Run a network once and return the moments that each norm measured and used, by its path.

    Of a norm that runs several times these are the last; a norm that never runs is left out.

    Args:
        network: the network whose norms measure.
        run: sends something through it.
        how: measures maps (N, C, H, W).
    """
    recorded: dict[str, Moments] = {}

    def recorder(name: str) -> Source:
        def measure_and_keep(x: Tensor) -> Moments:
            recorded[name] = how(x)
            return recorded[name]

        return measure_and_keep

    with moments_from(network, {name: recorder(name) for name in feature_norms(network)}):
        run()
    return recorded


@contextmanager
def freeze(network: nn.Module, moments: Mapping[str, Moments]) -> Iterator[None]:
    """Within the block, the norms named use these moments, each (N, C) or (1, C) for all images."""
    with moments_from(network, {name: partial(_given, moments=given) for name, given in moments.items()}):
        yield


def _given(_: Tensor, moments: Moments) -> Moments:
    return moments

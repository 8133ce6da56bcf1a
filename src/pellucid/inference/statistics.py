"""Norm statistics of images that cannot pass through a network as a whole: measured in pieces, before any tile.

One mechanism serves two purposes: all tiles of an image give its exact moments, windows spread over a volume give a
sample of them. When the first k norms are frozen, the (k + 1)th sees in each piece exactly what it would see in the
whole image, so its moments over all cores, merged, are those of the whole image. The passes through all pieces run side
by side, layer by layer: each pauses at every norm until all pieces are measured there, and its state waits in the
activation cache, in memory or on disk. Where a network cannot be run so, or neither has room, each norm costs a new
pass up to it instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

from pellucid.inference.activation_cache import ActivationCache, NoRoomError
from pellucid.inference.layer_by_layer import LayerByLayer
from pellucid.inference.memory import is_out_of_memory
from pellucid.inference.tiles import Tile, on_tile, tiles
from pellucid.inference.view import Piece, View
from pellucid.methods import Denoiser
from pellucid.norms import Moments, feature_norms, freeze, measure, measure_valid, merge, moments_from, record, shares

_FLAT = 1e-7
"""The variance below which a map counts as flat: the ε of the norms outweighs it."""

Statistics: TypeAlias = Sequence[Mapping[str, Moments]]
"""For each network of a denoiser the moments, each (1, C), of its norms, by path."""


class Cut(NamedTuple):
    """A tile of an image, of which the valid pixels of the core are measured."""

    view: View
    tile: Tile

    def load(self) -> Piece:
        """Read what goes through the network."""
        return self.view.piece(self.tile.read)

    def core_of(self, x: Tensor) -> Tensor:
        """The core in a feature map of this tile, at the resolution of the map."""
        rows, columns = self.tile.core.within(self.tile.read, self.tile.read.shape[0] // x.shape[2]).slices
        return x[:, :, rows, columns]

    def shows(self, valid: Tensor | None) -> bool:
        """Whether any pixel of the core is valid, given the mask that was loaded."""
        return valid is None or bool(self.core_of(valid).any())

    def measure(self, x: Tensor, valid: Tensor | None) -> Moments:
        """Moments of a feature map over the valid pixels of the core."""
        core = self.core_of(x)
        return measure(core) if valid is None else measure_valid(core, self.core_of(shares(valid, x)))


class Measured(NamedTuple):
    """What the norms of one network measured: by path, the moments of each piece."""

    parts: Mapping[str, Sequence[Moments]]

    @property
    def moments(self) -> dict[str, Moments]:
        """The moments of all pieces taken together."""
        return {name: merge(list(parts)) for name, parts in self.parts.items()}

    @property
    def error(self) -> float:
        """The standard error of the moments if the pieces are a sample, as a share of a map's standard deviation.

        For each norm it is the root mean square over its maps, of means and of standard deviations; the largest counts.
        """
        return max((_standard_error(parts) for parts in self.parts.values()), default=0.0)


def has_norms(denoiser: Denoiser) -> bool:
    """Whether a denoiser has norms to measure."""
    return any(feature_norms(network) for network in denoiser.networks())


def exact_statistics(denoiser: Denoiser, view: View, side: int, cache: ActivationCache) -> Statistics:
    """The moments that every norm would measure in the valid pixels of a whole image.

    Args:
        denoiser: in evaluation mode.
        view: the image; not blank.
        side: side of the tiles that are measured, a multiple of the stride; halved if memory runs out. A denoiser with
            a window has squares of its own.
        cache: room for paused passes.
    """
    square = denoiser.square(view.shape)
    side = square or side
    while True:
        try:
            return [
                measure_pieces(network, _cut(view, side, each.halo), cache).moments
                for each in denoiser.independents()
                for network in each.networks()
            ]
        except Exception as problem:
            smaller = side // 2 // denoiser.stride * denoiser.stride
            if not is_out_of_memory(problem) or square or smaller < 4 * denoiser.stride:
                raise
            cache.clear()
            side = smaller


def _cut(view: View, side: int, halo: int) -> list[Cut]:
    return [Cut(view, tile) for tile in tiles(view.height, view.width, side, halo)]


@torch.no_grad()
def patch_statistics(denoiser: Denoiser, patches: Tensor) -> Statistics:
    """The moments that every norm sees in training patches (N, 1, H, W), all of them together.

    Args:
        denoiser: in evaluation mode.
        patches: H and W are multiples of its stride.
    """
    patches = patches.contiguous(memory_format=torch.channels_last)
    return [record(network, partial(network, patches), _measure_together) for network in denoiser.networks()]


def _measure_together(x: Tensor) -> Moments:
    means, variances, pixels = measure(x)
    each = zip(torch.split(means, 1), torch.split(variances, 1), strict=True)
    return merge([Moments(mean, var, pixels) for mean, var in each])


@torch.no_grad()
def measure_pieces(network: nn.Module, pieces: Sequence[Cut], cache: ActivationCache) -> Measured:
    """Moments that every norm of a network sees in the cores of some pieces, with all norms before it frozen.

    Args:
        network: takes the image itself, (1, 1, H, W); in evaluation mode.
        pieces: at least one whose core is not blank; blank ones are skipped.
        cache: room for paused passes.
    """
    layers = LayerByLayer.of(network)
    if layers is not None:
        try:
            return _side_by_side(layers, pieces, cache)
        except NoRoomError:
            cache.clear()
    return _again_for_each(network, pieces)


def _side_by_side(layers: LayerByLayer, pieces: Sequence[Cut], cache: ActivationCache) -> Measured:
    found: dict[str, list[Moments]] = {}
    moments: dict[str, Moments] = {}
    valid: dict[int, Tensor | None] = {}  # of each piece that is not blank
    for number, name in enumerate(layers.norms):
        found[name] = []
        for place in range(len(pieces)) if number == 0 else valid:
            if number:
                state = layers.resume(cache.take(place), moments)
            else:
                loaded = pieces[place].load()
                if not pieces[place].shows(loaded.valid):
                    continue
                valid[place] = loaded.valid
                state = layers.start(loaded.pixels)
            found[name].append(pieces[place].measure(state.waiting, valid[place]))
            on_tile.get()(0)
            if name != layers.norms[-1]:
                cache.put(place, state)
        moments = {name: merge(found[name])}
    return Measured(found)


class _MeasuredError(Exception):
    """The norm of interest has seen this tile: nothing after it is needed."""


def _again_for_each(network: nn.Module, pieces: Sequence[Cut]) -> Measured:
    found: dict[str, list[Moments]] = {}
    moments: dict[str, Moments] = {}
    for name in record(network, lambda: network(pieces[0].load().pixels)):  # in the order of execution
        found[name] = []
        for piece in pieces:
            loaded = piece.load()
            if not piece.shows(loaded.valid):
                continue
            measuring = _measure_core(piece, loaded.valid, found[name])
            with freeze(network, moments), moments_from(network, {name: measuring}), suppress(_MeasuredError):
                network(loaded.pixels)
            on_tile.get()(0)
        moments[name] = merge(found[name])
    return Measured(found)


def _measure_core(piece: Cut, valid: Tensor | None, parts: list[Moments]) -> Callable[[Tensor], Moments]:
    def measure_core(x: Tensor) -> Moments:
        parts.append(piece.measure(x, valid))
        raise _MeasuredError

    return measure_core


def _standard_error(parts: Sequence[Moments]) -> float:
    count = len(parts)
    if count < 2:
        return float("inf")
    whole = merge(list(parts))
    spread = whole.var.double().clamp_min(_FLAT).sqrt()
    means = torch.stack([part.mean.double() for part in parts])
    powers = torch.stack([part.var.double() + (part.mean.double() - whole.mean).square() for part in parts])
    of_mean = means.std(0) / spread
    of_deviation = powers.std(0) / (2 * spread.square())  # δσ = δσ² / 2σ
    return float(torch.stack([of_mean, of_deviation]).square().mean().div(count).sqrt())

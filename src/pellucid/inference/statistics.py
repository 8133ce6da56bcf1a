"""Norm statistics of images that cannot pass through a network as a whole: measured in pieces, fixed before any tile.

One mechanism, whichever pieces are given: all tiles of an image give its exact moments, windows spread over a volume
a sample of them. When the first k norms are frozen, the (k + 1)th sees in each piece exactly what it would see in the
whole image, so its moments over all cores, merged, are the whole image's. Passes through all pieces go side by side:
each halts at every norm until all have been measured there, and what it needs to go on waits on a shelf, in memory or
on disk. Where a network cannot halt, or neither has room, each norm costs a new pass up to it instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

from pellucid.heap import holding
from pellucid.inference.memory import is_out_of_memory
from pellucid.inference.shelf import NoRoomError, Shelf
from pellucid.inference.tiles import Tile, tiles
from pellucid.inference.view import View
from pellucid.methods import Denoiser
from pellucid.norms import Halting, Moments, feature_norms, freeze, measure, merge, moments_from, record

_FLAT = 1e-7
"""The variance of a map that is as good as flat: the norms' ε outweighs what is less."""

Statistics: TypeAlias = Sequence[Mapping[str, Moments]]
"""For each network of a denoiser the moments, each (1, C), of its norms by their path."""


class Piece(NamedTuple):
    """A tile of an image: its core is measured."""

    view: View
    tile: Tile

    def load(self) -> Tensor:
        """The pixels to send through a network, (1, 1, h, w)."""
        return self.view(self.tile.read)

    def core_of(self, x: Tensor) -> Tensor:
        """The core in a feature map of this piece, at whatever resolution that is."""
        rows, columns = self.tile.core.within(self.tile.read, self.tile.read.shape[0] // x.shape[2]).slices
        return x[:, :, rows, columns]


class Measured(NamedTuple):
    """What the norms of one network saw: by path, the moments of each piece."""

    parts: Mapping[str, Sequence[Moments]]

    @property
    def moments(self) -> dict[str, Moments]:
        """Those of all pieces taken together."""
        return {name: merge(list(parts)) for name, parts in self.parts.items()}

    @property
    def error(self) -> float:
        """How far the moments may be off if the pieces are a sample: the standard error, as a share of a map's spread.

        Of each norm's maps the root mean square, of means and of standard deviations; the largest of all norms.
        """
        return max((_standard_error(parts) for parts in self.parts.values()), default=0.0)


def has_norms(denoiser: Denoiser) -> bool:
    """Whether there is anything to measure."""
    return any(feature_norms(network) for network in denoiser.networks())


def exact_statistics(denoiser: Denoiser, view: View, side: int, shelf: Shelf) -> Statistics:
    """The moments that every norm would measure in a whole image.

    Args:
        denoiser: in evaluation mode.
        view: the image.
        side: of the tiles that it is measured in, a multiple of the stride; halved if memory runs out. A denoiser with
            a window has squares of its own.
        shelf: room for passes that wait.
    """
    square = denoiser.square(view.shape)
    side = square or side
    while True:
        try:
            return [
                measure_pieces(network, _cut(view, side, each.reach), shelf).moments
                for each in denoiser.independents()
                for network in each.networks()
            ]
        except Exception as problem:
            smaller = side // 2 // denoiser.stride * denoiser.stride
            if not is_out_of_memory(problem) or square or smaller < 4 * denoiser.stride:
                raise
            shelf.clear()
            side = smaller


def _cut(view: View, side: int, reach: int) -> list[Piece]:
    return [Piece(view, tile) for tile in tiles(view.height, view.width, side, reach)]


@torch.no_grad()
def patch_statistics(denoiser: Denoiser, patches: Tensor) -> Statistics:
    """The moments that every norm sees in patches (N, 1, H, W) as they are learned from, all of them together.

    They are pieces too, but small enough to pass through a network side by side.

    Args:
        denoiser: in evaluation mode.
        patches: H and W multiples of its stride.
    """
    patches = patches.contiguous(memory_format=torch.channels_last)
    return [record(network, partial(network, patches), _measure_together) for network in denoiser.networks()]


def _measure_together(x: Tensor) -> Moments:
    means, variances, pixels = measure(x)
    each = zip(torch.split(means, 1), torch.split(variances, 1), strict=True)
    return merge([Moments(mean, var, pixels) for mean, var in each])


@torch.no_grad()
@holding()
def measure_pieces(network: nn.Module, pieces: Sequence[Piece], shelf: Shelf) -> Measured:
    """Moments that every norm of a network sees in the cores of some pieces, each norm behind the merged ones before.

    Args:
        network: takes the image itself, (1, 1, H, W); in evaluation mode.
        pieces: at least one.
        shelf: room for what waits.
    """
    halting = Halting.of(network)
    if halting is not None:
        try:
            return _side_by_side(halting, pieces, shelf)
        except NoRoomError:
            shelf.clear()
    return _again_for_each(network, pieces)


def _side_by_side(halting: Halting, pieces: Sequence[Piece], shelf: Shelf) -> Measured:
    found: dict[str, list[Moments]] = {}
    moments: dict[str, Moments] = {}
    for number, name in enumerate(halting.norms):
        found[name] = []
        for place, piece in enumerate(pieces):
            state = halting.go_on(shelf.take(place), moments) if number else halting.start(piece.load())
            found[name].append(measure(piece.core_of(state.waiting)))
            if name != halting.norms[-1]:
                shelf.put(place, state)
        moments = {name: merge(found[name])}
    return Measured(found)


class _MeasuredError(Exception):
    """The norm of interest has seen this tile: nothing behind it is needed."""


def _again_for_each(network: nn.Module, pieces: Sequence[Piece]) -> Measured:
    found: dict[str, list[Moments]] = {}
    moments: dict[str, Moments] = {}
    for name in record(network, lambda: network(pieces[0].load())):  # in the order of execution
        found[name] = []
        for piece in pieces:
            with freeze(network, moments), moments_from(network, {name: _measure_core(piece, found[name])}):
                try:
                    network(piece.load())
                except _MeasuredError:
                    continue
        moments[name] = merge(found[name])
    return Measured(found)


def _measure_core(piece: Piece, parts: list[Moments]) -> Callable[[Tensor], Moments]:
    def measure_core(x: Tensor) -> Moments:
        parts.append(measure(piece.core_of(x)))
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

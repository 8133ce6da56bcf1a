"""Norm statistics of images that cannot pass through a network as a whole: measured in pieces, fixed before any tile.

One mechanism, whichever pieces are given: all tiles of an image give its exact moments, windows spread over a volume
a sample of them. When the first k norms are frozen, the (k + 1)th sees in each piece exactly what it would see in the
whole image, so its moments over all cores, merged, are the whole image's. Passes through all pieces go side by side:
each halts at every norm until all have been measured there, and what it needs to go on waits on a shelf, in memory or
on disk. Where a network cannot halt, or neither has room, each norm costs a new pass up to it instead.
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
from pellucid.inference.tiles import Tile, tiles
from pellucid.inference.view import Piece, View
from pellucid.methods import Denoiser
from pellucid.norms import Moments, feature_norms, freeze, measure, measure_valid, merge, moments_from, record, shares

_FLAT = 1e-7
"""The variance of a map that is as good as flat: the norms' ε outweighs what is less."""

Statistics: TypeAlias = Sequence[Mapping[str, Moments]]
"""For each network of a denoiser the moments, each (1, C), of its norms by their path."""


class Cut(NamedTuple):
    """A tile of an image: its core is measured, where it is image."""

    view: View
    tile: Tile

    def load(self) -> Piece:
        """What to send through a network."""
        return self.view.piece(self.tile.read)

    def core_of(self, x: Tensor) -> Tensor:
        """The core in a feature map of this tile, at whatever resolution that is."""
        rows, columns = self.tile.core.within(self.tile.read, self.tile.read.shape[0] // x.shape[2]).slices
        return x[:, :, rows, columns]

    def shows(self, valid: Tensor | None) -> bool:
        """Whether any pixel of the core is image, by those of what was loaded."""
        return valid is None or bool(self.core_of(valid).any())

    def measure(self, x: Tensor, valid: Tensor | None) -> Moments:
        """Moments of a feature map over the core's pixels that are image."""
        core = self.core_of(x)
        return measure(core) if valid is None else measure_valid(core, self.core_of(shares(valid, x)))


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


def exact_statistics(denoiser: Denoiser, view: View, side: int, shelf: ActivationCache) -> Statistics:
    """The moments that every norm would measure in a whole image, where it is image at all.

    Args:
        denoiser: in evaluation mode.
        view: the image; not blank.
        side: of the tiles that it is measured in, a multiple of the stride; halved if memory runs out. A denoiser with
            a window has squares of its own.
        shelf: room for passes that wait.
    """
    square = denoiser.square(view.shape)
    side = square or side
    while True:
        try:
            return [
                measure_pieces(network, _cut(view, side, each.halo), shelf).moments
                for each in denoiser.independents()
                for network in each.networks()
            ]
        except Exception as problem:
            smaller = side // 2 // denoiser.stride * denoiser.stride
            if not is_out_of_memory(problem) or square or smaller < 4 * denoiser.stride:
                raise
            shelf.clear()
            side = smaller


def _cut(view: View, side: int, halo: int) -> list[Cut]:
    return [Cut(view, tile) for tile in tiles(view.height, view.width, side, halo)]


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
def measure_pieces(network: nn.Module, pieces: Sequence[Cut], shelf: ActivationCache) -> Measured:
    """Moments that every norm of a network sees in the cores of some pieces, each norm behind the merged ones before.

    Args:
        network: takes the image itself, (1, 1, H, W); in evaluation mode.
        pieces: at least one whose core is not blank; blank ones are passed over.
        shelf: room for what waits.
    """
    halting = LayerByLayer.of(network)
    if halting is not None:
        try:
            return _side_by_side(halting, pieces, shelf)
        except NoRoomError:
            shelf.clear()
    return _again_for_each(network, pieces)


def _side_by_side(halting: LayerByLayer, pieces: Sequence[Cut], shelf: ActivationCache) -> Measured:
    found: dict[str, list[Moments]] = {}
    moments: dict[str, Moments] = {}
    valid: dict[int, Tensor | None] = {}  # of each piece that is not blank
    for number, name in enumerate(halting.norms):
        found[name] = []
        for place in range(len(pieces)) if number == 0 else valid:
            if number:
                state = halting.resume(shelf.take(place), moments)
            else:
                loaded = pieces[place].load()
                if not pieces[place].shows(loaded.valid):
                    continue
                valid[place] = loaded.valid
                state = halting.start(loaded.pixels)
            found[name].append(pieces[place].measure(state.waiting, valid[place]))
            if name != halting.norms[-1]:
                shelf.put(place, state)
        moments = {name: merge(found[name])}
    return Measured(found)


class _MeasuredError(Exception):
    """The norm of interest has seen this tile: nothing behind it is needed."""


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

"""Moments from a sample: windows spread evenly over planes by a seeded low-discrepancy sequence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from pellucid.inference.activation_cache import ActivationCache
from pellucid.inference.statistics import Cut, measure_pieces
from pellucid.inference.tiles import Box, tile_around
from pellucid.inference.view import View
from pellucid.methods import Denoiser
from pellucid.norms import Moments

SIDE = 192
"""Side of a window in pixels, without the halo around it."""
FEWEST, MOST = 16, 64
"""Number of windows."""
BOUND = 0.05
"""Standard error of the moments, as a share of a map's standard deviation, from which more windows are taken."""
TRIES = 16
"""Positions that are tried for each window: many may show only padding."""
_ENOUGH = 0.25
"""Share of a window that must be valid."""


class Window(NamedTuple):
    """The position of a window: the number of a plane, and a box in it."""

    plane: int
    box: Box


def spread(shapes: Sequence[tuple[int, int]], count: int, seed: int) -> list[Window]:
    """Windows in planes of any sizes; the first few of many are spread as evenly as all of them.

    Args:
        shapes: (Y, X) of each plane.
        count: how many windows.
        seed: seed of the sequence (Halton, scrambled).
    """
    from scipy.stats import qmc  # here: it takes a second, and small images need none

    points = qmc.Halton(3, rng=seed).random(count)
    windows = []
    for depth, *place in points:
        plane = int(depth * len(shapes))
        sides = [min(SIDE, size) for size in shapes[plane]]
        top, left = (int(at * (size - side + 1)) for at, size, side in zip(place, shapes[plane], sides, strict=True))
        windows.append(Window(plane, Box(top, top + sides[0], left, left + sides[1])))
    return windows


class Sample(NamedTuple):
    """Statistics from windows.

    Attributes:
        statistics: for each network, the moments of its norms.
        windows: number of windows.
        error: standard error of the moments, as a share of a map's standard deviation.
    """

    statistics: list[dict[str, Moments]]
    windows: int
    error: float


def sample_statistics(denoiser: Denoiser, views: Sequence[View], seed: int, cache: ActivationCache) -> Sample | None:
    """Moments of every norm, from as many windows as they need; None if no window has a valid pixel.

    Args:
        denoiser: in evaluation mode.
        views: the planes to sample.
        seed: seed of the windows.
        cache: room for paused passes.
    """
    enough = max(1, sum(math.prod(view.shape) for view in views) // SIDE**2)  # windows that would cover the planes
    most = min(MOST, enough)
    count = min(FEWEST, most)
    found = _showing(views, most, seed)
    windows: list[Window] = []
    while True:
        windows += islice(found, count - len(windows))
        if not windows:
            return None
        measured = [
            measure_pieces(network, [_around(window, views, each) for window in windows], cache)
            for each in denoiser.independents()
            for network in each.networks()
        ]
        error = max(each.error for each in measured)
        if error <= BOUND or count == most or len(windows) < count:
            return Sample([each.moments for each in measured], len(windows), error)
        count = int(min(most, max(2 * count, count * (error / BOUND) ** 2)))


def _showing(views: Sequence[View], most: int, seed: int) -> Iterator[Window]:
    """The windows, in order, that are valid to a good part; if there are none, those with any valid pixel."""
    windows = spread([view.shape for view in views], TRIES * most, seed)
    little: list[Window] = []
    enough = False
    for window in windows:
        share = views[window.plane].valid(window.box).mean()
        if share >= _ENOUGH:
            enough = True
            yield window
        elif share > 0:
            little.append(window)
    if not enough:
        yield from little


def _around(window: Window, views: Sequence[View], denoiser: Denoiser) -> Cut:
    """A window with the halo of a denoiser around it."""
    view = views[window.plane]
    return Cut(view, tile_around(window.box, view.height, view.width, denoiser.halo, denoiser.stride))

"""A fixed sample of a source's pixels: the same seed and source give the same pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.data.padding import image_pixels
from pellucid.io.image import Plane
from pellucid.io.layout import Array

PIXELS = 1_000_000
SEED = 0
_MOST_PLANES = 256
_MOST_BLANK = 1024
"""How many planes are read if the first 256 are blank; a stack of a terabyte that is empty would take hours."""

Pages = Sequence[Plane] | Sequence[Array]


def evenly_spaced(count: int, most: int) -> list[int]:
    """At most ``most`` evenly spaced numbers from 0 to ``count`` − 1, always including 0."""
    return [int(number) for number in np.unique(np.linspace(0, count - 1, most).astype(int))]


def sample_pixels(pages: Pages, pixels: int = PIXELS, seed: int = SEED) -> Array:
    """Up to ``pixels`` valid pixels, 1-D; all of them if there are no more than that.

    Padding and non-finite pixels are left out. Of more than 256 planes, 256 evenly spaced ones are read, so that a
    volume of any size takes seconds; if those are blank, up to 1,024 are read.

    Raises:
        InputError: A plane cannot be read.
    """
    sample = _sample(pages, pixels, seed, _MOST_PLANES)
    return sample if sample.size or len(pages) <= _MOST_PLANES else _sample(pages, pixels, seed, _MOST_BLANK)


def _sample(pages: Pages, pixels: int, seed: int, most_planes: int) -> Array:
    sizes = np.array([page.shape[0] * page.shape[1] for page in pages], np.int64)
    chosen = np.arange(len(pages))
    if sizes.sum() > pixels and len(pages) > most_planes:
        chosen = np.array(evenly_spaced(len(pages), most_planes))
    total = int(sizes[chosen].sum())
    generator = np.random.Generator(np.random.Philox(seed))
    # how many pixels fall on each plane, by its area
    counts = sizes[chosen] if total <= pixels else _shares(sizes[chosen], pixels)
    parts = []
    for number, count in zip(chosen, counts, strict=True):
        page = pages[int(number)]
        array = page.read() if isinstance(page, Plane) else page
        flat = image_pixels(array)
        share = round(int(count) * flat.size / array.size)  # the same fraction of valid pixels on every page
        parts.append(flat if share == flat.size else flat[generator.integers(0, flat.size, share)])
    return np.concatenate(parts)


def _shares(sizes: Array, pixels: int) -> Array:
    """``pixels`` divided in proportion to ``sizes``, adding up exactly."""
    ends = np.rint(np.concatenate([[0], np.cumsum(sizes) / sizes.sum()]) * pixels)
    shares: Array = np.diff(ends).astype(np.int64)
    return shares

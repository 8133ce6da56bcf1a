"""A fixed sample of a source's pixels: the same seed and source give the same pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.images.image import Plane, check_finite
from pellucid.images.layout import Array

PIXELS = 1_000_000
SEED = 0
_MOST_PLANES = 256

Pages = Sequence[Plane] | Sequence[Array]


def sample_pixels(pages: Pages, pixels: int = PIXELS, seed: int = SEED) -> Array:
    """Up to ``pixels`` pixels, 1-D; all of them if there are no more than that.

    Of more than 256 planes, 256 evenly spread ones are read, so that a volume of any size takes seconds.

    Raises:
        InputError: A plane that is read holds pixels that are not finite.
    """
    sizes = np.array([page.shape[0] * page.shape[1] for page in pages], np.int64)
    chosen = np.arange(len(pages))
    if sizes.sum() > pixels and len(pages) > _MOST_PLANES:
        chosen = np.linspace(0, len(pages) - 1, _MOST_PLANES).astype(int)
    total = int(sizes[chosen].sum())
    generator = np.random.Generator(np.random.Philox(seed))
    # how many pixels fall on each plane, by its area
    counts = sizes[chosen] if total <= pixels else _shares(sizes[chosen], pixels)
    parts = []
    for number, count in zip(chosen, counts, strict=True):
        array = read_page(pages[int(number)], f"array {number}")
        flat = array.reshape(-1)
        parts.append(flat if count == flat.size else flat[generator.integers(0, flat.size, int(count))])
    return np.concatenate(parts)


def read_page(page: Plane | Array, name: str) -> Array:
    """The array of a plane, or the array itself, with only finite pixels."""
    array = page.read() if isinstance(page, Plane) else page
    check_finite(page.name if isinstance(page, Plane) else name, array)
    return array


def _shares(sizes: Array, pixels: int) -> Array:
    """``pixels`` divided in proportion to ``sizes``, adding up exactly."""
    ends = np.rint(np.concatenate([[0], np.cumsum(sizes) / sizes.sum()]) * pixels)
    shares: Array = np.diff(ends).astype(np.int64)
    return shares

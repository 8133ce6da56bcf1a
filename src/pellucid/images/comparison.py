"""What keeps learning from unpaired images from working, told before any training: warnings in plain words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pellucid.images.pixel_size import PixelSize

if TYPE_CHECKING:
    from pellucid.images.inventory import Inventory

#: Fewer pixels than this, a quarter of a megapixel, and a discriminator learns them by heart.
FEWEST_PIXELS = 250_000
_PIXEL_SIZE_RATIO = 1.1
_SCALE_RATIO = 2.0
_BITS_APART = 4.0
_RIDGES_ACROSS_SCALES = 0.1


def compare(clean: Inventory, noisy: Inventory) -> list[str]:
    """Warnings, one a line, the gravest first; empty if nothing was found."""
    warnings = [
        *_polarity(clean, noisy),
        *_magnification(clean, noisy),
        *_shared_planes(clean, noisy),
        *_bit_depth(clean, noisy),
    ]
    for name, inventory in (("clean", clean), ("noisy", noisy)):
        warnings += _poor(name, inventory)
    return warnings


def _polarity(clean: Inventory, noisy: Inventory) -> list[str]:
    if clean.looks is None or noisy.looks is None:
        return []
    lines = (clean.looks.polarity, noisy.looks.polarity)
    tails = (clean.looks.tail, noisy.looks.tail)
    if None not in lines:
        pair, what = lines, "thin lines, after smoothing, are mostly"
    elif None not in tails and lines == (None, None):
        pair, what = tails, "the longer tail of the smoothed histogram is"
    else:
        return []
    ratio = max(clean.looks.scale, noisy.looks.scale) / min(clean.looks.scale, noisy.looks.scale)
    weak = min(abs(clean.looks.ridges), abs(noisy.looks.ridges)) < _RIDGES_ACROSS_SCALES
    # lines are looked for at one width: what is a line at one magnification may be an area at another
    if pair[0] == pair[1] or (pair is lines and weak and ratio > _SCALE_RATIO):
        return []
    return [
        f"opposite polarity: {what} {pair[0]} in the clean images and {pair[1]} in the noisy ones; "
        "if so, invert one of the two, or the result will invent structures"
    ]


def _magnification(clean: Inventory, noisy: Inventory) -> list[str]:
    known = (_nanometres(clean.pixel_sizes), _nanometres(noisy.pixel_sizes))
    if known[0] is not None and known[1] is not None:
        ratio = max(known[0] / known[1], known[1] / known[0])
        if ratio <= _PIXEL_SIZE_RATIO:
            return []
        return [
            f"different magnification: pixels are {known[0]:.4g} nm in the clean images and {known[1]:.4g} nm "
            f"in the noisy ones ({ratio:.2g} times); resample one of the two"
        ]
    if clean.looks is None or noisy.looks is None:
        return []
    scales = (clean.looks.scale, noisy.looks.scale)
    ratio = max(scales) / min(scales)
    ranges = (clean.looks.scale_range, noisy.looks.scale_range)
    overlap = min(ranges[0][1], ranges[1][1]) >= max(ranges[0][0], ranges[1][0])
    if ratio <= _SCALE_RATIO or overlap:
        return []
    larger = "clean" if scales[0] > scales[1] else "noisy"
    return [
        f"perhaps different magnification: structures are about {ratio:.2g} times larger in the {larger} images "
        f"(they stay alike over {scales[0]:.0f} pixels in the clean and {scales[1]:.0f} in the noisy ones; "
        "pixel sizes are not known for both); if the pixel sizes differ, resample one of the two"
    ]


def _nanometres(sizes: list[PixelSize | None]) -> float | None:
    """The pixel size along X if all images of a source tell it and agree within the tolerance."""
    found = [size.to("nm").values.get("X") if size else None for size in sizes]
    known = [size for size in found if size is not None]
    if not known or len(known) < len(found) or max(known) > _PIXEL_SIZE_RATIO * min(known):
        return None
    return math.exp(sum(math.log(size) for size in known) / len(known))


def _shared_planes(clean: Inventory, noisy: Inventory) -> list[str]:
    shared = sorted(set(clean.digests) & set(noisy.digests))
    if not shared:
        return []
    first = clean.digests[shared[0]], noisy.digests[shared[0]]
    number = "1 plane is" if len(shared) == 1 else f"{len(shared)} planes are"
    return [
        f"duplicates: {number} the same in both, pixel by pixel (such as {first[0]} and {first[1]}); "
        "take them out of one, or noise is learned as clean"
    ]


def _bit_depth(clean: Inventory, noisy: Inventory) -> list[str]:
    bits = [math.log2(max(inventory.levels, 1)) for inventory in (clean, noisy)]
    if abs(bits[0] - bits[1]) < _BITS_APART or min(clean.levels, noisy.levels) < 2:
        return []
    return [
        f"very different bit depth: the clean images have {clean.levels:,} grey levels, the noisy ones "
        f"{noisy.levels:,}; fine steps may come out coarse, or coarse steps be taken for structure: "
        "export both at full depth if you can"
    ]


def _poor(name: str, inventory: Inventory) -> list[str]:
    warnings = []
    if inventory.pixels < FEWEST_PIXELS:
        warnings.append(
            f"too few pixels: the {name} images have {inventory.pixels / 1e6:.2g} megapixels, at least "
            f"{FEWEST_PIXELS / 1e6:g} are needed and some tens are good; add images"
        )
    if inventory.constant:
        others = f" and {len(inventory.constant) - 1} more" if len(inventory.constant) > 1 else ""
        warnings.append(f"constant: all pixels are equal in {inventory.constant[0]}{others} ({name}); leave it out")
    return warnings

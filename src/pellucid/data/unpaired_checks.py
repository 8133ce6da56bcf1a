"""Checks of the clean images against the noisy ones, before training: problems that would spoil unpaired learning."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pellucid.data.source_checks import PIXEL_SIZE_RATIO, Finding, check_source
from pellucid.data.structure_statistics import StructureStatistics
from pellucid.io.pixel_size import PixelSize

if TYPE_CHECKING:
    from pellucid.data.inventory import Inventory

Vector = npt.NDArray[np.float32]

_SIZE_RATIO = 1.6
_SIZE_ERRORS = 2.0
_RIDGES_ACROSS_SCALES = 0.1
_NOISIER = 1.25
_HARDLY_NOISIER = 1.15
_LITTLE_NOISE = 0.3
_DIMMED = 1.5
_FLATTER = 1.8
_SAME_PLACE = 0.8


def compare(clean: Inventory, noisy: Inventory) -> list[Finding]:
    """Problems of the two sources together and of each alone, the most serious first; empty if there are none."""
    alone = [*check_source("clean", clean), *check_source("noisy", noisy)]
    together = [*_shared_planes(clean, noisy), *_same_places(clean, noisy), *_pixel_sizes(clean, noisy)]
    if clean.statistics and noisy.statistics and clean.statistics.has_structure and noisy.statistics.has_structure:
        together += compare_statistics(clean, noisy, clean.statistics, noisy.statistics)
    return [*together, *alone]


def compare_statistics(
    clean: Inventory, noisy: Inventory, one: StructureStatistics, other: StructureStatistics
) -> list[Finding]:
    """Problems visible in the statistics of two sources that both show structure."""
    return [
        *_swapped(one, other),
        *_polarity(one, other),
        *([] if _known_alike(clean, noisy) is not None else _magnification(one, other)),
        *(_brightness(one, other) if clean.dtypes == noisy.dtypes == ["uint8"] else []),
    ]


def _swapped(clean: StructureStatistics, noisy: StructureStatistics) -> list[Finding]:
    ratio = clean.noise_share / noisy.noise_share
    levels = f"σ {clean.noise:.3g} grey levels, {100 * clean.noise_share:.0f} % of all contrast"
    others = f"σ {noisy.noise:.3g}, {100 * noisy.noise_share:.0f} %"
    if ratio > _NOISIER:
        text = (
            f"the clean images look noisier ({levels}) than the noisy ones ({others}): are --clean and --noisy swapped?"
        )
        return [Finding("swapped", ratio, text)]
    if ratio > 1 / _HARDLY_NOISIER and noisy.noise_share < _LITTLE_NOISE:
        text = (
            f"the noisy images look hardly noisier ({others}) than the clean ones ({levels}): there is little to "
            "remove, and the result may be worse than the images; are they the right ones, or already denoised?"
        )
        return [Finding("hardly any noise", 1 / ratio, text)]
    return []


def _polarity(clean: StructureStatistics, noisy: StructureStatistics) -> list[Finding]:
    lines, tails = (clean.polarity, noisy.polarity), (clean.tail, noisy.tail)
    if None not in lines:
        pair, what = lines, "thin lines, after smoothing, are mostly"
    elif None not in tails and lines == (None, None):
        pair, what = tails, "the longer tail of the smoothed histogram is"
    else:
        return []
    weak = min(abs(clean.ridges), abs(noisy.ridges))
    # lines are detected at one width: a line at one magnification may be an area at another
    if pair[0] == pair[1] or (pair is lines and weak < _RIDGES_ACROSS_SCALES and size_ratio(clean, noisy) is not None):
        return []
    text = (
        f"opposite polarity: {what} {pair[0]} in the clean images and {pair[1]} in the noisy ones; "
        "if so, invert one of the two, or the result will show structures that do not exist"
    )
    return [Finding("polarity", weak, text)]


def size_ratio(one: StructureStatistics, other: StructureStatistics) -> float | None:
    """How many times larger structures are in the first; None if they are alike within the error, or not known."""
    if one.size is None or other.size is None:
        return None
    apart = math.log(one.size / other.size)
    if abs(apart) < max(math.log(_SIZE_RATIO), _SIZE_ERRORS * math.hypot(one.size_error, other.size_error)):
        return None
    return math.exp(apart)


def _magnification(clean: StructureStatistics, noisy: StructureStatistics) -> list[Finding]:
    ratio = size_ratio(clean, noisy)
    if ratio is None:
        return []
    larger = "clean" if ratio > 1 else "noisy"
    text = (
        f"possibly different magnification: structures are about {max(ratio, 1 / ratio):.2g} times larger in the "
        f"{larger} images (at least one pixel size is not known); if the pixel sizes differ, resample one of the two"
    )
    return [Finding("magnification", ratio, text)]


def _pixel_sizes(clean: Inventory, noisy: Inventory) -> list[Finding]:
    ratio = _known_alike(clean, noisy)
    if ratio is None or max(ratio, 1 / ratio) <= PIXEL_SIZE_RATIO:
        return []
    sizes = nanometres(clean.pixel_sizes), nanometres(noisy.pixel_sizes)
    text = (
        f"different magnification: pixels are {sizes[0]:.4g} nm in the clean images and {sizes[1]:.4g} nm "
        f"in the noisy ones ({max(ratio, 1 / ratio):.2g} times); resample one of the two"
    )
    return [Finding("pixel size", ratio, text)]


def _known_alike(clean: Inventory, noisy: Inventory) -> float | None:
    """Pixel size of the clean images divided by that of the noisy ones, if both sources state one."""
    sizes = nanometres(clean.pixel_sizes), nanometres(noisy.pixel_sizes)
    return sizes[0] / sizes[1] if sizes[0] is not None and sizes[1] is not None else None


def nanometres(sizes: list[PixelSize | None]) -> float | None:
    """The pixel size along X if all images of a source state it and agree within the tolerance."""
    found = [size.to("nm").values.get("X") if size else None for size in sizes]
    known = [size for size in found if size is not None]
    if not known or len(known) < len(found) or max(known) > PIXEL_SIZE_RATIO * min(known):
        return None
    return math.exp(sum(math.log(size) for size in known) / len(known))


def _brightness(clean: StructureStatistics, noisy: StructureStatistics) -> list[Finding]:
    """Compare brightness and contrast of 8-bit images, whose range is always 0 to 255; other types are rescaled."""
    whites, contrasts = clean.white / max(noisy.white, 1e-9), clean.contrast / max(noisy.contrast, 1e-9)
    if max(whites, 1 / whites) > _DIMMED:
        darker = "clean" if whites < 1 else "noisy"
        text = (
            f"different brightness: white is at {clean.white:.0f} in the clean images and {noisy.white:.0f} in the "
            f"noisy ones (noise aside), and the result follows the clean ones: stretch the {darker} images to match"
        )
        return [Finding("brightness", whites, text)]
    if max(contrasts, 1 / contrasts) > _FLATTER:
        flatter = "clean" if contrasts < 1 else "noisy"
        text = (
            f"different contrast: {clean.contrast:.0f} grey levels in the clean images and {noisy.contrast:.0f} in the "
            f"noisy ones (noise aside), and the result follows the clean ones: stretch the {flatter} images to match"
        )
        return [Finding("contrast", contrasts, text)]
    return []


def _shared_planes(clean: Inventory, noisy: Inventory) -> list[Finding]:
    shared = sorted(set(clean.digests) & set(noisy.digests))
    if not shared:
        return []
    first = clean.digests[shared[0]], noisy.digests[shared[0]]
    text = (
        f"duplicates: {_counted(len(shared), 'plane')} identical in both sources (for example {first[0]} and "
        f"{first[1]}); remove them from one source, or the model learns noise as clean"
    )
    return [Finding("duplicates", len(shared), text)]


def _same_places(clean: Inventory, noisy: Inventory) -> list[Finding]:
    """Accidental pairs: planes of equal size whose thumbnails resemble each other."""
    pairs = [
        (like, one, other)
        for shape, seen in clean.thumbnails.items()
        if shape in noisy.thumbnails
        for like, one, other in _alike(seen, noisy.thumbnails[shape])
        if not set(clean.digests) & set(noisy.digests)
    ]
    if not pairs:
        return []
    like, one, other = max(pairs)
    text = (
        f"the same area in both: {_counted(len(pairs), 'clean image')} very similar to a noisy one (for example {one} "
        f"and {other}); if they are pairs, --pairs with a supervised recipe learns more from them; do not judge "
        "results by them"
    )
    return [Finding("pairs", like, text)]


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun} is" if number == 1 else f"{number} {noun}s are"


def _alike(clean: dict[str, Vector], noisy: dict[str, Vector]) -> list[tuple[float, str, str]]:
    """Likeness, −1 to 1, and names of each clean plane and the noisy one most like it, if they are alike enough."""
    likeness = np.stack(list(clean.values())) @ np.stack(list(noisy.values())).T
    best, names = likeness.argmax(axis=1), list(noisy)
    return [
        (float(row[at]), name, names[int(at)])
        for name, row, at in zip(clean, likeness, best, strict=True)
        if row[at] > _SAME_PLACE
    ]

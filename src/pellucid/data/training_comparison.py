"""Comparison of images with those on which a model was trained: range, contrast, noise, size of structures.

Images count as unfamiliar if they differ from the training images as a whole and also from every piece of them: if the
training images were of different kinds, one of them differs from the whole, yet the model has learned from it.
"""

from __future__ import annotations

import math
from dataclasses import replace

from pellucid.data.intensity_range import IntensityRange
from pellucid.data.source_checks import Finding
from pellucid.data.spread import Interval, Spread
from pellucid.data.structure_statistics import StructureStatistics, spread_of
from pellucid.data.unpaired_checks import size_ratio

_CONTRAST = 1.8
_DRIFT = 0.5
_NOISE = 2.0
_RIDGES = 0.1
_BEYOND = 1.2
"""Factor beyond the range of the training images from which images are unfamiliar; slightly beyond is normal."""
_BESIDE = 0.05
"""The same limit as a difference: share of the intensity range, or of the scale of `StructureStatistics.ridges`."""


def compare_with_training(
    trained: StructureStatistics, intensity_range: IntensityRange, given: StructureStatistics, given_as: IntensityRange
) -> list[Finding]:
    """Differences between the images to denoise and a model's training images, the most serious first; or empty.

    Args:
        trained: statistics of the noisy training images.
        intensity_range: intensity range of the training images.
        given: statistics of the images to denoise.
        given_as: intensity range with which they are passed to the model.
    """
    known, met = _in_unit(trained, intensity_range), _in_unit(given, given_as)
    seen = known.spread or spread_of([known])
    if not (given.has_structure or seen.noise_alone):
        text = "no structure: looks like pure noise (empty resin, a blank area?); the result may show false structures"
        return [Finding("no structure", given.structure, text)] if given.is_noise else []
    ranges = _range(known, met, seen, (trained, given))
    noise = [] if ranges else _noise(known, met, seen)
    return [*ranges, *_polarity(known, met, seen), *_size(known, met, seen), *noise]


def _in_unit(statistics: StructureStatistics, intensity_range: IntensityRange) -> StructureStatistics:
    """The statistics rescaled so that the model's black is 0 and its white is 1."""
    low, width = intensity_range.low, intensity_range.high - intensity_range.low
    levels = {
        name: (getattr(statistics, name) - low) / width for name in ("lowest", "highest", "mean", "black", "white")
    }
    spread = statistics.spread and replace(
        statistics.spread,
        mean=Interval(*((level - low) / width for level in statistics.spread.mean)),
        contrast=Interval(*(contrast / width for contrast in statistics.spread.contrast)),
        noise=Interval(*(noise / width for noise in statistics.spread.noise)),
    )
    return replace(
        statistics, **levels, contrast=statistics.contrast / width, noise=statistics.noise / width, spread=spread
    )


def _range(
    known: StructureStatistics,
    met: StructureStatistics,
    seen: Spread,
    raw: tuple[StructureStatistics, StructureStatistics],
) -> list[Finding]:
    """Compare brightness and contrast in the model's units; messages give grey levels as stored in the files."""
    trained, given = raw
    ratio = met.contrast / known.contrast
    drift = (met.mean - known.mean) / (known.white - known.black)
    scaled = max(ratio, 1 / ratio) >= _CONTRAST and seen.contrast.times(met.contrast) > _BEYOND
    moved = abs(drift) >= _DRIFT and seen.mean.apart(met.mean) > _BESIDE
    if not (scaled or moved):
        return []
    levels = f"{given.black:.5g} to {given.white:.5g}", f"{trained.black:.5g} to {trained.white:.5g}"
    if scaled:
        what = f"{ratio:.2g} times the contrast"
    else:
        what = f"{'brighter' if drift > 0 else 'darker'} by {100 * abs(drift):.0f} % of the range"
    bits = _bits(given, trained)
    text = (
        f"intensity range differs from training ({what}): grey levels are {levels[0]}, in training {levels[1]}"
        f"{bits}; set black and white with --intensity-range LOW HIGH (in Python: intensity_range=(LOW, HIGH))"
    )
    return [Finding("range", ratio if scaled else drift, text)]


def _bits(given: StructureStatistics, trained: StructureStatistics) -> str:
    """A hint that the bit depths differ, such as 12 bits in uint16, if the values suggest it."""
    if min(given.highest, trained.highest) < 256 or given.lowest < 0:
        return ""
    found, known = (math.ceil(math.log2(statistics.highest + 1)) for statistics in (given, trained))
    return f" (are these {found} bits, and were those {known}?)" if found != known else ""


def _polarity(known: StructureStatistics, met: StructureStatistics, seen: Spread) -> list[Finding]:
    if None in (known.polarity, met.polarity) or known.polarity == met.polarity:
        return []
    if min(abs(known.ridges), abs(met.ridges)) < _RIDGES or seen.ridges.apart(met.ridges) <= _BESIDE:
        return []
    text = f"opposite polarity: thin lines are mostly {met.polarity}, in training {known.polarity}; invert the images"
    return [Finding("polarity", met.ridges, text)]


def _size(known: StructureStatistics, met: StructureStatistics, seen: Spread) -> list[Finding]:
    ratio = size_ratio(met, known)
    if ratio is None or seen.size is None or met.size is None or seen.size.times(met.size) <= _BEYOND:
        return []
    if met.crops < 2:  # one crop has too few structures to compare their size
        return []
    how = f"{ratio:.2g} times larger" if ratio > 1 else f"{1 / ratio:.2g} times smaller"
    text = (
        f"possibly a different magnification: structures are about {how} than in training; "
        "if the pixel size differs, resample the images to that of the training images"
    )
    return [Finding("magnification", ratio, text)]


def _noise(known: StructureStatistics, met: StructureStatistics, seen: Spread) -> list[Finding]:
    ratio = met.noise / max(known.noise, 1e-9)
    if 1 / _NOISE < ratio < _NOISE or seen.noise.times(met.noise) <= _BEYOND:
        return []
    more = "more" if ratio > 1 else "less"
    text = (
        f"{more} noise than in training (σ {ratio:.2g} times as large): "
        f"{'some will remain' if ratio > 1 else 'structure may be removed with it'}; train on images like these"
    )
    return [Finding("noise", ratio, text)]

"""Whether images are like those that a model learned from: range, contrast, noise, size of structures.

They are unlike where they differ from the training as a whole, and from every piece of it: one of several images of
different kinds is not what they are together, and yet the model has learned from it.
"""

from __future__ import annotations

import math
from dataclasses import replace

from pellucid.images.comparison import size_ratio
from pellucid.images.findings import Finding
from pellucid.images.intensity import Intensity
from pellucid.images.looks import Looks
from pellucid.images.spread import Interval, Spread

_CONTRAST = 1.8
_DRIFT = 0.5
_NOISE = 2.0
_RIDGES = 0.1
_BEYOND = 1.2
"""How many times what is unlike the pieces of the training lies beyond them; pieces in between may be a little so."""
_BESIDE = 0.05
"""Likewise, in parts of the range of brightness and of lines' −1 to 1."""


def compare_with_training(trained: Looks, intensity: Intensity, given: Looks, given_as: Intensity) -> list[Finding]:
    """What of some images a model does not know, the gravest first; empty if they are like its own.

    Args:
        trained: how the noisy images of its training looked.
        intensity: their range.
        given: how the images look that it is to denoise.
        given_as: the range in which they are handed to the model.
    """
    known, met = _in_unit(trained, intensity), _in_unit(given, given_as)
    seen = known.spread or Spread.of([known])
    if not (given.has_structure or seen.noise_alone):
        text = "no structure: looks like noise alone (empty resin, a blank area?); the result shows what is not there"
        return [Finding("no structure", given.structure, text)] if given.is_noise else []
    ranges = _range(known, met, seen, (trained, given))
    noise = [] if ranges else _noise(known, met, seen)
    return [*ranges, *_polarity(known, met, seen), *_size(known, met, seen), *noise]


def _in_unit(looks: Looks, intensity: Intensity) -> Looks:
    """In parts of the range from the model's black, 0, to its white, 1."""
    low, width = intensity.low, intensity.high - intensity.low
    levels = {name: (getattr(looks, name) - low) / width for name in ("lowest", "highest", "mean", "black", "white")}
    spread = looks.spread and replace(
        looks.spread,
        mean=Interval(*((level - low) / width for level in looks.spread.mean)),
        contrast=Interval(*(contrast / width for contrast in looks.spread.contrast)),
        noise=Interval(*(noise / width for noise in looks.spread.noise)),
    )
    return replace(looks, **levels, contrast=looks.contrast / width, noise=looks.noise / width, spread=spread)


def _range(known: Looks, met: Looks, seen: Spread, raw: tuple[Looks, Looks]) -> list[Finding]:
    """By how the images look in the model's units; said in grey levels, as they were in training and are now."""
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
        f"other range of intensities than in training ({what}): grey levels from {levels[0]}, in training {levels[1]}"
        f"{bits}; say what black and white are by --range LOW HIGH (in Python: intensity=(LOW, HIGH))"
    )
    return [Finding("range", ratio if scaled else drift, text)]


def _bits(given: Looks, trained: Looks) -> str:
    """12 bits in uint16, if that is what it looks like."""
    if min(given.highest, trained.highest) < 256 or given.lowest < 0:
        return ""
    found, known = (math.ceil(math.log2(looks.highest + 1)) for looks in (given, trained))
    return f" (are these {found} bits, and were those {known}?)" if found != known else ""


def _polarity(known: Looks, met: Looks, seen: Spread) -> list[Finding]:
    if None in (known.polarity, met.polarity) or known.polarity == met.polarity:
        return []
    if min(abs(known.ridges), abs(met.ridges)) < _RIDGES or seen.ridges.apart(met.ridges) <= _BESIDE:
        return []
    text = f"opposite polarity: thin lines are mostly {met.polarity}, in training {known.polarity}; invert the images"
    return [Finding("polarity", met.ridges, text)]


def _size(known: Looks, met: Looks, seen: Spread) -> list[Finding]:
    ratio = size_ratio(met, known)
    if ratio is None or seen.size is None or met.size is None or seen.size.times(met.size) <= _BEYOND:
        return []
    if met.crops < 2:  # which holds too few structures to tell their size from that of others
        return []
    how = f"{ratio:.2g} times larger" if ratio > 1 else f"{1 / ratio:.2g} times smaller"
    text = (
        f"perhaps another magnification: structures are about {how} than in training; "
        "if the pixel size differs, resample the images to that of the training"
    )
    return [Finding("magnification", ratio, text)]


def _noise(known: Looks, met: Looks, seen: Spread) -> list[Finding]:
    ratio = met.noise / max(known.noise, 1e-9)
    if 1 / _NOISE < ratio < _NOISE or seen.noise.times(met.noise) <= _BEYOND:
        return []
    more = "more" if ratio > 1 else "less"
    text = (
        f"{more} noise than in training (σ {ratio:.2g} times as large): "
        f"{'some will stay' if ratio > 1 else 'structure may go with it'}; train on images like these"
    )
    return [Finding("noise", ratio, text)]

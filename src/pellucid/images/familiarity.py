"""Whether images are like those that a model learned from: range, contrast, noise, size of structures."""

from __future__ import annotations

import math
from dataclasses import replace

from pellucid.images.comparison import size_ratio
from pellucid.images.findings import Finding
from pellucid.images.intensity import Intensity
from pellucid.images.looks import Looks

_CONTRAST = 1.8
_DRIFT = 0.5
_NOISE = 2.0
_RIDGES = 0.1


def unfamiliar(trained: Looks, intensity: Intensity, given: Looks, given_as: Intensity) -> list[Finding]:
    """What of some images a model does not know, the gravest first; empty if they are like its own.

    Args:
        trained: how the noisy images of its training looked.
        intensity: their range.
        given: how the images look that it is to denoise.
        given_as: the range in which they are handed to the model.
    """
    known, met = _in_unit(trained, intensity), _in_unit(given, given_as)
    if not given.has_structure:
        text = "no structure: looks like noise alone (empty resin, a blank area?); the result shows what is not there"
        return [Finding("no structure", given.structure, text)] if given.is_noise else []
    ranges = _range(known, met, trained, given)
    return [*ranges, *_polarity(known, met), *_size(known, met), *([] if ranges else _noise(known, met))]


def _in_unit(looks: Looks, intensity: Intensity) -> Looks:
    """In parts of the range from the model's black, 0, to its white, 1."""
    width = intensity.high - intensity.low
    levels = {
        name: (getattr(looks, name) - intensity.low) / width for name in ("lowest", "highest", "mean", "black", "white")
    }
    return replace(looks, **levels, contrast=looks.contrast / width, noise=looks.noise / width)


def _range(known: Looks, met: Looks, trained: Looks, given: Looks) -> list[Finding]:
    ratio = met.contrast / known.contrast
    drift = (met.mean - known.mean) / (known.white - known.black)
    if 1 / _CONTRAST < ratio < _CONTRAST and abs(drift) < _DRIFT:
        return []
    levels = f"{given.black:.5g} to {given.white:.5g}", f"{trained.black:.5g} to {trained.white:.5g}"
    if ratio <= 1 / _CONTRAST or ratio >= _CONTRAST:
        what = f"{ratio:.2g} times the contrast"
    else:
        what = f"{'brighter' if drift > 0 else 'darker'} by {100 * abs(drift):.0f} % of the range"
    bits = _bits(given, trained)
    text = (
        f"other range of intensities than in training ({what}): grey levels from {levels[0]}, in training {levels[1]}"
        f"{bits}; say what black and white are by --range LOW HIGH (in Python: intensity=(LOW, HIGH))"
    )
    return [Finding("range", ratio if ratio <= 1 / _CONTRAST or ratio >= _CONTRAST else drift, text)]


def _bits(given: Looks, trained: Looks) -> str:
    """12 bits in uint16, if that is what it looks like."""
    if min(given.highest, trained.highest) < 256 or given.lowest < 0:
        return ""
    found, known = (math.ceil(math.log2(looks.highest + 1)) for looks in (given, trained))
    return f" (are these {found} bits, and were those {known}?)" if found != known else ""


def _polarity(known: Looks, met: Looks) -> list[Finding]:
    if None in (known.polarity, met.polarity) or known.polarity == met.polarity:
        return []
    if min(abs(known.ridges), abs(met.ridges)) < _RIDGES:
        return []
    text = f"opposite polarity: thin lines are mostly {met.polarity}, in training {known.polarity}; invert the images"
    return [Finding("polarity", met.ridges, text)]


def _size(known: Looks, met: Looks) -> list[Finding]:
    ratio = size_ratio(met, known)
    if ratio is None:
        return []
    how = f"{ratio:.2g} times larger" if ratio > 1 else f"{1 / ratio:.2g} times smaller"
    text = (
        f"perhaps another magnification: structures are about {how} than in training; "
        "if the pixel size differs, resample the images to that of the training"
    )
    return [Finding("magnification", ratio, text)]


def _noise(known: Looks, met: Looks) -> list[Finding]:
    ratio = met.noise / max(known.noise, 1e-9)
    if 1 / _NOISE < ratio < _NOISE:
        return []
    more = "more" if ratio > 1 else "less"
    text = (
        f"{more} noise than in training (σ {ratio:.2g} times as large): "
        f"{'some will stay' if ratio > 1 else 'structure may go with it'}; train on images like these"
    )
    return [Finding("noise", ratio, text)]

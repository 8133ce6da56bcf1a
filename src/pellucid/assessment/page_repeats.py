"""The part of an assessment's page on two frames of one place, and the same as plain values."""

from __future__ import annotations

import math
from typing import Any

from pellucid.assessment.drawings import rings_drawing
from pellucid.assessment.fourier_rings import CRITERION
from pellucid.assessment.repeats import MeasuredError, Repeats
from pellucid.report.page import Section


def repeats_section(repeats: Repeats, levels: float) -> Section:
    """What two frames of each place tell.

    Args:
        repeats: as measured.
        levels: grey levels in one unit of intensity.
    """
    rings = repeats.rings
    rows = tuple(
        (each.name, _decibels(each), f"{math.sqrt(max(each.mean_square.mean, 0)) * levels:.2f}", _better(repeats, each))
        for each in _errors(repeats)
    )
    text = (
        f"Each result was compared with the other frame of its place, in {repeats.places} places, and the noise of "
        "that frame was subtracted from the squared difference: no model of the noise and no other images are needed. "
        "With the 95 % interval over places.",
        f"The second frames are brighter than the first by {repeats.brighter * levels:+.2f} grey levels, which does "
        f"not count as an error; the results are brighter than their frames by {repeats.change * levels:+.2f}.",
        f"The results agree in detail of {rings.detail_of_results:.1f} pixels and coarser, the noisy frames in detail "
        f"of {rings.detail_of_frames:.1f}: there the Fourier ring correlation of two frames falls below 1/7.",
        "Agreement is not truth: what the model makes of both frames alike, right or wrong, agrees. Where the curve of "
        "the results is above that of the truth, they agree in what is not there. What both frames share (a fixed "
        "pattern of the detector, damage, charging) counts as specimen in all of these figures.",
    )
    columns = ("", "PSNR (dB)", "error, grey levels", "the model is better")
    return Section("Two frames of one place", text, columns, rows, rings_drawing(rings))


def repeats_values(repeats: Repeats | None, levels: float) -> dict[str, Any] | None:
    """As plain values; intensities in grey levels, detail in pixels."""
    if repeats is None:
        return None
    rings = repeats.rings
    curves = {"frequency": rings.frequency, "frames": rings.frames, "results": rings.results, "truth": rings.truth}
    return {
        "psnr": {each.name: each.psnr._asdict() for each in _errors(repeats)},
        "brighter": repeats.brighter * levels,
        "brightness_change": repeats.change * levels,
        "shift": repeats.shift,
        "criterion": CRITERION,
        "detail_of_frames": rings.detail_of_frames,
        "detail_of_results": rings.detail_of_results,
        "rings": {name: [None if math.isnan(v) else v for v in values.tolist()] for name, values in curves.items()},
    }


def _errors(repeats: Repeats) -> list[MeasuredError]:
    return [repeats.noisy, repeats.denoised, *repeats.filters]


def _decibels(error: MeasuredError) -> str:
    mean, low, high = error.psnr
    return f"{mean:.2f}" if low is None or high is None else f"{mean:.2f} ({low:.2f} to {high:.2f})"


def _better(repeats: Repeats, other: MeasuredError) -> str:
    if other is repeats.denoised:
        return ""
    if repeats.denoised.is_better_than(other):
        return "yes"
    return "no, it is worse" if other.is_better_than(repeats.denoised) else "not certain"

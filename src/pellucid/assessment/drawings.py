"""Drawings of an assessment, as `<svg>` elements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pellucid.assessment.fourier_rings import CRITERION, Rings
from pellucid.assessment.planted import CONTRASTS, KINDS, Planted
from pellucid.assessment.removed import LEVELS, RINGS, Removed
from pellucid.report.curves import COLOURS
from pellucid.report.svg import INK, dress, inline_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def removed_drawing(real: Removed, made: Removed, levels: float) -> str:
    """Strength by intensity and spectrum of what was removed, from real noisy images and from made ones.

    Args:
        real: removed from the noisy images.
        made: removed from the pseudo-pairs.
        levels: grey levels in one unit of intensity.
    """
    strength, spectrum = _panels(2)
    intensity = (np.arange(LEVELS) + 0.5) / LEVELS
    frequency = (np.arange(RINGS) + 0.5) / RINGS / 2
    for removed, name, colour in ((real, "your images", COLOURS[0]), (made, "made like them", COLOURS[1])):
        strength.plot(intensity, removed.strength * levels, color=colour, label=name)
        spectrum.semilogy(frequency, removed.spectrum * levels**2, color=colour, label=name)
    _name(strength, "Strength by intensity", "denoised intensity (0 black, 1 white)", "grey levels")
    _name(spectrum, "Spectrum", "cycles per pixel", "grey levels²")
    strength.set_ylim(bottom=0)
    _label_plainly(spectrum)
    return inline_svg(strength.figure)  # type: ignore[arg-type]


def _label_plainly(axes: Axes) -> None:
    """Label a logarithmic axis with 1, 2, 5, 10, 20, ... instead of powers."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def planted_drawing(planted: Planted) -> str:
    """How much of the contrast of planted structures is left, by their size and contrast."""
    panels = _panels(len(KINDS))
    for axes, kind in zip(panels, KINDS, strict=True):
        for contrast, colour in zip(CONTRASTS, COLOURS, strict=False):
            kept = [planted.kept[kind.name, size, contrast] for size in kind.sizes]
            axes.plot(kind.sizes, kept, marker="o", markersize=3, color=colour, label=f"{contrast:.0%}")
        _name(axes, f"{kind.name}: contrast kept", "size, pixels", "")
        axes.set_ylim(-0.1, 1.2)
        axes.axhline(1, color=INK, linewidth=0.6, alpha=0.5)
    return inline_svg(panels[0].figure)  # type: ignore[arg-type]


def rings_drawing(rings: Rings) -> str:
    """How far the frames agree, their results, and the results with the truth, by fineness."""
    axes = _panels(1)[0]
    for values, name, colour in zip(
        (rings.frames, rings.results, rings.truth**2),
        ("the two noisy frames", "their two results", "result with the truth, squared"),
        COLOURS,
        strict=False,
    ):
        axes.plot(rings.frequency, values, color=colour, label=name)
    _name(axes, "Fourier ring correlation", "cycles per pixel", "")
    axes.axhline(CRITERION, color=INK, linewidth=0.6, alpha=0.5)
    axes.set_ylim(-0.1, 1.05)
    return inline_svg(axes.figure)  # type: ignore[arg-type]


def _panels(count: int) -> list[Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 3.1 * -(-count // 2)), layout="constrained")
    return list(np.ravel(figure.subplots(-(-count // 2), min(count, 2))))


def _name(axes: Axes, title: str, across: str, up: str) -> None:
    dress(axes, INK, across)
    axes.set_title(title, loc="left", fontsize=10, color=INK, fontweight="bold")
    axes.set_ylabel(up, fontsize=8, color=INK)
    axes.legend(frameon=False, fontsize=8, labelcolor=INK)

"""Loss curves from a run's metrics: one JSON object a line, {"step": int, "<loss>": float, ...}."""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.sample import evenly_spaced
from pellucid.errors import InputError
from pellucid.report.grid import save_figure
from pellucid.report.svg import INK, dress, inline_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

# The first pattern that a loss's name contains decides its panel: "cycle consistency" before "noise consistency".
PANELS = (
    ("Cycle and bypass", r"cycle|bypass|identity"),
    ("Extractor", r"extract|pseudo|consisten|residual"),
    ("Adversarial", r"adversar|discriminat|generat|boost|\bgan\b|^[dg]_"),
    ("Expected error", r"expected"),
    ("Measurement", r"^measured$"),
)
OTHERS = "Losses"
# From the top left of the picture.
ORDER = ("Adversarial", "Cycle and bypass", "Extractor", OTHERS, "Expected error", "Measurement")
# Told apart by people with any colour vision, and legible on white and on black.
COLOURS = ("#3f7fc4", "#d4812e", "#3a9a78", "#a872c9", "#cc5c6c", "#8a8a3a", "#5b6fd0", "#b0704f")
# What the losses of all methods should do, by the first pattern that a loss's name contains.
EXPECTATIONS = (
    (
        r"adversar|discriminat|boost|\bgan\b|^[dg]_",
        "should hover, because both sides learn; if one moves away for good, training has failed",
    ),
    (r"expected", "should fall, below 0 too; it is the logarithm of the error that the network expects of itself"),
    (r"^measured$", "counts patches, for brightness and then for spectra; learning begins after that"),
    (r"^loss$|likeness", "should fall to the level of the noise, not to 0"),
    (
        r"cycle|bypass|identity|reconstruct|structure|^error$|denoising|supervised",
        "should fall, fast at first and then slowly; once it is level, more steps gain little",
    ),
    (r"pseudo|consisten|product|quotient|smooth", "should fall, then follow the other losses"),
    (r"offset|sigma", "should become constant; it is measured, not learned"),
)
UNKNOWN = "should fall"
MOST_POINTS = 400


@dataclass(frozen=True)
class Curve:
    """The values of one loss over the steps, in order."""

    name: str
    steps: NDArray[np.int64]
    values: Floats


def read_curves(path: str | os.PathLike[str]) -> list[Curve]:
    """Read every loss of a metrics file.

    Of a step written twice, as after a resumed run, the last line counts. A last line cut off by a kill is ignored.

    Raises:
        InputError: the file is missing, holds no losses, or has a broken line that is not the last.
    """
    file = Path(path)
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read as metrics; give the metrics.jsonl of a run") from error
    values: dict[str, dict[int, float]] = defaultdict(dict)
    for number, line in enumerate(lines, start=1):
        record = _parse(line, f"{file}, line {number}", forgiving=number == len(lines))
        for name, value in record.items():
            if name != "step" and isinstance(value, int | float) and not isinstance(value, bool):
                values[name][int(record["step"])] = float(value)
    if not values:
        raise InputError(f"{file}: holds no losses")
    return [_curve(name, by_step) for name, by_step in values.items()]


def grouped(curves: list[Curve]) -> dict[str, list[Curve]]:
    """Return the curves by panel, in the order in which the panels are drawn."""
    panels: dict[str, list[Curve]] = {title: [] for title in ORDER}
    for curve in curves:
        title = next((title for title, pattern in PANELS if re.search(pattern, curve.name, re.IGNORECASE)), OTHERS)
        panels[title].append(curve)
    return {title: members for title, members in panels.items() if members}


def expectation(name: str) -> str:
    """What a loss of this name should do, as a phrase."""
    return next((words for pattern, words in EXPECTATIONS if re.search(pattern, name, re.IGNORECASE)), UNKNOWN)


def legend_in_words(names: Iterable[str]) -> list[str]:
    """What each of these losses should do, a line for all that should do the same."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in names:
        alike[expectation(name)].append(name.replace("_", " "))
    return [f"{', '.join(members)} {words}" for words, members in alike.items()]


def smoothed(values: Floats) -> Floats:
    """A running mean over a fiftieth of the curve; values that are not finite are skipped."""
    from scipy.ndimage import uniform_filter1d

    width = max(1, len(values) // 50)
    known = np.isfinite(values)
    total = uniform_filter1d(np.where(known, values, 0.0), width, mode="nearest")
    weight = uniform_filter1d(known.astype(np.float64), width, mode="nearest")
    mean: Floats = np.divide(total, weight, out=np.full(len(values), np.nan), where=weight > 1e-9)
    return mean


def curves_picture(metrics: str | os.PathLike[str], path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Draw the losses of a run as PNG: in each panel the single steps, faint, under their running mean.

    Args:
        metrics: the metrics file of the run.
        path: the picture to write.
        overwrite: whether an existing file may be replaced.

    Raises:
        InputError: the metrics cannot be read or hold no losses, or the file exists and `overwrite` is not set.
    """
    save_figure(draw_curves(read_curves(metrics), ink="#3b3936"), path, overwrite)


def curves_svg(metrics: str | os.PathLike[str]) -> str:
    """The losses of a run as an `<svg>` element, in the font and text colour of the page that it is put on.

    Raises:
        InputError: the metrics cannot be read or hold no losses.
    """
    return inline_svg(draw_curves(read_curves(metrics), ink=INK))


def draw_curves(curves: list[Curve], ink: str) -> Figure:
    """Draw a panel for each group, two in a row; the first fills its row if their number is odd."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    panels = grouped(curves)
    wide = len(panels) % 2
    rows = (len(panels) + 1) // 2
    figure = Figure(figsize=(9.6, 3.5 * rows), layout=ConstrainedLayoutEngine(hspace=0.06, wspace=0.05))
    places = figure.add_gridspec(rows, 2)
    for index, (title, members) in enumerate(panels.items()):
        across = bool(wide) and index == 0
        row, column = divmod(index + wide * (index > 0), 2)
        axes = figure.add_subplot(places[0, :] if across else places[row, column])
        _draw_panel(axes, members)
        dress(axes, ink, "step")
        _name(axes, title, ink, columns=6 if across else 3)
        _explain(axes, members, ink, width=150 if across else 72)
    return figure


def _draw_panel(axes: Axes, members: list[Curve]) -> None:
    for curve, colour in zip(members, COLOURS * len(members), strict=False):
        axes.plot(*_thinned(curve.steps, curve.values), color=colour, alpha=0.22, linewidth=0.6)
        keep = evenly_spaced(len(curve.steps), MOST_POINTS)
        axes.plot(
            curve.steps[keep],
            smoothed(curve.values)[keep],
            color=colour,
            linewidth=1.6,
            label=curve.name.replace("_", " "),
        )
    values = np.concatenate([curve.values[np.isfinite(curve.values)] for curve in members])
    if values.size:
        # The first steps of a run may be far off; they must not flatten all that follows.
        low, high = np.percentile(values, [0.5, 99.5])
        room = 0.08 * (high - low) or 0.1
        axes.set_ylim(low - room, high + room)


def _name(axes: Axes, title: str, ink: str, columns: int) -> None:
    """Write the title and, between it and the panel, the names of the curves."""
    lines = -(-len(axes.get_legend_handles_labels()[1]) // columns)
    axes.set_title(title, loc="left", fontsize=10, color=ink, fontweight="bold", pad=8 + 13 * lines)
    legend = axes.legend(
        frameon=False,
        fontsize=8,
        labelcolor=ink,
        ncols=columns,
        handlelength=1.4,
        columnspacing=1.4,
        borderpad=0,
        borderaxespad=0,
        loc="lower left",
        bbox_to_anchor=(0, 1.03),
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def _explain(axes: Axes, members: list[Curve], ink: str, width: int) -> None:
    """Write below the panel what its losses should do."""
    lines = [line for words in legend_in_words(curve.name for curve in members) for line in wrap(words, width)]
    text = axes.annotate(
        "\n".join(lines), (0, 0), (0, -32), "axes fraction", "offset points", va="top", fontsize=7.5, color=ink
    )
    text.set_parse_math(False)


def _thinned(steps: NDArray[np.int64], values: Floats) -> tuple[NDArray[np.int64], Floats]:
    """At most `MOST_POINTS` points with the look of all: the least and the greatest value of every stretch."""
    if len(values) <= MOST_POINTS:
        return steps, values
    kept: list[int] = []
    for stretch in np.array_split(np.arange(len(values)), MOST_POINTS // 2):
        part = values[stretch]
        if np.isfinite(part).any():
            kept += sorted({int(stretch[np.nanargmin(part)]), int(stretch[np.nanargmax(part)])})
    return steps[kept], values[kept]


def _parse(line: str, where: str, forgiving: bool) -> dict[str, Any]:
    if not line.strip():
        return {}
    try:
        record = json.loads(line)
        int(record["step"])
    except (ValueError, KeyError, TypeError) as error:
        if forgiving:
            return {}
        raise InputError(f"{where}: is not JSON with a step and losses") from error
    return dict(record)


def _curve(name: str, by_step: dict[int, float]) -> Curve:
    steps = sorted(by_step)
    return Curve(name, np.array(steps, dtype=np.int64), np.array([by_step[step] for step in steps], dtype=np.float64))

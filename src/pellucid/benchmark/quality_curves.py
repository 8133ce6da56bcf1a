"""The quality of each method over training steps and over seconds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pellucid.benchmark.crops import NOISY
from pellucid.benchmark.results import CurvePoint, Result
from pellucid.errors import InputError
from pellucid.report.curves import COLOURS
from pellucid.report.grid import MUTED, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def quality_figure(results: Sequence[Result], path: Path, heading: str, *, overwrite: bool = False) -> None:
    """Draw PSNR over steps and over seconds: a thin line for each training, a thick one for the mean of a method.

    Args:
        results: results of one dataset; of those without a curve only the PSNR of the noisy images is drawn.
        path: the figure's file; its extension is the format.
        heading: a line above the plots.
        overwrite: whether an existing figure may be replaced.

    Raises:
        InputError: no result has a curve, or the figure exists.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    curves: dict[str, list[Sequence[CurvePoint]]] = defaultdict(list)
    for result in results:
        if result.curve:
            curves[result.run.method].append(result.curve)
    if not curves:
        raise InputError("no result has a curve: run `pellucid benchmark` with --curve-every")
    figure = Figure(figsize=(10, 4.2), layout=ConstrainedLayoutEngine())
    figure.suptitle(heading, x=0.01, ha="left", fontsize=11, parse_math=False)
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, over in ((left, "step"), (right, "seconds")):
        _draw_curves(axes, curves, over)
        if (level := _noisy_level(results)) is not None:
            axes.axhline(level, color=MUTED, linewidth=1, linestyle=(0, (4, 3)), label=NOISY)
        axes.set_xlabel({"step": "steps", "seconds": "seconds of training"}[over], fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", linewidth=0.4, alpha=0.3)
        axes.tick_params(labelsize=8)
    left.set_ylabel("PSNR (dB), mean over test images", fontsize=9)
    figure.legend(*left.get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=9)
    save_figure(figure, path, overwrite)


def _draw_curves(axes: Axes, curves: Mapping[str, Sequence[Sequence[CurvePoint]]], over: str) -> None:
    for number, (method, trainings) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        style = "-" if number < len(COLOURS) else "--"
        for points in trainings if len(trainings) > 1 else ():
            axes.plot([getattr(p, over) for p in points], [p.psnr for p in points], color=colour, lw=0.7, alpha=0.4)
        mean = mean_curve(trainings)
        axes.plot(
            [getattr(p, over) for p in mean],
            [p.psnr for p in mean],
            color=colour,
            linestyle=style,
            linewidth=1.8,
            marker="o" if len(mean) < 30 else "",
            markersize=3,
            label=method,
        )


def mean_curve(trainings: Sequence[Sequence[CurvePoint]]) -> list[CurvePoint]:
    """The mean of several curves, at the steps that all of them have."""
    by_step = [{point.step: point for point in points} for points in trainings]
    shared = sorted(set.intersection(*(set(points) for points in by_step)))
    return [CurvePoint(step, *np.mean([points[step][1:] for points in by_step], axis=0).tolist()) for step in shared]


def _noisy_level(results: Sequence[Result]) -> float | None:
    values = [result.psnr for result in results if result.run.method == NOISY and result.psnr is not None]
    return sum(values) / len(values) if values else None

"""How time or memory grows with a setting: measured points, the power law through them, and the expected one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.report.curves import COLOURS
from pellucid.report.grid import save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#3b3936"


@dataclass(frozen=True)
class Growth:
    """One curve.

    Attributes:
        what: what is measured: "training step", "denoising", ...
        against: the setting that grows: "batch", "pixels", ...
        unit: unit of the figures: s or MiB.
        at: values of the setting, ascending.
        figures: the measured values there.
        straight: the expected exponent of the power law: 1 if twice as much should take twice as long.
    """

    what: str
    against: str
    unit: str
    at: Sequence[int]
    figures: Sequence[float]
    straight: int

    @property
    def exponent(self) -> float | None:
        """The exponent of the power law through the points (least squares of the logarithms); None for one point."""
        if len(self.at) < 2:
            return None
        return float(np.polyfit(np.log(self.at), np.log(self.figures), 1)[0])

    def row(self) -> dict[str, Any]:
        """The row of the table."""
        return {
            "what": self.what,
            "grows with": self.against,
            "unit": self.unit,
            "exponent": self.exponent,
            "expected": self.straight,
            "at": list(self.at),
            "figures": list(self.figures),
        }


def draw(growths: Sequence[Growth], path: Path) -> None:
    """Draw a panel for each curve, with logarithmic axes and the expected straight line.

    The title has the measured and the expected exponent.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    columns = 3
    rows = -(-len(growths) // columns)
    figure = Figure(figsize=(9.6, 2.6 * rows), layout=ConstrainedLayoutEngine(hspace=0.06, wspace=0.05))
    places = figure.add_gridspec(rows, columns)
    colours = {what: COLOURS[i] for i, what in enumerate(dict.fromkeys(growth.what for growth in growths))}
    for index, growth in enumerate(growths):
        axes = figure.add_subplot(places[divmod(index, columns)])
        _draw_panel(axes, growth, colours[growth.what])
        _dress(axes, growth)
    save_figure(figure, path, overwrite=True)


def _draw_panel(axes: Axes, growth: Growth, colour: str) -> None:
    """Draw the points, and the expected line through the last of them, where fixed costs matter least."""
    at, figures = np.array(growth.at, dtype=float), np.array(growth.figures)
    axes.loglog(at, figures[-1] * (at / at[-1]) ** growth.straight, color=INK, alpha=0.4, linewidth=0.8)
    axes.loglog(at, figures, color=colour, linewidth=1.6, marker="o", markersize=3.5)


def _dress(axes: Axes, growth: Growth) -> None:
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

    found = "" if growth.exponent is None else f"{growth.exponent:.2f} for "
    title = f"{growth.what}: {found}{growth.straight}".replace("-", "−")
    axes.set_title(title, loc="left", fontsize=9, color=INK, fontweight="bold")
    axes.set_xlabel(growth.against, fontsize=8, color=INK)
    axes.set_ylabel(growth.unit, fontsize=8, color=INK)
    axes.set_xticks(list(growth.at))
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_locator(NullLocator())
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, high / 4), 1.3 * high)  # a flat curve should look flat
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set(color=INK, linewidth=0.6, alpha=0.5)
    axes.tick_params(labelsize=8, colors=INK, width=0.6, length=3)
    axes.grid(axis="y", color=INK, linewidth=0.4, alpha=0.15)

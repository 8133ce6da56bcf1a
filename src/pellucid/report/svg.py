"""Drawings that belong to a page: in its font and the colour of its text, on its background."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#010203"
"""Colour of lines and text in a drawing that becomes the colour of the page's text."""


def inline_svg(figure: Figure) -> str:
    """A figure as an `<svg>` element; what is drawn in `INK` has the colour of the page's text."""
    import matplotlib

    figure.patch.set_alpha(0)
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "pellucid"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return _bare(buffer.getvalue())


def dress(axes: Axes, ink: str, across: str) -> None:
    """Give a panel thin axes, a faint grid, and the name of its horizontal axis."""
    axes.set_xlabel(across, fontsize=8, color=ink)
    axes.patch.set_alpha(0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set(color=ink, linewidth=0.6, alpha=0.5)
    axes.tick_params(labelsize=8, colors=ink, width=0.6, length=3)
    axes.grid(axis="y", color=ink, linewidth=0.4, alpha=0.15)
    axes.margins(x=0.01)


def _bare(svg: str) -> str:
    """The bare element: no XML declaration, metadata or namespaces; colours and font are those of the page."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg)
    svg = re.sub(r'\s(width|height)="[\d.]+pt"', "", svg, count=2)
    svg = re.sub(r"\s*font-family: [^;\"]*;?", "", svg)
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, flags=re.DOTALL)
    return svg.replace(INK, "currentColor").strip()

"""Charts as small `<svg>` elements, in the font and the colour of the text of the page that they are put on."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pellucid.report.curves import COLOURS

WIDTH, HEIGHT = 560, 220
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 10, 28
CUT = 0.01
"""Share of the values at each end that may lie outside: the first steps of a run may be far off."""


@dataclass(frozen=True)
class Line:
    """A curve of a chart.

    Attributes:
        name: in the legend.
        points: (x, y).
        band: (x, least, greatest) of what is summed up in each point; may be empty.
        marks: points that stand out.
    """

    name: str
    points: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, float, float]] = field(default=())
    marks: Sequence[tuple[float, float]] = field(default=())


def chart(lines: Sequence[Line], across: str, label: str) -> str:
    """Draw curves over one axis.

    Args:
        lines: at least one of them with a point.
        across: the name of the horizontal axis.
        label: what the chart shows, for those who do not see it.
    """
    xs = [x for line in lines for x, _ in line.points]
    x_range = _widened(min(xs, default=0), max(xs, default=1))
    y_range = _seen(y for line in lines for _, y in line.points)
    place = _Placement(x_range, y_range)
    parts = [*_grid(place, across)]
    for line, colour in zip(lines, COLOURS * len(lines), strict=False):
        parts += _draw(line, colour, place)
    return (
        f'<svg class="p-chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(label)}">'
        f'<clipPath id="p-inside"><rect x="{LEFT - 5}" y="{TOP - 4}" width="{WIDTH - LEFT - RIGHT + 10}" '
        f'height="{HEIGHT - TOP - BOTTOM + 8}"/></clipPath>{"".join(parts)}</svg>'
    )


def legend(lines: Sequence[Line]) -> str:
    """The names of curves in their colours."""
    items = (
        f'<span class="p-key"><i style="background:{colour}"></i>{html.escape(line.name)}</span>'
        for line, colour in zip(lines, COLOURS * len(lines), strict=False)
    )
    return f'<div class="p-legend">{"".join(items)}</div>'


@dataclass(frozen=True)
class _Placement:
    """Where values are on a chart."""

    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def x(self, value: float) -> float:
        low, high = self.x_range
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        low, high = self.y_range
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    def path(self, points: Iterable[tuple[float, float]]) -> str:
        return " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)


def _draw(line: Line, colour: str, place: _Placement) -> list[str]:
    parts = []
    if len(line.band) > 1:
        around = [*((x, high) for x, _, high in line.band), *((x, low) for x, low, _ in reversed(line.band))]
        look = f'fill="{colour}" stroke="{colour}" stroke-width=".7" opacity=".2"'  # single values are a faint line
        parts.append(f'<polygon points="{place.path(around)}" {look}/>')
    if len(line.points) > 1:
        parts.append(f'<polyline points="{place.path(line.points)}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
    marks = [*line.marks, *(line.points if len(line.points) == 1 else ())]
    parts += [f'<circle cx="{place.x(x):.1f}" cy="{place.y(y):.1f}" r="4" fill="{colour}"/>' for x, y in marks]
    return [f'<g clip-path="url(#p-inside)" stroke-linejoin="round">{"".join(parts)}</g>']


def _grid(place: _Placement, across: str) -> Iterable[str]:
    bottom = HEIGHT - BOTTOM
    for value in ticks(*place.y_range, 4):
        y = f"{place.y(value):.1f}"
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" stroke="currentColor" opacity=".13"/>'
        yield f'<text x="{LEFT - 8}" y="{y}" text-anchor="end" dominant-baseline="middle">{_text(value)}</text>'
    yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{bottom}" y2="{bottom}" stroke="currentColor" opacity=".45"/>'
    for value in ticks(*place.x_range, 5):
        x = f"{place.x(value):.1f}"
        yield f'<line x1="{x}" x2="{x}" y1="{bottom}" y2="{bottom + 4}" stroke="currentColor" opacity=".45"/>'
        yield f'<text x="{x}" y="{bottom + 17}" text-anchor="middle">{_text(value)}</text>'
    yield f'<text x="{LEFT - 8}" y="{bottom + 17}" text-anchor="end" opacity=".7">{html.escape(across)}</text>'


def ticks(low: float, high: float, count: int) -> list[float]:
    """Round values between two, about as many as asked for."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return []
    rough = (high - low) / count
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def _text(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.6g}".replace("-", "−")


def _seen(values: Iterable[float]) -> tuple[float, float]:
    """The range that is shown: of all values but the few that are far off."""
    known = sorted(values)
    if not known:
        return 0.0, 1.0
    cut = int(CUT * len(known))
    low, high = known[cut], known[len(known) - 1 - cut]
    room = 0.08 * (high - low) or 0.1 * abs(high) or 0.1
    return low - room, high + room


def _widened(low: float, high: float) -> tuple[float, float]:
    return (low, high) if high > low else (low, low + 1)

"""What a page shows of a run while it is trained: curves, expected quality, previews."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pellucid.app.chart import Line, chart, legend
from pellucid.app.curve_points import CurveReader, ThinCurve
from pellucid.report.curves import Curve, grouped, legend_in_words
from pellucid.runs.folder import Run

STEP = "step"


@dataclass(frozen=True)
class Panel:
    """A chart with its words.

    Attributes:
        title: a few words.
        drawing: the chart and its legend, as elements of HTML; its text comes from Pellucid alone.
        sentences: what each curve should do.
    """

    title: str
    drawing: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class RunSight:
    """What there is to see of a run.

    Attributes:
        step: the last step that was taken.
        panels: the losses.
        quality: expected PSNR; None if nothing was judged yet.
        previews: pictures by step.
    """

    step: int = 0
    panels: tuple[Panel, ...] = ()
    quality: Panel | None = None
    previews: dict[int, Path] = field(default_factory=dict)


class RunWatcher:
    """Looks at a run again and again; each look reads what is new.

    Args:
        folder: of the run; it need not exist yet.
    """

    def __init__(self, folder: Path) -> None:
        self._run = Run(folder)
        self._curves = CurveReader(self._run.metrics)

    def look(self) -> RunSight:
        """What there is to see now."""
        self._curves.read()
        return RunSight(
            self._curves.step,
            tuple(_panels(self._curves.curves)),
            _quality(self._looks()),
            previews_of(self._run.folder),
        )

    def _looks(self) -> list[dict[str, Any]]:
        try:
            return self._run.looks()
        except (OSError, ValueError):  # a run that is being deleted
            return []


def previews_of(run: Path) -> dict[int, Path]:
    """The preview pictures of a run by step, in order."""
    found = {int(path.stem): path for path in (run / "previews").glob("*.png") if re.fullmatch(r"\d+", path.stem)}
    return dict(sorted(found.items()))


def _panels(curves: dict[str, ThinCurve]) -> list[Panel]:
    import numpy as np

    none = np.array([])
    names = grouped([Curve(name, none.astype(np.int64), none) for name, curve in curves.items() if curve.points])
    panels = []
    for title, members in names.items():
        lines = [_line(member.name, curves[member.name]) for member in members]
        drawing = legend(lines) + chart(lines, STEP, f"{title}: {', '.join(line.name for line in lines)}")
        panels.append(Panel(title, drawing, tuple(legend_in_words(member.name for member in members))))
    return panels


def _line(name: str, curve: ThinCurve) -> Line:
    """A curve, smoothed if it is long, over the range of its single values."""
    points = [(float(point.step), point.mean) for point in curve.points]
    band = [(float(point.step), point.low, point.high) for point in curve.points]
    return Line(name.replace("_", " "), _running_mean(points), band)


def _running_mean(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The mean over a fortieth of the points around each."""
    reach = len(points) // 80
    if not reach:
        return points
    sums = [0.0]
    for _, value in points:
        sums.append(sums[-1] + value)
    smoothed = []
    for index, (step, _) in enumerate(points):
        first, last = max(0, index - reach), min(len(points), index + reach + 1)
        smoothed.append((step, (sums[last] - sums[first]) / (last - first)))
    return smoothed


def _use(best: dict[str, Any]) -> str:
    noisy = best.get("noisy")  # not in runs from before it was noted
    if isinstance(noisy, int | float) and best["psnr"] < noisy:
        return f"but it is worse than the noisy images ({noisy:.2f} dB): train for longer before you use it"
    return "and it denoises"


def _quality(looks: list[dict[str, Any]]) -> Panel | None:
    usable = [look for look in looks if isinstance(look.get("psnr"), int | float)]
    if not usable:
        return None
    best = max(usable, key=lambda look: (bool(look["fits"]), look["psnr"]))
    lines = []
    for which in dict.fromkeys(look["weights"] for look in usable):
        points = [(float(look["step"]), float(look["psnr"])) for look in usable if look["weights"] == which]
        marks = [(float(best["step"]), float(best["psnr"]))] if which == best["weights"] else []
        lines.append(Line(f"{which} weights", points, marks=marks))
    sentences = (
        f"Best so far: {best['psnr']:.2f} dB at step {best['step']} (the dot). That state is kept, {_use(best)}.",
        "Measured on parts of your images that the training does not see, with noise like yours on clean ones. "
        "It should rise, fast at first; once it is level, more minutes gain little.",
    )
    return Panel("Expected PSNR (dB)", legend(lines) + chart(lines, STEP, "expected PSNR in dB"), sentences)

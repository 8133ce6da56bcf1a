"""The assessment that ends a training, on the parts of its images that were held out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pellucid.assessment.assess import Assessment, assess
from pellucid.assessment.page import write_assessment
from pellucid.data.held_out import hold_out
from pellucid.io.image import Plane
from pellucid.model import Model
from pellucid.report import terminal
from pellucid.runs.folder import Run
from pellucid.runs.sources import reopen_sources

PAGE = "trust.html"
"""Name of the page in the run's folder."""


def assess_run(run: Run, device: str = "auto") -> Assessment | None:
    """Assess a finished run, write the page into its folder and show the verdict; None if it learned without a truth.

    Args:
        run: whose images are where they were in the training.
        device: "auto", "cpu", "cuda", ...
    """
    sources = reopen_sources(run.sources(), {}, run.frames())
    kind = next((kind for kind in ("clean", "pairs") if kind in sources), None)
    if kind is None or run.recipe().method == "noise2noise":
        return None
    noisy, clean = (_unseen(sources[each].planes) for each in ("noisy", kind))
    origin = "parts of the training's that it did not learn from"
    found = assess(Model.load(run.folder, device=device), noisy, clean, origin)
    write_assessment(found, Path(run.folder) / PAGE, overwrite=True)
    terminal.say(found.verdict)
    for warning in [*found.warnings, *found.doubts]:
        terminal.warn(warning)
    terminal.say(f"how far it can be trusted: {run.folder / PAGE}")
    return found


def _unseen(planes: Sequence[Plane]) -> Sequence[Plane]:
    return hold_out(planes).held or planes

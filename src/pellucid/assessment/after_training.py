"""The assessment that ends a training, on the parts of its images that were held out."""

from __future__ import annotations

from pellucid.assessment.assess import Assessment, assess
from pellucid.assessment.clean_images import clean_kind
from pellucid.assessment.page import write_assessment
from pellucid.errors import InputError
from pellucid.methods.slices import slices_of
from pellucid.model import Model
from pellucid.report import terminal
from pellucid.runs.folder import Run
from pellucid.runs.sources import planes_of, reopen_sources
from pellucid.runs.trainer import hold_out_of

PAGE = "trust.html"
"""Name of the page in the run's folder."""
SEEN = "those of the training, too few to keep some from it"


def assess_run(run: Run, device: str = "auto") -> Assessment | None:
    """Assess a finished run, write the page into its folder, note the verdict for its card and show it.

    Args:
        run: of the training.
        device: "auto", "cpu", "cuda", ...

    Returns:
        None if it learned without clean images, or, with a warning, if its images cannot be used: the training is done.
    """
    kind = clean_kind(run.recipe(), run.sources())
    if kind is None:
        return None
    try:
        opened = planes_of(reopen_sources(run.sources(), {}, run.frames()))
        planes, held = hold_out_of(opened, slices_of(run.recipe()))
        unseen, origin = (held, "parts of the training's that it did not learn from") if held else (planes, SEEN)
        found = assess(Model.load(run.folder, device=device), unseen["noisy"], unseen[kind], origin)
        write_assessment(found, run.folder / PAGE, overwrite=True)
    except InputError as problem:
        terminal.warn(f"how far the model can be trusted was not measured: {problem}")
        return None
    run.note_measures(f"On clean images ({origin}) with noise like that of the noisy ones: {found.verdict}.")
    terminal.say(found.verdict)
    for warning in [*found.warnings, *found.doubts]:
        terminal.warn(warning)
    terminal.say(f"how far it can be trusted: {run.folder / PAGE}")
    return found

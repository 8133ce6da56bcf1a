"""What `pellucid train --json` and `pellucid resume --json` print: what was trained, which state is kept, and why."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pellucid.cli.json_output import show_json

if TYPE_CHECKING:
    from pellucid.assessment.assess import Assessment
    from pellucid.assessment.keep_best import Look
    from pellucid.runs.folder import Run

_JUDGED = "the state that was best on parts of the images that were kept from the training"
_NOT_JUDGED = "as the recipe says: no part of the images was kept from the training to choose by"


def show_training(run: Run, assessment: Assessment | None) -> None:
    """Print the summary of a finished run, with its assessment if there is one."""
    from pellucid.assessment.keep_best import best_look  # here: help needs no torch
    from pellucid.assessment.page import as_values
    from pellucid.runs.card import values_of

    stored, provenance, best = run.read(), run.provenance(), best_look(run)
    chosen = best if best is not None and stored.weights == "best" else None
    begun = provenance["resumed"][-1] if provenance.get("resumed") else provenance
    show_json(
        {
            "path": run.folder,
            **values_of(stored),
            "device": begun["device"],
            "chosen": {"weights": stored.weights, "why": _JUDGED if chosen else _NOT_JUDGED, **_look_values(chosen)},
            "warnings": provenance.get("warnings", []),
            "trust": as_values(assessment) if assessment is not None else None,
        }
    )


def _look_values(look: Look | None) -> dict[str, Any]:
    """Return the step and the scores of the state that was chosen."""
    if look is None:
        return {}
    values = asdict(look)
    return {"of": values.pop("weights"), **values}

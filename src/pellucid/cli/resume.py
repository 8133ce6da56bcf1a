"""`pellucid resume`."""

from __future__ import annotations

from pathlib import Path

from pellucid.cli.options import Computation, Settings, Sources, parse_settings
from pellucid.cli.training_end import show_end
from pellucid.cli.training_summary import show_training
from pellucid.launch import leads


def resume(
    run: Path,
    *,
    sources: Sources = Sources(),  # noqa: B008
    minutes: float | None = None,
    set_: Settings = None,
    json: bool = False,
    computation: Computation = Computation(),  # noqa: B008
) -> None:
    """Resume a training that was stopped, or train a finished run for longer. Only images that moved are given again.

    Parameters
    ----------
    run
        Folder of the run: the --out of `pellucid train`.
    minutes
        Time of the whole training, what it has used included, as in `--minutes 20`; if it was started with minutes.
    set_
        Settings to change, as in `--set steps=3000`: steps, save_every, preview_every, weights; no others can change.
    json
        Print a summary as JSON at the end, as `pellucid train --json` does.
    """
    from pellucid.assessment.keep_best import keep_best  # here: help needs no torch
    from pellucid.runs import trainer

    resumed = trainer.resume(
        run,
        computation.device,
        execution=computation.execution(),
        judge=keep_best,
        settings=parse_settings(set_, minutes),
        moved=sources.given(),
    )
    if json and leads():
        show_training(resumed, None)
    show_end(resumed)

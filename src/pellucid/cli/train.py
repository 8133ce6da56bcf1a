"""`pellucid train`."""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from typing import Annotated, Literal

from cyclopts import Parameter

from pellucid.cli.options import Computation, Settings, Sources, parse_settings
from pellucid.cli.recipes import DEFAULT
from pellucid.cli.training_end import show_end
from pellucid.cli.training_summary import show_training
from pellucid.errors import InputError

LONG = 120.0
"""Seconds from which a training is worth an assessment, which takes a minute."""


def train(
    *,
    sources: Sources = Sources(),  # noqa: B008
    out: Path | None = None,
    recipe: str = DEFAULT,
    preset: str = "quick",
    minutes: float | None = None,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    frames: Literal["separate", "average", "copies"] = "separate",
    set_: Settings = None,
    json: bool = False,
    computation: Computation = Computation(),  # noqa: B008
) -> None:
    """Learn to denoise, from noisy images and unrelated clean ones, or from what another recipe needs.

    An eighth of the images is kept from the training, to choose its best state, and to say how good it is.

    Parameters
    ----------
    out
        Folder for the run; must be new or empty, as in `--out run`.
    recipe
        Method and settings to start from: `--recipe proposed` is the paper's; `pellucid methods` lists them all.
    preset
        "quick" for a laptop, "paper" for a GPU.
    minutes
        Time that the training takes, by default 10 with "quick"; the number of steps follows. Reading images and
        measuring noise count; saying how good the model is comes on top, after two minutes and more of training.
    from_
        A model to begin with instead of random weights: a name that `pellucid models` lists, as in `--from em`, or the
        folder or zip of a run with the same networks.
    frames
        Planes of noisy images along T, else along Z, that show one place: "separate", each an image; "average", their
        mean; "copies", noisy copies of one another for noise2noise, instead of --pairs.
    set_
        Settings that differ from the recipe's, as in `--set batch=8 width=8`; `steps=500` replaces the minutes.
    json
        Print a summary as JSON at the end: what was trained, which state is kept and why.
    """
    from pellucid.assessment.after_training import assess_run  # here: help needs no torch
    from pellucid.assessment.keep_best import keep_best
    from pellucid.launch import leads
    from pellucid.methods import make_recipe
    from pellucid.runs import trainer
    from pellucid.runs.model_zip import open_model_store
    from pellucid.runs.sources import check_sources, with_copies

    chosen = make_recipe(recipe, preset, parse_settings(set_, minutes))
    check_sources(chosen, set(with_copies(chosen, sources.given(), frames)))
    if not out:
        raise InputError("train needs --out, a folder for the run (see pellucid train --help)")
    began = monotonic()
    run = trainer.train(
        sources.given(),
        out,
        chosen,
        computation.device,
        execution=computation.execution(),
        judge=keep_best,
        start=open_model_store(from_).read() if from_ is not None else None,
        frames=frames,
    )
    worth = leads() and monotonic() - began > LONG and run.judged()
    found = assess_run(run, computation.device) if worth else None
    if json and leads():
        show_training(run, found)
    show_end(run)

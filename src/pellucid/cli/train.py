"""`pellucid train`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pellucid.cli.options import Computation, Settings, Sources, parse_settings
from pellucid.cli.recipes import DEFAULT
from pellucid.errors import InputError
from pellucid.report import terminal


def train(
    *,
    sources: Sources = Sources(),  # noqa: B008
    out: Path | None = None,
    recipe: str = DEFAULT,
    preset: str = "quick",
    minutes: float | None = None,
    frames: Literal["separate", "average", "copies"] = "separate",
    set_: Settings = None,
    computation: Computation = Computation(),  # noqa: B008
) -> None:
    """Learn to denoise, from noisy images and unrelated clean ones, or from what another recipe needs.

    Parameters
    ----------
    out
        Folder for the run; must be new or empty, as in `--out run`.
    recipe
        Method and settings to start from: `--recipe proposed` is the paper's; `pellucid methods` lists them all.
    preset
        "quick" for a laptop, "paper" for a GPU.
    minutes
        Time that the training takes, by default 10 with "quick"; the number of steps follows.
    frames
        Planes of noisy images along T, else along Z, that show one place: "separate", each an image; "average", their
        mean; "copies", noisy copies of one another for noise2noise, instead of --pairs.
    set_
        Settings that differ from the recipe's, as in `--set batch=8 width=8`; `steps=500` replaces the minutes.
    """
    from pellucid.methods import make_recipe  # here: help needs no torch
    from pellucid.runs import trainer
    from pellucid.runs.sources import check_sources, with_copies

    chosen = make_recipe(recipe, preset, parse_settings(set_, minutes))
    check_sources(chosen, set(with_copies(chosen, sources.given(), frames)))
    if not out:
        raise InputError("train needs --out, a folder for the run (see pellucid train --help)")
    run = trainer.train(
        sources.given(), out, chosen, computation.device, execution=computation.execution(), frames=frames
    )
    terminal.say(f"done. Denoise with: pellucid denoise INPUT OUTPUT --model {run.folder}")

"""`pellucid train`."""

from __future__ import annotations

from pathlib import Path

from pellucid.cli.options import Images, Settings, parse_settings
from pellucid.errors import InputError
from pellucid.report import terminal


def train(
    *,
    clean: Images | None = None,
    noisy: Images | None = None,
    out: Path | None = None,
    resume: Path | None = None,
    recipe: str = "proposed",
    preset: str = "quick",
    set_: Settings = None,
    device: str = "auto",
) -> None:
    """Learn to denoise from noisy images and unrelated clean ones.

    Example: `pellucid train --clean clean/ --noisy noisy/ --out run`

    Parameters
    ----------
    clean
        Clean images: files, folders or globs.
    noisy
        Noisy images, likewise. No pairs are needed, and none may be expected.
    out
        Folder for the run; must be new or empty.
    resume
        Go on with the run in this folder; needs nothing else.
    recipe
        What to learn: see `pellucid recipes`.
    preset
        "quick" for a laptop, "paper" for a GPU.
    set_
        Settings that differ from the recipe's, as in `--set steps=500 width=8`.
    device
        "auto", "cpu", "cuda", "cuda:1", "mps".
    """
    from pellucid.methods import make_recipe  # here: help needs no torch
    from pellucid.runs import training

    if resume is not None:
        if clean or noisy or out or set_:
            raise InputError(
                "--resume goes on with a run as it was set up: leave --clean, --noisy, --out and --set away"
            )
        run = training.resume(resume, device)
    else:
        if not (clean and noisy and out):
            raise InputError("train needs --clean, --noisy and --out, or --resume RUN (see pellucid train --help)")
        chosen = make_recipe(recipe, preset, parse_settings(set_))
        run = training.start({"clean": clean, "noisy": noisy}, out, chosen, device)
    terminal.say(f"done. Denoise with: pellucid denoise INPUT OUTPUT --model {run.folder}")

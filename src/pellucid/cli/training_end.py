"""The last line of `pellucid train` and `pellucid resume`: what to do with the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.report import terminal

if TYPE_CHECKING:
    from pellucid.runs.folder import Run

_MINUTES, _STEPS = 10, 1500
"""What a longer training is given at least."""


def show_end(run: Run) -> None:
    """Say how to denoise with a finished run, or that it has learned too little for that."""
    from pellucid.assessment.keep_best import best_look  # here: help needs no torch

    best = best_look(run)
    if best is None or not best.worse_than_noisy:
        terminal.say(f"done. Denoise with: pellucid denoise INPUT OUTPUT --model {run.folder}")
        return
    terminal.warn(
        f"results are expected to be worse than the noisy images ({best.psnr:.1f} dB, and {best.noisy:.1f} dB): do not "
        f"use the model yet, but train for longer: pellucid resume {run.folder} {_longer(run)}"
    )


def _longer(run: Run) -> str:
    """Twice the training, as an option of `pellucid resume`."""
    recipe = run.recipe()
    if recipe.minutes:
        return f"--minutes {max(_MINUTES, 2 * recipe.minutes):g}"
    return f"--set steps={max(_STEPS, 2 * recipe.steps)}"

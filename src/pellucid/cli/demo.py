"""`pellucid demo`."""

from __future__ import annotations

from pathlib import Path

from pellucid.cli.options import Settings, parse_settings
from pellucid.cli.recipes import DEFAULT
from pellucid.report import terminal


def demo(
    *,
    out: Path = Path("demo"),
    clean: str | None = None,
    noisy: str | None = None,
    noise: str = "film",
    recipe: str = DEFAULT,
    minutes: float | None = None,
    set_: Settings = None,
    device: str = "auto",
    overwrite: bool = False,
) -> None:
    """Train, denoise and evaluate, and make a page. After a stop the same command continues where it stopped.

    Parameters
    ----------
    out
        Folder for images, run, denoised images and page, as in `--out demo`.
    clean
        Your clean images, as in `--clean clean/`; by default phantom tissue, whose truth is known.
    noisy
        Your noisy images, as in `--noisy noisy/`.
    noise
        Noise model for the phantom: film, charge, gaussian, ...
    recipe
        A method that learns from noisy images and unrelated clean ones, as in `--recipe proposed`.
    minutes
        Time that the training takes, by default 5; the number of steps follows.
    set_
        Settings that differ from the recipe's, as in `--set width=8`; `steps=300` replaces the minutes.
    device
        "auto", "cpu", "cuda", "cuda:1", "mps".
    overwrite
        Replace a finished demo in that folder; phantom tissue never replaces one on your own images.
    """
    from pellucid.demo import run_demo  # here: help needs no torch

    settings = parse_settings(set_, minutes)
    page = run_demo(
        out, clean, noisy, noise=noise, recipe=recipe, settings=settings, device=device, overwrite=overwrite
    )
    terminal.say(f"look at {page}")

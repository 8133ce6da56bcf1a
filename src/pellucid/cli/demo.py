"""`pellucid demo`."""

from __future__ import annotations

from pathlib import Path

from pellucid.cli.options import Settings, parse_settings
from pellucid.report import terminal


def demo(
    *,
    out: Path = Path("demo"),
    clean: str | None = None,
    noisy: str | None = None,
    noise: str = "film",
    set_: Settings = None,
    device: str = "auto",
    overwrite: bool = False,
) -> None:
    """The whole job, from images to a page to look at. Stopped at any instant, the same command goes on where it was.

    Parameters
    ----------
    out
        Folder for images, run, denoised images and page.
    clean
        Your clean images; without them it makes phantom tissue, whose truth is known.
    noisy
        Your noisy images.
    noise
        Noise for the phantom: film, charge, gaussian, ...
    set_
        Settings of the recipe, as in `--set steps=300`.
    device
        "auto", "cpu", "cuda", "cuda:1", "mps".
    overwrite
        Replace a finished demo in that folder; made-up tissue replaces none on your own images.
    """
    from pellucid.demo import run_demo  # here: help needs no torch

    page = run_demo(out, clean, noisy, noise=noise, settings=parse_settings(set_), device=device, overwrite=overwrite)
    terminal.say(f"look at {page}")

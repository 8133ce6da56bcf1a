"""`pellucid train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pellucid.cli.options import Images, Settings, parse_settings
from pellucid.errors import InputError
from pellucid.report import terminal


def train(
    *,
    clean: Images | None = None,
    noisy: Images | None = None,
    pairs: Images | None = None,
    noise: Images | None = None,
    out: Path | None = None,
    resume: Path | None = None,
    recipe: str | None = None,
    preset: str | None = None,
    set_: Settings = None,
    device: str = "auto",
    amp: bool = False,
    compile_: Annotated[bool, Parameter(name="--compile")] = False,
    local_statistics: bool = False,
) -> None:
    """Learn to denoise: from noisy images and unrelated clean ones, or from what another recipe needs.

    Parameters
    ----------
    clean
        Clean images: files, folders or globs.
    noisy
        Noisy images, likewise.
    pairs
        For recipes with paired supervision: the truth of each noisy image, or for noise2noise a second noisy copy;
        matched by file name, or by order.
    noise
        For recipes that ask for it: images of noise alone.
    out
        Folder for the run; must be new or empty.
    resume
        Go on with the run in this folder; needs nothing else. With --set steps=3000 it learns for longer than it was
        begun for; save_every, preview_every and weights may change as well. Images that were moved are given again.
    recipe
        How to learn: "proposed" if not given, see `pellucid methods`.
    preset
        "quick" (if not given) for a laptop, "paper" for a GPU.
    set_
        Settings that differ from the recipe's, as in `--set steps=500 width=8`.
    device
        "auto", "cpu", "cuda", "cuda:1", "mps".
    amp
        Let the networks compute in bfloat16; weights, norm statistics and losses stay float32.
    compile_
        Compile the networks first, which takes its time and a compiler.
    local_statistics
        For several processes (torchrun): norms see each process's share of a batch alone.
    """
    from pellucid.methods import make_recipe  # here: help needs no torch
    from pellucid.runs import trainer
    from pellucid.runs.sources import check_sources
    from pellucid.training import Execution

    execution = Execution(amp, compile_, local_statistics)
    given = {"noisy": noisy, "clean": clean, "pairs": pairs, "noise": noise}
    sources = {kind: spec for kind, spec in given.items() if spec}
    if resume is not None:
        for option, value in {"--out": out, "--recipe": recipe, "--preset": preset}.items():
            if value is not None:
                raise InputError(f"--resume goes on with a run as it was set up: leave {option} out")
        settings = parse_settings(set_)
        run = trainer.resume(resume, device, execution=execution, settings=settings, moved=sources)
    else:
        chosen = make_recipe(recipe or "proposed", preset or "quick", parse_settings(set_))
        check_sources(chosen, set(sources))
        if not out:
            raise InputError("train needs --out, a folder for the run (see pellucid train --help)")
        run = trainer.start(sources, out, chosen, device, execution=execution)
    terminal.say(f"done. Denoise with: pellucid denoise INPUT OUTPUT --model {run.folder}")

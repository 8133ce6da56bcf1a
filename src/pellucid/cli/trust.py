"""`pellucid trust`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.cli.json_output import show_json
from pellucid.cli.options import Images, Range, Settings, parse_settings
from pellucid.report import terminal

if TYPE_CHECKING:
    from pellucid.assessment.assess import Assessment
    from pellucid.io.image import Plane
    from pellucid.model import Model


def trust(
    noisy: str,
    *,
    model: Path | None = None,
    recipe: str | None = None,
    set_: Settings = None,
    weights: str | None = None,
    intensity_range: Range = None,
    clean: Images | None = None,
    repeats: Images | None = None,
    out: Path | None = None,
    json: bool = False,
    device: str = "auto",
    overwrite: bool = False,
) -> None:
    """Say how far the results of a model can be trusted, without a truth.

    Clean images get the noise of yours: there the truth is known. So the model is measured on your noise, and filters
    beside it; faint structures are planted into your images to see which of them are kept.

    Parameters
    ----------
    noisy
        Noisy images: file, folder or glob; best not those of the training.
    model
        Folder of a run, or a model.zip that `pellucid export` wrote.
    recipe
        A method that needs no training instead, as in `--recipe bm3d`.
    set_
        With --recipe: settings that differ from the recipe's.
    weights
        With --model: "best", "last" or "average"; the best if it is known, else as the run's recipe says.
    intensity_range
        Intensities that are black and white, for images of another pixel type than the training's.
    clean
        Clean images of the same kind, best not those of the training; by default those of the training, or phantom
        tissue.
    repeats
        Second frames of the noisy images, of the same places with noise of their own, and of the same names: the error
        is then measured on your images too, without any assumption on the noise.
    out
        Also write a page to look at, as in `--out trust.html`.
    json
        Print everything as JSON instead of the verdict.
    device
        "auto", "cpu", "cuda", "cuda:1", "mps".
    overwrite
        Replace a page that exists.
    """
    from pellucid.assessment.page import as_values, check_page  # here: help needs no torch
    from pellucid.data.source import open_source
    from pellucid.model import open_model

    if out is not None:
        check_page(out, overwrite=overwrite)
    source = open_source(noisy)
    opened = open_model(
        source,
        model=model,
        recipe=recipe,
        settings=parse_settings(set_),
        weights=weights,
        intensity_range=intensity_range,
        device=device,
    )
    opened.refuse_other_types(source.images)
    terminal.say(f"assessing {opened.name}{' from the box' if opened.boxed else ''}")
    found = assess_and_tell(opened, source.planes, clean, model, out, repeats)
    if json:
        show_json(as_values(found))
    else:
        print(found.verdict)  # noqa: T201


def assess_and_tell(
    model: Model,
    noisy: Sequence[Plane],
    clean: list[str] | None,
    run: Path | None,
    page: Path | None,
    repeats: list[str] | None = None,
) -> Assessment:
    """Assess a model, write the page if one is asked for, and show what a user should look at.

    Args:
        model: what is assessed.
        noisy: planes of noisy images.
        clean: clean images, if given.
        run: folder of the model's run, if it has one.
        page: the file to write, over an earlier one.
        repeats: second frames of the noisy images, if given.
    """
    from pellucid.assessment.assess import assess
    from pellucid.assessment.clean_images import find_clean
    from pellucid.assessment.page import write_assessment
    from pellucid.data.source import open_source
    from pellucid.methods.slices import slices_of

    second = open_source(repeats).planes if repeats is not None else None
    chosen = find_clean(clean, run, slices_of(model.denoiser))
    found = assess(model, noisy, chosen.planes, chosen.origin, repeats=second)
    if page is not None:
        write_assessment(found, page, overwrite=True)
        terminal.say(f"how far the results can be trusted: {page}")
    for warning in [*found.warnings, *found.doubts]:
        terminal.warn(warning)
    return found

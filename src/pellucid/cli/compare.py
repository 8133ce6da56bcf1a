"""`pellucid compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from pellucid.cli.json_output import show_json
from pellucid.cli.options import Images
from pellucid.errors import InputError
from pellucid.report import terminal

if TYPE_CHECKING:
    from pellucid.assessment.quality import Quality

Several = Annotated[list[str] | None, Parameter(consume_multiple=True)]


def compare(
    models: list[Path] | None = None,
    /,
    *,
    noisy: str,
    recipes: Several = None,
    clean: Images | None = None,
    json: bool = False,
    device: str = "auto",
) -> None:
    """Rank models and filters on your noisy images, without a truth.

    Noise measured in your images is put on clean ones, where the truth is known; filters get their best strength.

    Parameters
    ----------
    models
        Folders or zips of runs.
    noisy
        Noisy images: file, folder or glob, as in `--noisy noisy/`.
    recipes
        Methods that need no training, as in `--recipes bm3d gaussian`.
    clean
        Clean images of the same kind; by default those of the first model's training, or phantom tissue.
    json
        Print JSON instead of a table, the best first.
    device
        "auto", "cpu", "cuda", "cuda:1", "mps".
    """
    from pellucid.assessment.choice import most_slices  # here: help needs no torch
    from pellucid.assessment.clean_images import find_clean
    from pellucid.assessment.comparison import compare_models
    from pellucid.data.source import open_source
    from pellucid.model import Model

    if not models and not recipes:
        raise InputError("compare needs models (folders of runs), --recipes, or both")
    opened = [Model.load(model, device=device) for model in models or []]
    chosen = find_clean(clean, models[0] if models else None, most_slices(opened))
    found = compare_models(opened, recipes or [], open_source(noisy).planes, chosen.planes)
    if json:
        show_json({"clean": chosen.origin, "ranking": [_values(each, found[0]) for each in found]})
        return
    title = f"expected on your noise, on clean images that are {chosen.origin}"
    rows = [(each.name, _text(each.psnr.mean, 2), _text(each.ssim.mean, 3), _behind(each, found[0])) for each in found]
    terminal.table(title, ["", "PSNR (dB)", "SSIM", "behind the first (dB)"], rows, terminal.results())


def _behind(each: Quality, first: Quality) -> str:
    if each is first:
        return ""
    gain = first.gain_over(each)
    return f"{gain.mean:.2f}" + (f" ({gain.low:.2f} to {gain.high:.2f})" if gain.low is not None else "")


def _text(value: float, digits: int) -> str:
    return f"{value:.{digits}f}"


def _values(each: Quality, first: Quality) -> dict[str, object]:
    return {"name": each.name, "psnr": each.psnr, "ssim": each.ssim, "behind_first": first.gain_over(each)}

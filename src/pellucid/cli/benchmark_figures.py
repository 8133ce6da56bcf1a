"""`pellucid benchmark figures`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts.types import PositiveInt

from pellucid.cli.benchmark_options import Several
from pellucid.errors import InputError
from pellucid.report import terminal

if TYPE_CHECKING:
    from pellucid.benchmark.crops import Crop


def figures(
    folder: Path,
    /,
    *,
    out: Path,
    methods: Several = None,
    datasets: Several = None,
    baseline: str | None = None,
    images: PositiveInt = 2,
    crop: str | None = None,
    overwrite: bool = False,
) -> None:
    """Draw crops of all methods, heat maps of their errors or differences, and quality over steps.

    Parameters
    ----------
    folder
        The --out of `pellucid benchmark`.
    out
        Folder for the figures: NAME_crops.png, NAME_errors.png, NAME_differences.png, NAME_quality.png.
    methods
        Methods to show, in this order; by default all.
    datasets
        Datasets to show; by default all.
    baseline
        Draw differences from this method; by default from iscl, and only if the truth is not known.
    images
        Number of test images, from the first one on.
    crop
        Window of each image: top, left and side in pixels, as in `--crop 64,100,128`; by default the centre.
    overwrite
        Replace existing figures.
    """  # noqa: D405, D411, D416 ("methods" is no section)
    from pellucid.benchmark.figures import FigureOptions, write_figures  # here: help needs no torch
    from pellucid.benchmark.results import read_results

    options = FigureOptions(methods or (), datasets or (), baseline, images, parse_crop(crop), overwrite)
    for path in write_figures(read_results(folder), folder, out, options):
        terminal.say(str(path))


def parse_crop(text: str | None) -> Crop | None:
    """`"64,100,128"` as top, left and side; None stays None.

    Raises:
        InputError: the text is not three whole numbers.
    """
    from pellucid.benchmark.crops import Crop

    if text is None:
        return None
    match = re.fullmatch(r"(\d+),(\d+),(\d+)", text.replace(" ", ""))
    if not match:
        raise InputError(f"--crop {text}: write top,left,side in pixels, as in --crop 64,100,128")
    return Crop(*map(int, match.groups()))

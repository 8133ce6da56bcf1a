"""`pellucid benchmark figures`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts.types import PositiveInt

from pellucid.cli.protocol import Several
from pellucid.errors import InputError
from pellucid.report import terminal

if TYPE_CHECKING:
    from pellucid.benchmark.figures import Crop


def figures(
    folder: Path,
    /,
    *,
    out: Path,
    methods: Several = None,
    cases: Several = None,
    baseline: str | None = None,
    images: PositiveInt = 2,
    crop: str | None = None,
    overwrite: bool = False,
) -> None:
    """Crops of all methods, heat maps of their errors, difference maps without a truth, quality over steps.

    Parameters
    ----------
    folder
        The --out of `pellucid benchmark`.
    out
        Folder for the pictures: CASE_crops.png, CASE_errors.png, CASE_differences.png, CASE_quality.png.
    methods
        Which, in this order; by default all.
    cases
        Which; by default all.
    baseline
        Method that the others differ from in difference maps; by default iscl, for cases without truth only.
    images
        How many of the test images, from the first on.
    crop
        Window of each image: top, left and side in pixels, as in `--crop 64,100,128`; by default its centre.
    overwrite
        Replace pictures that exist.
    """  # noqa: D405, D411, D416 ("methods" is no section)
    from pellucid.benchmark.album import Album, write_album  # here: help needs no torch
    from pellucid.benchmark.crop_selection import Choice
    from pellucid.benchmark.results import read_results

    choice = Choice(tuple(methods or ()), images, parse_crop(crop))
    album = Album(folder, out, baseline, overwrite=overwrite)
    for path in write_album(read_results(folder), album, choice, tuple(cases or ())):
        terminal.say(str(path))


def parse_crop(text: str | None) -> Crop | None:
    """`"64,100,128"` as top, left and side; None stays None.

    Raises:
        InputError: not three whole numbers.
    """
    from pellucid.benchmark.figures import Crop

    if text is None:
        return None
    match = re.fullmatch(r"(\d+),(\d+),(\d+)", text.replace(" ", ""))
    if not match:
        raise InputError(f"--crop {text}: write top,left,side in pixels, as in --crop 64,100,128")
    return Crop(*map(int, match.groups()))

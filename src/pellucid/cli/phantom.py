"""`pellucid phantom`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cyclopts.types import PositiveInt

from pellucid.data.output_paths import refuse_existing
from pellucid.io.writing import write_array
from pellucid.report import terminal
from pellucid.simulation.phantom import tissue


def phantom(
    output: Path,
    *,
    count: PositiveInt = 8,
    size: int = 512,
    depth: PositiveInt = 1,
    seed: int = 0,
    polarity: Literal["dark", "light"] = "dark",
    overwrite: bool = False,
) -> None:
    """Make clean electron-microscopy-like tissue to try things on.

    Parameters
    ----------
    output
        Folder for the images, phantom_000.png and on (volumes: .tif).
    count
        How many.
    size
        Side in pixels.
    depth
        Slices; more than one makes volumes, continuous along z.
    seed
        Image k comes from seed + k.
    polarity
        "dark" membranes, or "light" ones as in other stains.
    overwrite
        Replace files that exist.
    """
    shape = (size, size) if depth == 1 else (depth, size, size)
    extension = "png" if depth == 1 else "tif"
    paths = [output / f"phantom_{number:03d}.{extension}" for number in range(count)]
    if not overwrite:
        refuse_existing(paths)
    with terminal.progress_over(list(enumerate(paths)), "making tissue") as numbered:
        for number, path in numbered:
            write_array(path, tissue(shape, seed + number, polarity), overwrite=overwrite)
    terminal.say(f"{count} images written to {output}")

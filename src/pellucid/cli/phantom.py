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
    """Make clean images of artificial tissue that resembles electron microscopy.

    Parameters
    ----------
    output
        Folder for the images phantom_000.png, phantom_001.png, ... (volumes: .tif).
    count
        Number of images, as in `--count 12`.
    size
        Side of an image in pixels.
    depth
        Number of slices; more than one makes volumes, continuous along z.
    seed
        Seed of the first image; image k has the seed plus k.
    polarity
        "dark" membranes, or "light" membranes as with other stains.
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
    terminal.say(f"{count} image{'s' * (count != 1)} written to {output}")

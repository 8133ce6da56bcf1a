"""The time of whole commands, in seconds and relative to the import of torch.

Each program is a process of its own. `denoise` cleans one 8-bit TIFF with an untrained model; training does not
affect the time.

    python performance/startup.py [--side 512] [--seconds 60]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from _common import medians, parser, show

from pellucid.data.intensity_range import IntensityRange
from pellucid.io.writing import write_array
from pellucid.methods import build_denoiser, make_recipe
from pellucid.recipe import LearningRecipe
from pellucid.runs.folder import Run
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue

WIDTHS = 16, 32
"""Widths of the networks in the presets "quick" and "paper"."""

TORCH = "import torch"


def untrained(folder: Path, width: int) -> Path:
    """The folder of an untrained run."""
    recipe = make_recipe("proposed", "quick", {"width": width})
    assert isinstance(recipe, LearningRecipe)
    run = Run(folder)
    run.start(recipe, {"noisy": IntensityRange.from_limits(0, 255)}, {"noisy": np.dtype(np.uint8)}, {})
    run.save_weights(recipe.weights, build_denoiser(recipe).state_dict(), 0)
    return folder


def started(*arguments: object) -> Callable[[], object]:
    """A program that runs Python with these arguments."""
    command = [sys.executable, *map(str, arguments)]
    return lambda: subprocess.run(command, check=True, capture_output=True)


def measure(side: int, seconds: float) -> list[dict[str, Any]]:
    """The table: a row for each program."""
    with tempfile.TemporaryDirectory() as scratch:
        image, output = Path(scratch) / "in.tif", Path(scratch) / "out.tif"
        write_array(image, simulate(tissue((side, side), seed=1), "film", seed=1))
        programs = {
            TORCH: started("-c", TORCH),
            "import pellucid": started("-c", "import pellucid"),
            "pellucid --help": started("-m", "pellucid", "--help"),
            "pellucid methods": started("-m", "pellucid", "methods"),
        }
        for width in WIDTHS:
            run = untrained(Path(scratch) / f"run{width}", width)
            arguments = ("denoise", image, output, "--model", run, "--overwrite")
            programs[f"pellucid denoise, width {width}"] = started("-m", "pellucid", *arguments)
        times = medians(programs, seconds)
    return [{"program": name, "s": took, "ratio": took / times[TORCH]} for name, took in times.items()]


def main() -> None:
    """Measure every program in turns."""
    arguments = parser(__doc__)
    arguments.add_argument("--side", type=int, default=512, help="of the image, in pixels")
    arguments.add_argument("--seconds", type=float, default=60)
    options = arguments.parse_args()
    show(
        f"From start to end, one image of {options.side}×{options.side}",
        measure(options.side, options.seconds),
        options,
    )


if __name__ == "__main__":
    main()

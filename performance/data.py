"""The time to draw the patches of a batch, as part of a training step, which must never wait for it.

In turns in one process, for each preset and batch: the training step of a recipe on patches that are there already,
and the drawing of its batches (noisy and clean) from

    large     4 images of 1024×1024 pixels, in memory
    small     1000 images of 96×96 pixels, in memory
    16 bit    as large, of 16 bits
    mapped    as 16 bit, in a mapped file that the system has in its memory
    resident  as large, cut where the step is taken: with --device cuda this is what a training does
    official  as large, by the published pipeline

    python performance/data.py [--presets quick paper] [--batch 4 64] [--seconds 5] [--device cpu]
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _common import Program, medians, parser, show
from _steps import our_step, recipe_of
from numpy.typing import NDArray
from torch import Tensor

from pellucid.data.intensity_range import IntensityRange
from pellucid.data.patches import GpuPatches, OfficialBatches, Patches, RandomBatches
from pellucid.recipe import LearningRecipe

Images = list[NDArray[Any]]


def images(number: int, side: int, dtype: str) -> Images:
    """Images of noise; the content does not affect the time."""
    random = np.random.default_rng(0)
    return list(random.integers(0, 256, (number, side, side)).astype(dtype))


def mapped(folder: Path, given: Images) -> Images:
    """The same images in a memory-mapped file."""
    np.save(folder / "images.npy", np.stack(given))
    return list(np.load(folder / "images.npy", mmap_mode="r"))


def sources(folder: Path, size: int, device: torch.device) -> dict[str, Patches | GpuPatches]:
    """Where patches are drawn from, by name."""
    wide = images(4, 1024, "uint16")
    kinds = {
        "large": images(4, 1024, "uint8"),
        "small": images(1000, 96, "uint8"),
        "16 bit": wide,
        "mapped": mapped(folder, wide),
    }
    patches = {
        name: Patches(given, IntensityRange.from_limits(0, 255).normalize, size) for name, given in kinds.items()
    }
    return {**patches, "resident": GpuPatches(patches["large"], device)}


def drawing(batches: Callable[[int], Mapping[str, Tensor]], device: torch.device) -> Program:
    """The next batch, where the step is taken, each time it is called."""
    numbers = count(1)
    return lambda: [patches.to(device) for patches in batches(next(numbers)).values()]


def measure(recipe: LearningRecipe, folder: Path, seconds: float, device: torch.device) -> list[dict[str, Any]]:
    """The rows of a preset and batch."""
    found = sources(folder, recipe.patch, device)
    programs = {
        name: drawing(RandomBatches({"noisy": source, "clean": source}, recipe.batch, recipe.seed), device)
        for name, source in found.items()
    }
    programs["official"] = drawing(OfficialBatches(found["large"], found["large"], recipe.batch, recipe.seed), device)
    times = medians({"step": our_step(recipe, str(device)), **programs}, seconds)
    return [
        {
            "source": name,
            "preset": recipe.preset,
            "batch": recipe.batch,
            "ms a batch": times[name] * 1e3,
            "ms a step": times["step"] * 1e3,
            "percent of a step": 100 * times[name] / times["step"],
        }
        for name in programs
    ]


def main() -> None:
    """Measure each preset and batch."""
    arguments = parser(__doc__)
    arguments.add_argument("--recipe", default="proposed")
    arguments.add_argument("--presets", nargs="+", default=["quick", "paper"])
    arguments.add_argument("--batch", type=int, nargs="+", default=[4, 64])
    arguments.add_argument("--seconds", type=float, default=5, help="for each preset and batch; more if it is slow")
    arguments.add_argument("--device", default="cpu")
    options = arguments.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for preset in options.presets:
            for batch in options.batch:
                recipe = recipe_of(options.recipe, preset, batch=batch)
                rows += measure(recipe, Path(folder), options.seconds, torch.device(options.device))
    show(f"Drawing a batch, as part of a training step of {options.recipe}, on {options.device}", rows, options)


if __name__ == "__main__":
    main()

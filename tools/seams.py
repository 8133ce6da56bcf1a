"""The picture of `docs/large_images.md`: tiles with statistics of their own, and with those of the whole image.

python tools/seams.py RUN docs/images/seams.png
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pellucid.inference import ActivationCache, FrozenDenoiser, View, exact_statistics
from pellucid.inference.tiles import tile_around
from pellucid.model import Model
from pellucid.report.pictures import image_grid
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue

SIDE, TILE = 384, 96
RANGE = 40, 220
MIDDLE, GAIN = 130, 4
"""Grey level of no difference, and factor on the others, in the picture of differences."""


def main() -> None:
    """Make phantom tissue that is dark on one side, denoise it in tiles in both ways, and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("picture", type=Path)
    options = parser.parse_args()
    model = Model.load(options.run)
    shade = np.linspace(0.6, 1.2, SIDE)
    noisy = np.clip(simulate(tissue((SIDE, SIDE), seed=21), "film", seed=1) * shade, 0, 255).astype(np.uint8)
    view = View.of_array(model.intensity_range.normalize(noisy), model.denoiser.stride)
    frozen = FrozenDenoiser(model.denoiser, TILE)
    with ActivationCache(1e9) as cache:
        frozen.use(exact_statistics(model.denoiser, view, TILE, cache))
    shared = frozen.denoise(view, view.whole).image
    alone = _alone(model, view)
    difference = (
        MIDDLE
        + GAIN * model.intensity_range.denormalize(alone - shared)
        - GAIN * model.intensity_range.denormalize(0 * alone)
    )
    columns: dict[str, NDArray[Any]] = {
        "noisy": noisy,
        "tiles, each with statistics of its own": model.intensity_range.denormalize(alone),
        "tiles that share those of the whole image": model.intensity_range.denormalize(shared),
        f"what the former do wrong, {GAIN} times": difference,
    }
    image_grid([list(columns.values())], list(columns), options.picture, display_range=RANGE, overwrite=True)


@torch.no_grad()
def _alone(model: Model, view: View) -> NDArray[np.float32]:
    """Tiles as they are often made: overlapping by all that the network sees, but each measured by itself."""
    result = np.empty(view.shape, np.float32)
    for core in view.whole.cut(TILE):
        read = tile_around(core, view.height, view.width, model.denoiser.halo, model.denoiser.stride).read
        rows, columns = core.within(read).slices
        result[core.slices] = model.denoiser(view(read))[0, 0, rows, columns].numpy()
    return result


if __name__ == "__main__":
    main()

"""The pictures of `docs/troubleshooting.md`: tissue as it should be, and beside it a fault, drawn on it.

python tools/symptom_pictures.py docs/images/symptoms
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from pellucid.report.pictures import image_grid
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue

SIDE, TILE = 192, 64
CLOSE = np.s_[36:132, 12:108]
"""The part that is shown enlarged, of faults that are fine."""
Image = NDArray[np.float64]


def grid(truth: Image) -> Image:
    """A pattern that repeats every 4 pixels."""
    dots = [[24.0, -8, 8, -8], [-8, -8, -8, -8], [8, -8, 8, -8], [-8, -8, -8, 0]]
    return np.asarray(truth + np.tile(np.array(dots), (SIDE // 4, SIDE // 4)), np.float64)


def blur(truth: Image) -> Image:
    """Less than there is to see."""
    return np.asarray(gaussian_filter(truth, 3.0), np.float64)


def drift(truth: Image) -> Image:
    """Brighter, and with less contrast."""
    return 0.8 * truth + 60


def bars(truth: Image) -> Image:
    """Shadows of charging, without its fine noise."""
    charged = simulate(truth.astype(np.uint8), "charge", seed=2)
    return np.minimum(truth, np.asarray(gaussian_filter(charged.astype(np.float64), 2.0)) * 1.1)


def texture(truth: Image) -> Image:
    """Worms of two pixels that no truth has."""
    field = np.random.default_rng(0).normal(size=truth.shape)
    worms = gaussian_filter(field, 1.6) - gaussian_filter(field, 3.2)
    return np.asarray(truth + 14 * worms / worms.std(), np.float64)


def seams(truth: Image) -> Image:
    """Tiles, each stretched to the same mean and contrast."""
    result = truth.copy()
    for row in range(0, SIDE, TILE):
        for column in range(0, SIDE, TILE):
            tile = result[row : row + TILE, column : column + TILE]
            tile[:] = 130 + 32 * (tile - tile.mean()) / tile.std()
    return result


FAULTS: tuple[Callable[[Image], Image], ...] = (grid, blur, drift, bars, texture, seams)

FINE = grid, blur, texture


def main() -> None:
    """Draw a picture for each fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    truth = tissue((SIDE, SIDE), seed=42).astype(np.float64)
    for fault in FAULTS:
        part = CLOSE if fault in FINE else np.s_[:]
        shown = [np.clip(np.rint(each[part]), 0, 255).astype(np.uint8) for each in (truth, fault(truth))]
        titles = ["as it should be", fault.__name__]
        image_grid([shown], titles, folder / f"{fault.__name__}.png", (0, 255), overwrite=True)


if __name__ == "__main__":
    main()

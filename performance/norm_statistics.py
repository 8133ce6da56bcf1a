"""The loss of quality if the norms' statistics come from a sample or from training instead of the whole image.

For every run, over images with known truth: PSNR and SSIM with each image's own statistics (the whole image at once),
with sampled ones, with those of training patches; how far tiles differ from the whole with exact statistics; and in
each mode the seam ratio of tiles of `--tile` pixels: gradient across their borders over gradient elsewhere, divided by
the same ratio in the whole-image result, for the image itself may have more or less of it there. Flicker is how much
the error of the mean brightness varies from image to image, in grey levels. Exact cost is the time that measuring exact
statistics takes, over that of denoising with them.

    python performance/norm_statistics.py RUN [RUN ...] --noisy FOLDER --clean FOLDER [--tile 128]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _common import medians, parser, show
from numpy.typing import NDArray

from pellucid.data.source import open_source
from pellucid.evaluation import psnr, ssim
from pellucid.inference import (
    ActivationCache,
    FrozenDenoiser,
    Statistics,
    View,
    denoise_plane,
    exact_statistics,
    patch_statistics,
    sample_statistics,
)
from pellucid.inference.tiles import Box
from pellucid.model import Model
from pellucid.runs.folder import Run

Plane = NDArray[np.float32]
PATCHES, SIDE = 64, 64
"""Patches for runs without stored statistics, and their side."""


def main() -> None:
    """Measure every run."""
    arguments = parser(__doc__)
    arguments.add_argument("runs", type=Path, nargs="+")
    arguments.add_argument("--noisy", nargs="+", required=True)
    arguments.add_argument("--clean", nargs="+", required=True)
    arguments.add_argument("--tile", type=int, default=128)
    options = arguments.parse_args()
    noisy = [plane.read() for plane in open_source(options.noisy).planes]
    clean = [plane.read() for plane in open_source(options.clean).planes]
    rows = [measure(run, noisy, clean, options.tile) for run in options.runs]
    show(f"Statistics of norms, over {len(noisy)} images, tiles of {options.tile}", rows, options)


def measure(run: Path, noisy: Sequence[NDArray[Any]], clean: Sequence[NDArray[Any]], side: int) -> dict[str, Any]:
    """One row of the table."""
    model = Model.load(run)
    model.trained = model.trained or patch_statistics(model.denoiser, training_patches(run, model))
    denoiser = model.denoiser
    units = [model.intensity_range.normalize(image) for image in noisy]
    views = [View.of_array(unit, denoiser.stride) for unit in units]
    frozen = FrozenDenoiser(denoiser, side)
    whole = [denoise_plane(denoiser, unit, 1e15).image for unit in units]
    row: dict[str, Any] = {"run": model.recipe.name, "exact cost": _cost(frozen, model, views[0], side)}
    row |= {"PSNR": _mean_score(psnr, model, whole, clean), "SSIM": _mean_score(ssim, model, whole, clean)}
    for name, statistics in modes(model, views, side).items():
        tiled = [_tiled(frozen, view, each) for view, each in zip(views, statistics, strict=True)]
        if name == "exact":
            row["tiled − whole"] = float(max(np.abs(a - b).max() for a, b in zip(tiled, whole, strict=True)))
        else:
            row[f"{name} dPSNR"] = _mean_score(psnr, model, tiled, clean) - row["PSNR"]
            row[f"{name} dSSIM"] = _mean_score(ssim, model, tiled, clean) - row["SSIM"]
        row[f"{name} flicker"] = _flicker(model, tiled, clean)
        row[f"{name} seams"] = float(
            np.mean([_seams(a, side) / _seams(b, side) for a, b in zip(tiled, whole, strict=True)])
        )
    return row


def modes(model: Model, views: Sequence[View], side: int) -> dict[str, list[Statistics]]:
    """For each mode the statistics of each image."""
    denoiser = model.denoiser
    with ActivationCache(1e9) as cache:
        exact = [exact_statistics(denoiser, view, side, cache) for view in views]
        sample = sample_statistics(denoiser, views, 0, cache)
    assert sample is not None
    assert model.trained is not None
    return {"exact": exact, "sampled": [sample.statistics] * len(views), "trained": [model.trained] * len(views)}


def training_patches(run: Path, model: Model) -> torch.Tensor:
    """Patches (N, 1, h, w) of the noisy images that a run has learned from."""
    planes = open_source(Run(run).sources()["noisy"]["path"]).planes
    rng = np.random.default_rng(0)
    cut = []
    for _ in range(PATCHES):
        plane = planes[rng.integers(len(planes))]
        top, left = (int(rng.integers(size - SIDE)) for size in plane.shape)
        cut.append(model.intensity_range.normalize(plane[top : top + SIDE, left : left + SIDE]))
    return torch.from_numpy(np.stack(cut))[:, None]


def _tiled(frozen: FrozenDenoiser, view: View, statistics: Statistics) -> Plane:
    frozen.use(statistics)
    return frozen.denoise(view, Box(0, view.shape[0], 0, view.shape[1])).image


def _mean_score(score: Any, model: Model, results: Sequence[Plane], clean: Sequence[NDArray[Any]]) -> float:
    back = [np.clip(np.rint(model.intensity_range.denormalize(unit)), 0, 255) for unit in results]
    return float(np.mean([score(a, b, 255) for a, b in zip(back, clean, strict=True)]))


def _cost(frozen: FrozenDenoiser, model: Model, view: View, side: int) -> float:
    """Time of measuring exact statistics over that of denoising with them."""
    with ActivationCache(1e9) as cache:
        statistics = exact_statistics(model.denoiser, view, side, cache)
        programs: dict[str, Callable[[], object]] = {
            "measuring": lambda: exact_statistics(model.denoiser, view, side, cache),
            "denoising": lambda: _tiled(frozen, view, statistics),
        }
        times = medians(programs, seconds=0)
    return times["measuring"] / times["denoising"]


def _flicker(model: Model, results: Sequence[Plane], clean: Sequence[NDArray[Any]]) -> float:
    """Standard deviation, over the images, of how much too bright each is, in grey levels."""
    errors = [model.intensity_range.denormalize(a).mean() - b.mean() for a, b in zip(results, clean, strict=True)]
    return float(np.std(errors))


def _seams(image: Plane, side: int) -> float:
    """Gradient across the borders of tiles over gradient elsewhere."""
    steps = [np.abs(np.diff(image, axis=axis)).mean(axis=1 - axis) for axis in (0, 1)]
    borders = [np.arange(1, size) % side == 0 for size in image.shape]
    at = np.concatenate([step[border] for step, border in zip(steps, borders, strict=True)])
    elsewhere = np.concatenate([step[~border] for step, border in zip(steps, borders, strict=True)])
    return float(at.mean() / elsewhere.mean())


if __name__ == "__main__":
    main()

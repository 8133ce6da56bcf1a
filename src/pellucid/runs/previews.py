"""Pictures of the same crops at different steps, which show whether the result still improves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pellucid.data.intensity_range import IntensityRange
from pellucid.data.sample import evenly_spaced
from pellucid.methods import Denoiser
from pellucid.report.pictures import image_grid

SIDE = 192
ROWS = 3
WIDTHS = (0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
"""Standard deviations of Gaussian filters to choose from, in pixels."""

NEARLY = 1.05
"""Mean squared error, relative to the smallest, up to which predictions count as nearly the best."""

Images = Sequence[NDArray[Any]]

REFERENCES = {"clean": "clean, of other tissue", "pairs": "partner"}
"""Headings of the column for comparison, by the kind of its images."""


class Previews:
    """Crops of the noisy images, the same after a Gaussian filter, and clean crops for comparison.

    Args:
        images: images (Y, X) by kind; with "pairs" the partners of the crops are shown, with "clean" other clean crops.
        intensities: intensity range of each kind.
        neighbours: for each noisy image the numbers of those around it, (images, slices); none by default.
    """

    def __init__(
        self,
        images: Mapping[str, Images],
        intensities: Mapping[str, IntensityRange],
        neighbours: NDArray[np.int64] | None = None,
    ) -> None:
        self.range = intensities["noisy"]
        kind = next((kind for kind in REFERENCES if kind in images), None)
        shown = [images["noisy"], *([images[kind]] if kind else [])]
        noisy, *references = _crops(shown)
        slices = np.arange(len(images["noisy"]))[None] if neighbours is None else neighbours.T
        cut = [_crops([[images["noisy"][number] for number in row], *shown[1:]])[0] for row in slices]
        self._stacks = [
            np.stack([self.range.network_input(crop) for crop in stack]) for stack in zip(*cut, strict=True)
        ]
        filtered, width = smoothed(noisy)
        self.crops = noisy
        self._before = {"noisy": noisy, f"Gaussian filter, σ {width:g}": filtered}
        self._after: dict[str, Images] = {}
        for crops in references:
            assert kind is not None
            # in the intensity range of the noisy images
            alike = [self.range.denormalize(intensities[kind].normalize(crop)) for crop in crops]
            self._after[REFERENCES[kind]] = alike

    def draw(self, last: Denoiser, average: Denoiser, heading: str, path: Path) -> None:
        """Write a picture with a column for each denoiser, between those of the filter and of the clean crops.

        Raises:
            InputError: no permission to write the file.
            RunError: the disk is full.
        """
        columns: dict[str, Images] = {**self._before, **self._learned(last, average), **self._after}
        image_grid(
            list(zip(*columns.values(), strict=True)),
            list(columns),
            path,
            display_range=(self.range.low, self.range.high),
            heading=heading,
            overwrite=True,
        )

    @torch.no_grad()
    def _learned(self, last: Denoiser, average: Denoiser) -> dict[str, Images]:
        names = last.estimate_names if len(last.estimate_names) > 1 else ()
        columns: dict[str, list[NDArray[Any]]] = {
            name: [] for name in (*names, "denoised (last)", "denoised (average)")
        }
        for stack in self._stacks:
            noisy = torch.from_numpy(stack)[None].to(last.device)
            estimates = last.estimates(noisy)
            made = [*(estimates[name] for name in names), last.combine(estimates), average(noisy)]
            for column, image in zip(columns.values(), made, strict=True):
                column.append(self.range.denormalize(image[0, 0].cpu().numpy()))
        return dict(columns)


def smoothed(images: Images) -> tuple[list[NDArray[np.float32]], float]:
    """Return the images (Y, X) after a Gaussian filter, and its standard deviation in pixels.

    The width is chosen without the truth: a filter is good if it predicts pixels well from those around them
    (self-supervision: Batson & Royer 2019). If noise is correlated between pixels, narrow filters predict the noise
    too; so the widest filter is taken that predicts nearly as well as the best.
    """
    from scipy.ndimage import gaussian_filter

    floats = [image.astype(np.float32) for image in images]
    errors = {width: sum(_prediction_error(image, width) for image in floats) for width in WIDTHS}
    chosen = max(width for width, error in errors.items() if error <= NEARLY * min(errors.values()))
    return [gaussian_filter(image, chosen, mode="nearest") for image in floats], chosen


def _prediction_error(image: NDArray[np.float32], width: float) -> float:
    """Mean squared error of predicting each pixel by a Gaussian filter with a hole of 3×3 pixels."""
    from scipy.ndimage import gaussian_filter

    offsets = np.arange(-np.ceil(4 * width), np.ceil(4 * width) + 1)
    weights = np.exp(-0.5 * (offsets / width) ** 2)
    inside = (weights[np.abs(offsets) <= 1].sum() / weights.sum()) ** 2
    whole, hole = (gaussian_filter(image, width, mode="nearest", radius=radius) for radius in (len(offsets) // 2, 1))
    predicted = (whole - inside * hole) / (1 - inside)
    return float(np.mean((predicted - image) ** 2))


def _crops(sources: Sequence[Images]) -> list[list[NDArray[Any]]]:
    """Cut central crops of one size from images spread over each source; the same for the same sources."""
    chosen = [[images[i] for i in evenly_spaced(len(images), ROWS)] for images in sources]
    side = min(SIDE, *(length for images in chosen for image in images for length in image.shape)) // 16 * 16
    crops = [[_central(image, side) for image in images] for images in chosen]
    rows = len(crops[0])
    return [[images[row % len(images)] for row in range(rows)] for images in crops]


def _central(image: NDArray[Any], side: int) -> NDArray[Any]:
    """Cut the middle of an image; pixels that are not finite get the mean of the others."""
    y, x = ((length - side) // 2 for length in image.shape)
    crop = np.array(image[y : y + side, x : x + side])
    known = np.isfinite(crop)
    if not known.all():
        crop[~known] = crop[known].mean() if known.any() else 0
    return crop

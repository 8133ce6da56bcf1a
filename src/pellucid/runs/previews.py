"""The same places again and again while a method learns, so that a person sees whether it is better yet."""

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
"""Mean squared error of guesses that are nearly as good as the best, as a multiple of theirs."""

Images = Sequence[NDArray[Any]]

REFERENCES = {"clean": "clean, of other tissue", "pairs": "partner"}
"""What the denoised crops are to look like, by the kind of images, in words."""


class Previews:
    """Crops of the noisy images, what a plain filter makes of them, and what they are to look like.

    Args:
        images: (Y, X) by kind; with "pairs" the crops' partners are shown, with "clean" crops of the clean images.
        intensities: the range of each kind.
    """

    def __init__(self, images: Mapping[str, Images], intensities: Mapping[str, IntensityRange]) -> None:
        self.range = intensities["noisy"]
        kind = next((kind for kind in REFERENCES if kind in images), None)
        shown = [images["noisy"], *([images[kind]] if kind else [])]
        noisy, *references = _crops(shown)
        filtered, width = smoothed(noisy)
        self.crops = noisy
        self._before = {"noisy": noisy, f"Gaussian filter, σ {width:g}": filtered}
        self._after: dict[str, Images] = {}
        for crops in references:
            assert kind is not None
            # as bright as the denoiser would have made them
            alike = [self.range.denormalize(intensities[kind].normalize(crop)) for crop in crops]
            self._after[REFERENCES[kind]] = alike

    def draw(self, last: Denoiser, average: Denoiser, heading: str, path: Path) -> None:
        """Write the picture of how far both are: a column for each, between filter and reference.

        Raises:
            InputError: it may not be written.
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
        for crop in self.crops:
            noisy = torch.from_numpy(self.range.network_input(crop))[None, None].to(last.device)
            estimates = last.estimates(noisy)
            made = [*(estimates[name] for name in names), last.combine(estimates), average(noisy)]
            for column, image in zip(columns.values(), made, strict=True):
                column.append(self.range.denormalize(image[0, 0].cpu().numpy()))
        return dict(columns)


def smoothed(images: Images) -> tuple[list[NDArray[np.float32]], float]:
    """The images (Y, X) after a Gaussian filter, and its standard deviation in pixels.

    No truth is needed to choose it: a filter is as good as it guesses pixels from those around them (self-supervision:
    Batson & Royer 2019). Where noise reaches across pixels, narrow filters guess the noise as well; so the widest one
    is taken that guesses nearly as well as the best.
    """
    from scipy.ndimage import gaussian_filter

    floats = [image.astype(np.float32) for image in images]
    errors = {width: sum(_error_of_guesses(image, width) for image in floats) for width in WIDTHS}
    chosen = max(width for width, error in errors.items() if error <= NEARLY * min(errors.values()))
    return [gaussian_filter(image, chosen, mode="nearest") for image in floats], chosen


def _error_of_guesses(image: NDArray[np.float32], width: float) -> float:
    """Mean squared difference of each pixel from what a Gaussian filter with a hole of 3×3 makes of the others."""
    from scipy.ndimage import gaussian_filter

    offsets = np.arange(-np.ceil(4 * width), np.ceil(4 * width) + 1)
    weights = np.exp(-0.5 * (offsets / width) ** 2)
    inside = (weights[np.abs(offsets) <= 1].sum() / weights.sum()) ** 2
    whole, hole = (gaussian_filter(image, width, mode="nearest", radius=radius) for radius in (len(offsets) // 2, 1))
    guesses = (whole - inside * hole) / (1 - inside)
    return float(np.mean((guesses - image) ** 2))


def _crops(sources: Sequence[Images]) -> list[list[NDArray[Any]]]:
    """Central crops of one size from images spread over each source; the same for the same sources."""
    chosen = [[images[i] for i in evenly_spaced(len(images), ROWS)] for images in sources]
    side = min(SIDE, *(length for images in chosen for image in images for length in image.shape)) // 16 * 16
    crops = [[_central(image, side) for image in images] for images in chosen]
    rows = len(crops[0])
    return [[images[row % len(images)] for row in range(rows)] for images in crops]


def _central(image: NDArray[Any], side: int) -> NDArray[Any]:
    """The middle of an image; what is no number there becomes as bright as the rest is on average."""
    y, x = ((length - side) // 2 for length in image.shape)
    crop = np.array(image[y : y + side, x : x + side])
    known = np.isfinite(crop)
    if not known.all():
        crop[~known] = crop[known].mean() if known.any() else 0
    return crop

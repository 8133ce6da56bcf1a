"""The paper's figures 3 and 4 for any data set: crops, and their errors against a truth or a baseline.

Where the crops lie is chosen without a look at how well any method did there: the first test images of a fold, their
centre, unless somebody says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from pellucid.errors import InputError
from pellucid.report.colormap import display_range_of
from pellucid.report.pictures import error_maps, image_grid

Image = NDArray[Any]

SIDE = 128
"""Of a crop in pixels, if the images are not smaller."""

NOISY, TRUTH = "noisy", "truth"


class Crop(NamedTuple):
    """A square window: its top left pixel, and its side."""

    y: int
    x: int
    side: int

    def of(self, image: Image, name: str) -> Image:
        """That part of an image (Y, X).

        Raises:
            InputError: it is not inside the image.
        """
        height, width = image.shape
        if self.side < 1 or min(self.y, self.x) < 0 or self.y + self.side > height or self.x + self.side > width:
            raise InputError(
                f"crop {self.y},{self.x},{self.side} (y,x,side) does not lie inside {name} of {height}×{width} pixels"
            )
        return image[self.y : self.y + self.side, self.x : self.x + self.side]


def centre(shape: Sequence[int], side: int = SIDE) -> Crop:
    """The square in the middle, of at most that side."""
    height, width = shape
    side = min(side, height, width)
    return Crop((height - side) // 2, (width - side) // 2, side)


@dataclass(frozen=True)
class Place:
    """One window of one test image.

    Attributes:
        name: of the image.
        images: the same window (Y, X) by method, noisy first; all on one scale of intensities.
        truth: of the same window, where it is known.
    """

    name: str
    images: Mapping[str, Image]
    truth: Image | None = None

    @property
    def columns(self) -> dict[str, Image]:
        """Noisy, methods, truth."""
        return {**self.images, TRUTH: self.truth} if self.truth is not None else dict(self.images)


def crops_figure(places: Sequence[Place], path: Path, heading: str, *, overwrite: bool = False) -> None:
    """A row a place: noisy, each method, truth, on one grey scale.

    Raises:
        InputError: places of different shapes or columns, or a picture that exists.
    """
    rows = [list(place.columns.values()) for place in places]
    image_grid(rows, list(places[0].columns), path, _shades(places), heading, overwrite)


def heat_figure(places: Sequence[Place], reference: str, path: Path, heading: str, *, overwrite: bool = False) -> None:
    """Below each row of crops the heat maps of |image − reference|, all of the figure on one scale.

    Args:
        places: with the same columns, of the same shape.
        reference: the column that the others are compared with: "truth", or a method where there is none.
        path: of the picture.
        heading: a line above all.
        overwrite: whether an existing picture may be replaced.

    Raises:
        InputError: the reference is no column, or the picture exists.
    """
    rows = [place.columns for place in places]
    # the noisy image would set the scale, and differences between methods would be dark
    error_maps(rows, reference, path, _shades(places), heading, unscaled=(NOISY,), overwrite=overwrite)


def _shades(places: Sequence[Place]) -> tuple[float, float]:
    """Black and white of all crops, by the truth or, without one, by the noisy images: no method has a say."""
    return display_range_of(*(place.images[NOISY] if place.truth is None else place.truth for place in places))

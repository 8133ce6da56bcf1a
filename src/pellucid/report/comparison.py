"""The pictures of one image on a page: noisy, denoised, and either truth and error or the removed noise."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pellucid.errors import InputError
from pellucid.report.colormap import (
    Bytes,
    Range,
    absolute_difference,
    colour_table,
    difference_limit,
    grey,
    grey_range,
    levels,
    plane,
    png,
)

MOST_SIDE = 1024  # larger images are cropped, so that a page can be sent by e-mail


@dataclass(frozen=True)
class ImageComparison:
    """One image before and after denoising.

    Attributes:
        name: its name on the page, such as its file name.
        noisy: the image (Y, X) before.
        denoised: the image after, of the same shape and in the same units.
        truth: the clean image, if it is known.
        display_range: intensities shown as black and white; None means (0, 255), for uint8 only.
        others: further results of the same image, by what is written below them.
    """

    name: str
    noisy: ArrayLike
    denoised: ArrayLike
    truth: ArrayLike | None = None
    display_range: Range | None = None
    others: Mapping[str, ArrayLike] = field(default_factory=dict)


@dataclass(frozen=True)
class Picture:
    """One picture on the page: its caption, and its PNG as a data URL."""

    label: str
    url: str


@dataclass(frozen=True)
class ComparisonPictures:
    """The pictures of one image, in the order of the page.

    Attributes:
        name: the image's name.
        shape: (Y, X) of every picture, in pixels.
        cropped_from: (Y, X) of the whole image if only its middle is shown.
        display_range: the intensities shown as black and white.
        limit: the end of the error's colour bar; the grey scale of the removed noise goes from −limit to limit.
        pictures: noisy, denoised, other results, then truth and error, or removed noise.
    """

    name: str
    shape: tuple[int, int]
    cropped_from: tuple[int, int] | None
    display_range: Range
    limit: float
    pictures: tuple[Picture, ...]


def comparison_pictures(comparison: ImageComparison) -> ComparisonPictures:
    """Make the pictures of one image, pixel for pixel.

    Raises:
        InputError: images that are not (Y, X) or differ in shape, or an unknown display range.
    """
    try:
        images = _images(comparison)
        shades = grey_range(images["denoised"], comparison.display_range)
        whole = images["noisy"].shape
        images = {label: _middle(image) for label, image in images.items()}
        limit, last = _last_picture(images)
    except InputError as error:
        raise InputError(f"{comparison.name}: {error}") from error
    pictures = [Picture(label, _data_url(png(grey(image, shades)))) for label, image in images.items()]
    height, width = images["noisy"].shape
    cropped_from = None if whole == (height, width) else (whole[0], whole[1])
    return ComparisonPictures(comparison.name, (height, width), cropped_from, shades, limit, (*pictures, last))


def png_data_url(content: bytes) -> str:
    """PNG bytes as a data URL.

    Raises:
        InputError: the bytes are not a PNG.
    """
    if not content.startswith(b"\x89PNG\r\n\x1a\n"):
        raise InputError("only PNG pictures can be put on a page")
    return _data_url(content)


def _images(comparison: ImageComparison) -> dict[str, NDArray[Any]]:
    given = {"noisy": comparison.noisy, "denoised": comparison.denoised, **comparison.others, "truth": comparison.truth}
    images = {label: plane(image, label) for label, image in given.items() if image is not None}
    for label, image in images.items():
        if image.shape != images["noisy"].shape:
            raise InputError(f"{label} has shape {image.shape}, noisy has {images['noisy'].shape}: they must be equal")
    return images


def _last_picture(images: dict[str, NDArray[Any]]) -> tuple[float, Picture]:
    """The error if the truth is known, else the removed noise with zero as middle grey."""
    if "truth" in images:
        error = absolute_difference(images["denoised"], images["truth"])
        limit = difference_limit(error)
        return limit, Picture("error", _data_url(png(levels(error, limit), colour_table())))
    removed = images["noisy"].astype(np.float64) - images["denoised"]
    limit = difference_limit(np.abs(removed))
    return limit, Picture("removed noise", _data_url(png(grey(removed, (-limit, limit)))))


def _middle(image: NDArray[Any]) -> NDArray[Any]:
    starts = [max(0, (side - MOST_SIDE) // 2) for side in image.shape]
    return image[tuple(slice(start, start + MOST_SIDE) for start in starts)]


def _data_url(content: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(content).decode("ascii")


def colour_bar_css() -> str:
    """The colour map of errors as a CSS gradient, from left to right."""
    table: Bytes = colour_table()
    stops = (f"rgb({r} {g} {b})" for r, g, b in table[np.linspace(0, 255, 13).astype(int)])
    return f"linear-gradient(to right, {', '.join(stops)})"

"""The pictures of one comparison on a page: before, after, and either truth and error or the removed noise."""

from __future__ import annotations

import base64
from dataclasses import dataclass
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

MOST_SIDE = 1024  # larger images are cropped: a page is sent by mail


@dataclass(frozen=True)
class Comparison:
    """One place in the images, before and after.

    Attributes:
        name: what to call it, such as its file name.
        noisy: image (Y, X) before.
        denoised: image after, of the same shape and in the same units.
        truth: the clean image, where it is known.
        display_range: intensities shown as black and white; None means (0, 255), for uint8 alone.
    """

    name: str
    noisy: ArrayLike
    denoised: ArrayLike
    truth: ArrayLike | None = None
    display_range: Range | None = None


@dataclass(frozen=True)
class Shot:
    """One picture on the page: its caption and the PNG as an address that holds the picture itself."""

    label: str
    source: str


@dataclass(frozen=True)
class Shots:
    """The pictures of one comparison, in the order in which they stand.

    Attributes:
        name: of the comparison.
        shape: (Y, X) of every picture, in pixels.
        cropped_from: (Y, X) of the whole image if only its middle is shown.
        display_range: the intensities shown as black and white.
        limit: where the colour bar of the error ends, or grey of the removed noise, which goes from −limit to limit.
        pictures: noisy, denoised, and truth and error or removed noise.
    """

    name: str
    shape: tuple[int, int]
    cropped_from: tuple[int, int] | None
    display_range: Range
    limit: float
    pictures: tuple[Shot, ...]


def take_shots(comparison: Comparison) -> Shots:
    """Make the pictures of one comparison, pixel for pixel.

    Raises:
        InputError: images that are not (Y, X) or differ in shape, or an unknown display range, with the name.
    """
    try:
        images = _images(comparison)
        shades = grey_range(images["denoised"], comparison.display_range)
        whole = images["noisy"].shape
        images = {label: _middle(image) for label, image in images.items()}
        limit, last = _last_shot(images)
    except InputError as error:
        raise InputError(f"{comparison.name}: {error}") from error
    shots = [Shot(label, _address(png(grey(image, shades)))) for label, image in images.items()]
    height, width = images["noisy"].shape
    cropped_from = None if whole == (height, width) else (whole[0], whole[1])
    return Shots(comparison.name, (height, width), cropped_from, shades, limit, (*shots, last))


def picture_address(content: bytes) -> str:
    """PNG bytes as an address that holds the picture itself.

    Raises:
        InputError: the bytes are no PNG.
    """
    if not content.startswith(b"\x89PNG\r\n\x1a\n"):
        raise InputError("only PNG pictures can be put into a page")
    return _address(content)


def _images(comparison: Comparison) -> dict[str, NDArray[Any]]:
    given = {"noisy": comparison.noisy, "denoised": comparison.denoised, "truth": comparison.truth}
    images = {label: plane(image, label) for label, image in given.items() if image is not None}
    for label, image in images.items():
        if image.shape != images["noisy"].shape:
            raise InputError(f"{label} has shape {image.shape}, noisy has {images['noisy'].shape}: they must be equal")
    return images


def _last_shot(images: dict[str, NDArray[Any]]) -> tuple[float, Shot]:
    """The error where there is a truth, else what was removed, with middle grey for nothing."""
    if "truth" in images:
        error = absolute_difference(images["denoised"], images["truth"])
        limit = difference_limit(error)
        return limit, Shot("error", _address(png(levels(error, limit), colour_table())))
    removed = images["noisy"].astype(np.float64) - images["denoised"]
    limit = difference_limit(np.abs(removed))
    return limit, Shot("removed noise", _address(png(grey(removed, (-limit, limit)))))


def _middle(image: NDArray[Any]) -> NDArray[Any]:
    starts = [max(0, (side - MOST_SIDE) // 2) for side in image.shape]
    return image[tuple(slice(start, start + MOST_SIDE) for start in starts)]


def _address(content: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(content).decode("ascii")


def colour_bar_css() -> str:
    """The colour map of errors as a CSS gradient from left to right."""
    table: Bytes = colour_table()
    stops = (f"rgb({r} {g} {b})" for r, g, b in table[np.linspace(0, 255, 13).astype(int)])
    return f"linear-gradient(to right, {', '.join(stops)})"

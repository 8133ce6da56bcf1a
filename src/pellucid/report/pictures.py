"""Pictures to look at and to print: crops in a grid, and heat maps of how far they are from a reference."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from numpy.typing import ArrayLike, NDArray

from pellucid.errors import InputError
from pellucid.report.colormap import (
    Range,
    absolute_difference,
    colour_table,
    difference_limit,
    grey,
    grey_range,
    levels,
    plane,
)
from pellucid.report.grid import MUTED, GridGeometry, ImageGrid


def image_grid(
    rows: Sequence[Sequence[ArrayLike]],
    titles: Sequence[str],
    path: str | os.PathLike[str],
    display_range: Range | None = None,
    heading: str = "",
    overwrite: bool = False,
) -> None:
    """Draw crops side by side on one grey scale: a row for each place, a column for each version of it.

    Crops are never smoothed. One of their pixels is one pixel of the picture, or a square of them if crops are narrow.

    Args:
        rows: images (Y, X), all of one shape; every row as long as `titles`.
        titles: the line above each column, such as noisy, denoised, clean.
        path: the PNG to write.
        display_range: intensities shown as black and white; None means (0, 255), for uint8 only.
        heading: a line above all images.
        overwrite: whether an existing file may be replaced.

    Raises:
        InputError: rows of different lengths, images of different shapes, an unknown display range, an existing file.
    """
    images = [[plane(image, title) for image, title in zip(row, titles, strict=False)] for row in rows]
    if not images or not titles or any(len(row) != len(titles) for row in rows):
        lengths = sorted({len(row) for row in rows})
        raise InputError(f"a grid with {len(titles)} titles needs rows of as many images, got {lengths}")
    shape = _common_shape([image for row in images for image in row])
    grid = ImageGrid(GridGeometry(len(images), len(titles), shape, heading=bool(heading)))
    grid.heading(heading)
    for r, row in enumerate(images):
        for c, image in enumerate(row):
            grid.place(r, c, grey(image, grey_range(image, display_range)))
    for c, title in enumerate(titles):
        grid.title(0, c, title)
    grid.save(path, overwrite)


def error_maps(
    rows: Sequence[Mapping[str, ArrayLike]],
    reference: str,
    path: str | os.PathLike[str],
    display_range: Range | None = None,
    heading: str = "",
    unscaled: Collection[str] = (),
    overwrite: bool = False,
) -> None:
    """Draw rows of images and, below each row, the heat maps of |image − reference|.

    All heat maps share one colour bar, in the intensity units of the images. It ends above 99.5 % of the errors; an
    arrow shows that some lie beyond.

    Args:
        rows: images (Y, X) by the name of their column; the same names in every row, all images of one shape.
        reference: the column that the others are compared with.
        path: the PNG to write.
        display_range: intensities shown as black and white; None means (0, 255), for a uint8 reference only.
        heading: a line above all images.
        unscaled: columns whose errors do not set the end of the colour bar, unless there are no others.
        overwrite: whether an existing file may be replaced.

    Raises:
        InputError: nothing to compare, images of different shapes, an unknown display range, an existing file.
    """
    names = list(rows[0])
    if reference not in names or len(names) < 2:
        raise InputError(f"no image can be compared with {reference!r}: the figure has {', '.join(names)}")
    planes = [{name: plane(image, name) for name, image in row.items()} for row in rows]
    shape = _common_shape([image for row in planes for image in row.values()])
    shades = grey_range(planes[0][reference], display_range)
    errors = [_errors(row, reference) for row in planes]
    scaled = [error for row in errors for name, error in row.items() if name not in unscaled]
    limit = difference_limit(*scaled or [error for row in errors for error in row.values()])
    grid = ImageGrid(GridGeometry(2 * len(rows), len(names), shape, heading=bool(heading), captions=True, bar=True))
    grid.heading(heading)
    for r, (row, differences) in enumerate(zip(planes, errors, strict=True)):
        for c, (name, image) in enumerate(row.items()):
            grid.place(2 * r, c, grey(image, shades))
            grid.title(2 * r, c, name)
            if name == reference:
                grid.title(2 * r + 1, c, f"|image − {name}|", MUTED)
            else:
                grid.place(2 * r + 1, c, colour_table()[levels(differences[name], limit)])
                grid.title(2 * r + 1, c, f"mean {differences[name].mean():.3g}")
    grid.colour_bar(1, limit, beyond=any(error.max() > limit for row in errors for error in row.values()))
    grid.save(path, overwrite)


def _errors(images: Mapping[str, NDArray[Any]], reference: str) -> dict[str, NDArray[Any]]:
    """The difference of each image from the reference, by name."""
    return {name: absolute_difference(image, images[reference]) for name, image in images.items() if name != reference}


def _common_shape(images: Sequence[NDArray[Any]]) -> tuple[int, int]:
    shapes = sorted({image.shape for image in images})
    if len(shapes) > 1:
        raise InputError(f"images of shapes {shapes[0]} and {shapes[1]} do not fit into one picture: crop them alike")
    height, width = shapes[0]
    return height, width

"""Pictures to look at and to print: crops side by side, error maps against a truth, difference maps between methods."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np
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
from pellucid.report.grid import MUTED, Grid, Sheet


def contact_sheet(
    rows: Sequence[Sequence[ArrayLike]],
    titles: Sequence[str],
    path: str | os.PathLike[str],
    display_range: Range | None = None,
    heading: str = "",
    overwrite: bool = False,
) -> None:
    """Put crops side by side, one row a place and one column a version of it, on one grey scale.

    Crops are never smoothed: one pixel of theirs is one of the picture, or a square of equal ones if they are narrow.

    Args:
        rows: images (Y, X), all of one shape; every row as long as `titles`.
        titles: what stands above the columns, such as noisy, denoised, clean.
        path: the PNG to write.
        display_range: intensities shown as black and white; None means (0, 255), for uint8 alone.
        heading: a line above all.
        overwrite: whether an existing file may be replaced.

    Raises:
        InputError: rows of different lengths, images of different shapes, an unknown display range, an existing file.
    """
    images = [[plane(image, title) for image, title in zip(row, titles, strict=False)] for row in rows]
    if not images or not titles or any(len(row) != len(titles) for row in rows):
        lengths = sorted({len(row) for row in rows})
        raise InputError(f"a contact sheet with {len(titles)} titles needs rows of as many images, got {lengths}")
    grid = Grid(len(images), len(titles), _common_shape([image for row in images for image in row]), bool(heading))
    sheet = Sheet(grid)
    sheet.heading(heading)
    for r, row in enumerate(images):
        for c, image in enumerate(row):
            sheet.place(r, c, grey(image, grey_range(image, display_range)))
    for c, title in enumerate(titles):
        sheet.title(0, c, title)
    sheet.save(path, overwrite)


def error_maps(
    predictions: Mapping[str, ArrayLike],
    truth: ArrayLike,
    path: str | os.PathLike[str],
    display_range: Range | None = None,
    overwrite: bool = False,
) -> None:
    """Compare several methods with the truth: their crops in a row, below each the heat map of |prediction − truth|.

    All heat maps share one colour bar, in the intensity units of the images. It ends above 99.5 % of the errors; an
    arrow tells that some lie beyond.

    Args:
        predictions: image (Y, X) by the name of its method; the noisy image may be among them.
        truth: the clean image, of the same shape.
        path: the PNG to write.
        display_range: intensities shown as black and white; None means (0, 255), for a uint8 truth alone.
        overwrite: whether an existing file may be replaced.

    Raises:
        InputError: no predictions, images of different shapes, an unknown display range, an existing file.
    """
    if not predictions:
        raise InputError("error maps need at least one prediction")
    true = plane(truth, "truth")
    shades = grey_range(true, display_range)
    images = {name: plane(image, name) for name, image in predictions.items()}
    _common_shape([true, *images.values()])
    errors = [absolute_difference(image, true) for image in images.values()]
    limit = difference_limit(*errors)

    sheet = Sheet(Grid(2, len(images) + 1, true.shape, captions=True, bar=True))
    sheet.place(0, 0, grey(true, shades))
    sheet.title(0, 0, "truth")
    sheet.title(1, 0, "|prediction − truth|", MUTED)
    for column, ((name, image), error) in enumerate(zip(images.items(), errors, strict=True), start=1):
        sheet.place(0, column, grey(image, shades))
        sheet.title(0, column, name)
        sheet.place(1, column, _heat(error, limit))
        sheet.title(1, column, f"mean {error.mean():.3g}")
    sheet.colour_bar(1, limit, beyond=max(error.max() for error in errors) > limit)
    sheet.save(path, overwrite)


def difference_map(
    a: ArrayLike,
    b: ArrayLike,
    titles: tuple[str, str],
    path: str | os.PathLike[str],
    display_range: Range | None = None,
    overwrite: bool = False,
) -> None:
    """Compare two methods where there is no truth: both crops and the heat map of |a − b| with its colour bar.

    Args:
        a: image (Y, X) of the first method.
        b: image of the second method, of the same shape.
        titles: names of the two methods.
        path: the PNG to write.
        display_range: intensities shown as black and white; None means (0, 255), for uint8 alone.
        overwrite: whether an existing file may be replaced.

    Raises:
        InputError: images of different shapes, an unknown display range, an existing file.
    """
    first, second = plane(a, titles[0]), plane(b, titles[1])
    difference = absolute_difference(first, second)
    limit = difference_limit(difference)
    sheet = Sheet(Grid(1, 3, first.shape, bar=True))
    for column, image in enumerate((first, second)):
        sheet.place(0, column, grey(image, grey_range(image, display_range)))
        sheet.title(0, column, titles[column])
    sheet.place(0, 2, _heat(difference, limit))
    sheet.title(0, 2, f"|difference|, mean {difference.mean():.3g}")
    sheet.colour_bar(0, limit, beyond=bool(difference.max() > limit))
    sheet.save(path, overwrite)


def _heat(difference: NDArray[np.float64], limit: float) -> NDArray[np.uint8]:
    coloured: NDArray[np.uint8] = colour_table()[levels(difference, limit)]
    return coloured


def _common_shape(images: Sequence[NDArray[np.generic]]) -> tuple[int, int]:
    shapes = sorted({image.shape for image in images})
    if len(shapes) > 1:
        raise InputError(f"images of shapes {shapes[0]} and {shapes[1]} cannot stand in one picture: crop them alike")
    height, width = shapes[0]
    return height, width

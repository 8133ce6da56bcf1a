"""A grid of images in which one image pixel is exactly one picture pixel, or a whole number of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pellucid.files import replacing
from pellucid.report.colormap import COLOUR_MAP, Bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 100
INK, MUTED = "#1c1b19", "#6b6862"
MARGIN, GAP, LINE = 18, 8, 22
LEAST_CELL = 160  # narrower crops are enlarged by a whole factor: captions need room


@dataclass(frozen=True)
class GridGeometry:
    """Where the cells of an image grid lie, in picture pixels from the top left.

    Attributes:
        rows: number of rows.
        columns: number of columns.
        shape: (Y, X) of every image.
        heading: whether there is a line above all images.
        captions: whether every row has a line above it, not only the first.
        bar: whether there is room for a colour bar on the right.
    """

    rows: int
    columns: int
    shape: tuple[int, int]
    heading: bool = False
    captions: bool = False
    bar: bool = False

    @property
    def zoom(self) -> int:
        """Picture pixels for one image pixel, along each axis."""
        return max(1, -(-LEAST_CELL // self.shape[1]))

    @property
    def cell(self) -> tuple[int, int]:
        """(Y, X) of a cell in picture pixels."""
        return self.shape[0] * self.zoom, self.shape[1] * self.zoom

    def origin(self, row: int, column: int) -> tuple[int, int]:
        """(Y, X) of a cell's top left pixel."""
        lines = row + 1 if self.captions else 1
        top = MARGIN + (LINE + 6) * self.heading + lines * LINE + row * (self.cell[0] + GAP)
        return top, MARGIN + column * (self.cell[1] + GAP)

    @property
    def size(self) -> tuple[int, int]:
        """(Y, X) of the whole picture."""
        last_top, last_left = self.origin(self.rows - 1, self.columns - 1)
        return last_top + self.cell[0] + MARGIN, last_left + self.cell[1] + MARGIN + 84 * self.bar


class ImageGrid:
    """A picture that is being drawn: images in the cells of a grid, a line of text above each."""

    def __init__(self, geometry: GridGeometry) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.geometry = geometry
        height, width = geometry.size
        self.figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
        self.canvas = FigureCanvasAgg(self.figure)

    def place(self, row: int, column: int, pixels: Bytes) -> None:
        """Put grey (Y, X) or RGB (Y, X, 3) pixels into a cell, unsmoothed."""
        zoom = self.geometry.zoom
        enlarged = np.repeat(np.repeat(pixels, zoom, axis=0), zoom, axis=1)
        rgb = enlarged if enlarged.ndim == 3 else np.stack([enlarged] * 3, axis=-1)
        top, left = self.geometry.origin(row, column)
        bottom = self.geometry.size[0] - top - self.geometry.cell[0]
        self.figure.figimage(rgb, xo=left, yo=bottom, origin="upper")

    def title(self, row: int, column: int, text: str, colour: str = INK) -> None:
        """Write a line above a cell, in smaller type if it would not fit."""
        top, left = self.geometry.origin(row, column)
        self._line(text, left, top - 7, self.geometry.cell[1], colour)

    def heading(self, text: str) -> None:
        """Write the line above all images."""
        self._line(text, MARGIN, MARGIN + LINE - 6, self.geometry.size[1] - 2 * MARGIN, INK, points=11)

    def colour_bar(self, row: int, limit: float, beyond: bool) -> None:
        """Draw the scale from 0 to `limit` to the right of a row, with an arrow if values lie `beyond` it."""
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        height, width = self.geometry.size
        top, left = self.geometry.origin(row, self.geometry.columns)
        box = (left + 6) / width, 1 - (top + self.geometry.cell[0]) / height, 14 / width, self.geometry.cell[0] / height
        axes = self.figure.add_axes(box)
        scale = ScalarMappable(Normalize(0, limit), COLOUR_MAP)
        bar = self.figure.colorbar(scale, cax=axes, extend="max" if beyond else "neither", extendfrac=0.04)
        bar.outline.set_visible(False)
        axes.tick_params(labelsize=8, length=3, width=0.6, color=MUTED, labelcolor=INK)

    def save(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Write the grid as PNG.

        Raises:
            InputError: the file exists and `overwrite` is not set, or may not be written.
            RunError: the disk is full.
        """
        save_figure(self.figure, path, overwrite)

    def _line(self, text: str, left: float, base: float, room: float, colour: str, points: float = 9) -> None:
        height, width = self.geometry.size
        at = (left / width, 1 - base / height)
        # parse_math off: a file name with two dollar signs is not a formula
        drawn = self.figure.text(*at, text, fontsize=points, color=colour, va="baseline", parse_math=False)
        needed = drawn.get_window_extent(self.canvas.get_renderer()).width  # type: ignore[no-untyped-call]
        if needed > room:
            drawn.set_fontsize(points * room / needed)


def save_figure(figure: Figure, path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Write a matplotlib figure, whole or not at all, in the format of the file's extension.

    Raises:
        InputError: the file exists and `overwrite` is not set, or may not be written.
        RunError: the disk is full.
    """
    with replacing(Path(path), overwrite=overwrite) as temporary:
        figure.savefig(temporary, dpi=DPI)

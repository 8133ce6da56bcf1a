"""A look at the images of a training before it begins: what they hold, what would spoil it, and crops to see."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pellucid.app.roots import Roots
from pellucid.data.inventory import inspect_source
from pellucid.data.sample import evenly_spaced
from pellucid.data.source import open_usable
from pellucid.io.image import Plane
from pellucid.io.layout import Array
from pellucid.runs.inventory import describe, findings

CROPS, SIDE = 4, 160
"""Crops of each kind at most, and their side in pixels."""

SHOWN = ("files", "planes", "megapixels", "type", "pixel size", "mean ± std", "noise σ")
"""Rows of the table that mean something to those who took the images."""

IN_WORDS = {
    "are --clean and --noisy swapped?": "are the clean and the noisy images swapped?",
    "--clean": "the clean images",
    "--noisy": "the noisy images",
}
"""What a page says instead of options."""


@dataclass(frozen=True)
class ImageCheck:
    """What was found.

    Attributes:
        facts: short texts by the names of their rows, by kind.
        crops: addresses of pictures that hold themselves ("data:..."), by kind.
        warnings: what would spoil the training, the most serious first.
        swapped: whether clean and noisy seem to be swapped.
    """

    facts: dict[str, dict[str, str]]
    crops: dict[str, list[str]]
    warnings: list[str]
    swapped: bool


def check_images(roots: Roots, specs: Mapping[str, str]) -> ImageCheck:
    """Read images once and say what they hold.

    Args:
        roots: folders that may be read.
        specs: files or folders by kind: "noisy", "clean", "pairs".

    Raises:
        InputError: images that cannot be used, or lie outside the folders.
    """
    sources = {kind: open_usable(roots.image(spec)).of_one_type() for kind, spec in specs.items()}
    found = {kind: inspect_source(source) for kind, source in sources.items()}
    problems = findings(found)
    left_out = [line for source in sources.values() for line in (*source.left_out, *source.passed_over)]
    described = {kind: describe(inventory) for kind, inventory in found.items()}
    return ImageCheck(
        facts={kind: {name: rows[name] for name in SHOWN} for kind, rows in described.items()},
        crops={kind: _crops(source.planes) for kind, source in sources.items()},
        warnings=[in_words(problem.text) for problem in problems] + [f"left out: {line}" for line in left_out],
        swapped=any(problem.check == "swapped" for problem in problems),
    )


def in_words(text: str) -> str:
    """A warning of the command line without names of options."""
    for option, words in IN_WORDS.items():
        text = text.replace(option, words)
    return text


def _crops(planes: Sequence[Plane]) -> list[str]:
    chosen = [planes[number] for number in evenly_spaced(len(planes), CROPS)]
    crops = [_central(plane) for plane in chosen]
    return [as_address(crop, display_limits(crop)) for crop in crops]


def _central(plane: Plane) -> Array:
    height, width = (min(SIDE, length) for length in plane.shape)
    y, x = ((length - side) // 2 for length, side in zip(plane.shape, (height, width), strict=True))
    return plane[y : y + height, x : x + width]


def as_address(crop: Array, limits: tuple[float, float]) -> str:
    """A crop in grey levels as a PNG in an address.

    Args:
        crop: pixels (Y, X).
        limits: intensities that are black and white.
    """
    from PIL import Image  # here: with the first picture

    values = np.ma.getdata(crop).astype(np.float64)
    low, high = limits
    known = np.where(np.isfinite(values), values, low)
    grey = np.clip((known - low) / max(high - low, 1e-12), 0, 1)
    buffer = io.BytesIO()
    Image.fromarray((255 * grey).round().astype(np.uint8)).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def display_limits(values: Array) -> tuple[float, float]:
    """Black and white for a picture: the 0.5th and the 99.5th percentile of what is finite."""
    numbers = np.ma.getdata(values).astype(np.float64)
    known = numbers[np.isfinite(numbers)]
    low, high = np.percentile(known, (0.5, 99.5)) if known.size else (0.0, 1.0)
    return float(low), float(high)

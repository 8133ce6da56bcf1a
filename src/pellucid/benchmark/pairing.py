"""Whether noisy images are versions of the clean ones, so that their truth is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pellucid.data.sample import evenly_spaced
from pellucid.data.source import open_source
from pellucid.io.image import Plane
from pellucid.io.layout import Array

COARSE = 8
"""Side in pixels of the squares that are averaged, so that noise does not hide the structure."""
SAME = 0.5
"""Correlation from which two images show the same scene; unrelated tissue has about 0."""
CHECKED = 8
"""The number of images that are compared."""


def are_versions(noisy: Path, clean: Path) -> bool:
    """Whether both folders have images of the same names and sizes that show the same scene.

    Raises:
        InputError: images cannot be read.
    """
    planes = {_name(plane): plane for plane in open_source(clean).planes}
    versions = {_name(plane): plane for plane in open_source(noisy).planes}
    if planes.keys() != versions.keys() or any(planes[name].shape != versions[name].shape for name in planes):
        return False
    names = sorted(planes)
    checked = [names[at] for at in evenly_spaced(len(names), CHECKED)]
    correlations = [_correlation(planes[name].read(), versions[name].read()) for name in checked]
    return bool(np.median(correlations) >= SAME)


def _name(plane: Plane) -> tuple[str, tuple[int, ...]]:
    return Path(plane.image.path).name.partition(".")[0], plane.index


def _correlation(one: Array, other: Array) -> float:
    """The correlation of two images after averaging, which removes most noise; 0 if one of them is flat."""
    first, second = _coarse(one), _coarse(other)
    if first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])


def _coarse(image: Array) -> Array:
    side = max(1, min(COARSE, min(image.shape) // 16))
    height, width = (size // side for size in image.shape)
    cells = image[: height * side, : width * side].astype(np.float64).reshape(height, side, width, side)
    coarse: Array = np.nan_to_num(cells).mean(axis=(1, 3))
    return coarse

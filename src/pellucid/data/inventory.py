"""The inventory of a source: files, pixels, grey levels, pixel sizes, and a digest of every plane."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from pellucid.data.clipping import Clipping, clipping_of
from pellucid.data.padding import image_pixels, is_finite, is_padding
from pellucid.data.sample import evenly_spaced, sample_pixels
from pellucid.data.source import Source
from pellucid.data.structure_statistics import StructureStatistics, structure_statistics
from pellucid.data.texture import skewness
from pellucid.io.image import Plane
from pellucid.io.layout import Array
from pellucid.io.pixel_size import PixelSize

__all__ = ["Inventory", "bars", "inspect_source"]

BINS = 64
_BARS = "▁▂▃▄▅▆▇█"
_MOST_BYTES = 4 << 30  # more is not hashed plane by plane before a training starts
_THUMBNAIL = 32
_TREND = 4.0

Thumbnail = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Inventory:
    """Facts about a source.

    Attributes:
        files: The images, as the user named them.
        planes: Number of (Y, X) planes.
        pixels: Number of pixels.
        dtypes: Pixel types by name.
        sizes: The distinct plane shapes, (Y, X), largest first.
        pixel_sizes: The distinct pixel sizes; None for images that do not state it.
        histogram: Counts of a sample of the pixels in 64 equal bins.
        edges: The 65 edges of the bins, in the source's units.
        mean, std, skew, minimum, maximum: Of the same sample, up to 1,000,000 pixels, seed 0.
        levels: The number of distinct values in the sample.
        constant: Names of the planes whose pixels are all equal.
        repeated: Names of pairs of planes that are equal.
        padding: The share of pixels that are canvas or bars, not counting constant planes.
        digests: Plane name by SHA-256 of its shape, dtype and pixels.
        complete: False if only some planes were read for ``constant``, ``repeated``, ``padding``, ``digests`` and
            ``thumbnails`` (sources above 4 GiB).
        statistics: Noise, contrast and structures; None if all planes are constant or tiny.
        clipping: Noise that is clipped at either end.
        thumbnails: By shape and name of the planes: unit vectors whose dot products measure how similar planes are.
    """

    files: list[str]
    planes: int
    pixels: int
    dtypes: list[str]
    sizes: list[tuple[int, int]]
    pixel_sizes: list[PixelSize | None]
    histogram: list[int]
    edges: list[float]
    mean: float
    std: float
    skew: float
    minimum: float
    maximum: float
    levels: int
    constant: list[str]
    repeated: list[tuple[str, str]]
    padding: float
    digests: dict[str, str]
    complete: bool
    statistics: StructureStatistics | None
    clipping: Clipping = field(default_factory=Clipping)
    thumbnails: dict[tuple[int, int], dict[str, Thumbnail]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def histogram_text(self) -> str:
        """The histogram as 32 block characters, the darkest on the left."""
        return bars(self.histogram)


def inspect_source(
    source: Source, follow: Callable[[Sequence[Plane]], AbstractContextManager[Iterable[Plane]]] = nullcontext
) -> Inventory:
    """Read a source once and describe it.

    Args:
        source: What is read.
        follow: Hands on the planes one by one for a block, as `report.terminal.progress_over` does.

    Raises:
        InputError: A plane cannot be read.
    """
    planes = source.planes
    read = _chosen(planes)
    digests: dict[str, str] = {}
    thumbnails: dict[tuple[int, int], dict[str, Thumbnail]] = {}
    constant, repeated, padding = [], [], 0
    with follow(read) as followed:
        for plane in followed:
            array = plane.read()
            first = digests.setdefault(_digest(array), plane.name)
            if not image_pixels(array).size:
                constant.append(plane.name)
                continue
            padding += int(np.count_nonzero(is_padding(array) & is_finite(array)))
            if first != plane.name:
                repeated.append((first, plane.name))
            if min(array.shape) >= _THUMBNAIL:
                thumbnails.setdefault(plane.shape, {})[plane.name] = _thumbnail(array)
    values = sample_pixels(planes)
    if not values.size:  # all planes are blank: describe the first one
        values = np.nan_to_num(np.ma.getdata(planes[0].read()).reshape(-1))
    numbers = values.astype(np.float64)
    counts, edges = np.histogram(numbers, BINS, _bounds(values))
    return Inventory(
        files=[image.path for image in source.images],
        planes=len(planes),
        pixels=source.pixels,
        dtypes=[dtype.name for dtype in source.dtypes],
        sizes=sorted({plane.shape for plane in planes}, reverse=True),
        pixel_sizes=_distinct([image.pixel_size for image in source.images]),
        histogram=[int(count) for count in counts],
        edges=[float(edge) for edge in edges],
        mean=float(numbers.mean()),
        std=float(numbers.std()),
        skew=skewness(numbers),
        minimum=float(numbers.min()),
        maximum=float(numbers.max()),
        levels=int(np.unique(values).size),
        constant=constant,
        repeated=repeated,
        padding=padding / sum(math.prod(plane.shape) for plane in read),
        digests=digests,
        complete=len(read) == len(planes),
        statistics=structure_statistics(planes),
        clipping=clipping_of(planes),
        thumbnails=thumbnails,
    )


def bars(histogram: Sequence[int], width: int = 32) -> str:
    """A histogram as ``width`` block characters; bins that are not empty show at least the lowest block."""
    counts = np.array([part.sum() for part in np.array_split(np.asarray(histogram, np.float64), width)])
    if counts.max() == 0:
        return " " * width
    heights = np.ceil(counts / counts.max() * len(_BARS)).astype(int)
    return "".join(_BARS[height - 1] if height else " " for height in heights)


def _chosen(planes: Sequence[Plane]) -> list[Plane]:
    sizes = [plane.shape[0] * plane.shape[1] * plane.dtype.itemsize for plane in planes]
    share = sum(sizes) / _MOST_BYTES
    if share <= 1:
        return list(planes)
    return [planes[number] for number in evenly_spaced(len(planes), max(1, int(len(planes) / share)))]


def _digest(array: Array) -> str:
    digest = hashlib.sha256(f"{array.shape}|{array.dtype.name}|".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _thumbnail(array: Array) -> Thumbnail:
    """Means over 32×32 parts without their slow trend, as a vector of length 1; averaging removes most noise."""
    height, width = (size // _THUMBNAIL for size in array.shape)
    given, numbers = np.ma.getdata(array), is_finite(array)
    filled = given if numbers.all() else np.where(numbers, given, given[numbers].mean())
    cut = filled[: _THUMBNAIL * height, : _THUMBNAIL * width].reshape(_THUMBNAIL, height, _THUMBNAIL, width)
    small = cut.mean(axis=(1, 3), dtype=np.float64)
    small -= ndimage.gaussian_filter(small, _TREND)
    thumbnail: Thumbnail = (small / max(float(np.linalg.norm(small)), 1e-12)).astype(np.float32).ravel()
    return thumbnail


def _bounds(values: Array) -> tuple[float, float]:
    """The range of the dtype for 8 bits, so that histograms of two sources align; else that of the values."""
    if values.dtype.kind in "iu" and values.dtype.itemsize == 1:
        limits = np.iinfo(values.dtype)
        return float(limits.min), float(limits.max) + 1
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _distinct(sizes: Sequence[PixelSize | None]) -> list[PixelSize | None]:
    found: list[PixelSize | None] = []
    for size in sizes:
        if size not in found:
            found.append(size)
    return found

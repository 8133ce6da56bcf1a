"""Images that pages look at: opened once, read in small boxes, with coarser levels where the whole view needs them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.app.roots import Roots
from pellucid.io.image import Image
from pellucid.io.layout import Array
from pellucid.io.pyramid import downsample, shrunk
from pellucid.io.registry import format_of, open_image, split

SMALL = 1 << 26
"""Bytes of a plane up to which it is read as a whole, and its coarser levels are exact means."""
DECODED_WHOLE = ("PNG", "JPEG")
"""Formats that cannot be read in part."""
KEPT = 1 << 29
"""Bytes of planes that are kept."""
OPEN = 24
"""Images that are kept open."""
MOST_READ = 1 << 22
"""Pixels that a tile of a larger plane is made of at most."""


@dataclass(frozen=True)
class Opened:
    """An image that a page looks at.

    Attributes:
        spec: what opened it.
        image: at full resolution.
        coarser: images of its pyramid, by the power of two by which they are coarser along Y and X.
        stamp: changes when the file changes.
    """

    spec: str
    image: Image
    coarser: dict[int, Image]
    stamp: int

    @property
    def is_small(self) -> bool:
        """Whether its planes are read as a whole."""
        height, width = self.image.plane_shape
        known = format_of(split(self.spec)[0])
        return height * width * self.image.dtype.itemsize <= SMALL or bool(known and known.name in DECODED_WHOLE)

    def exact_to(self, side: int) -> int:
        """The power of two of the coarsest tiles of this side, in pixels, that are means over all of their pixels."""
        coarsest = max(self.image.plane_shape).bit_length()
        if self.is_small:
            return coarsest
        own = (MOST_READ // side**2).bit_length() // 2
        return max([own, *(min(power + own, coarsest) for power in self.coarser)])


class OpenImages:
    """Opened images and the planes last looked at.

    Args:
        roots: of all images.
    """

    def __init__(self, roots: Roots) -> None:
        self._roots = roots
        self._images: OrderedDict[str, Opened] = OrderedDict()
        self._planes: OrderedDict[Hashable, Array] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, spec: str) -> Opened:
        """Open an image, or return it if it is open and its file has not changed.

        Raises:
            InputError: it lies outside of what may be shown, or cannot be read.
        """
        spec = self._roots.image(spec)
        stamp = _stamp(split(spec)[0])
        with self._lock:
            known = self._images.get(spec)
            if known and known.stamp == stamp:
                self._images.move_to_end(spec)
                return known
        image = open_image(spec)
        opened = Opened(spec, image, _coarser_levels(spec, image), stamp)
        with self._lock:
            self._images[spec] = opened
            while len(self._images) > OPEN:
                self._images.popitem(last=False)
        return opened

    def read(self, opened: Opened, plane: int, power: int, box: tuple[slice, slice]) -> Array:
        """Part of a plane, (Y, X), in its own dtype.

        Args:
            opened: the image.
            plane: its number.
            power: pixels are means over squares of 2**power pixels, or over a sample of these in huge images.
            box: rows and columns in such pixels; parts that lie outside of the plane are left out.

        Raises:
            InputError: it cannot be read.
        """
        if opened.is_small:
            return self._level(opened, plane, power)[box]
        source = max((level for level in opened.coarser if level <= power), default=0)
        image = opened.coarser[source] if source else opened.image
        return read_coarse(image, _plane_in(image, opened.image, plane), 1 << (power - source), box)

    def _level(self, opened: Opened, plane: int, power: int) -> Array:
        key = (opened.spec, opened.stamp, plane, power)
        with self._lock:
            if key in self._planes:
                self._planes.move_to_end(key)
                return self._planes[key]
        if power == 0:
            made = np.ma.getdata(opened.image.planes[plane].read())
        else:
            finer = self._level(opened, plane, power - 1)
            made = downsample(finer, (2, 2))
        with self._lock:
            self._planes[key] = made
            while sum(each.nbytes for each in self._planes.values()) > KEPT and len(self._planes) > 1:
                self._planes.popitem(last=False)
        return made


def read_coarse(image: Image, plane: int, factor: int, box: tuple[slice, slice]) -> Array:
    """Part of a plane that is too large to be read as a whole, coarser by a factor.

    Where the part has more than `MOST_READ` pixels, rows are left out between those that are read, whole rows of chunks
    if it is stored in chunks.
    """
    top, left = (max(0, side.start) * factor for side in box)
    bottom, right = (min(side.stop * factor, size) for side, size in zip(box, image.plane_shape, strict=True))
    pages = image.planes[plane]
    if top >= bottom or left >= right:
        return np.zeros((0, 0), image.dtype)
    if (bottom - top) * (right - left) <= MOST_READ:
        return downsample(np.ma.getdata(pages[top:bottom, left:right]), (factor, factor))
    strips = _strips(top, bottom, right - left, factor, image)
    parts = [
        downsample(np.ma.getdata(pages[start:stop, left:right]), (min(factor, stop - start), factor))
        for start, stop in strips
    ]
    middles = np.array([(start + stop) / 2 for start, stop in strips])
    rows = []
    for row in range(top, bottom, factor):
        middle = row + factor / 2
        nearest = int(np.abs(middles - middle).argmin())
        within = int((middle - strips[nearest][0]) // factor)
        rows.append(parts[nearest][int(np.clip(within, 0, len(parts[nearest]) - 1))])
    return np.stack(rows)


def _strips(top: int, bottom: int, width: int, factor: int, image: Image) -> list[tuple[int, int]]:
    """First and last rows of what is read of a part that has too many."""
    chunk = image.chunks[-2] if image.chunks[-2] < image.plane_shape[0] else 1
    if chunk > 1:
        first, last = top // chunk, -(-bottom // chunk)
        most = max(1, MOST_READ // (chunk * width))
        chosen = np.unique(np.linspace(first, last - 1, min(most, last - first)).round().astype(int))
        return [(max(int(at) * chunk, top), min((int(at) + 1) * chunk, bottom)) for at in chosen]
    count = -(-(bottom - top) // factor)
    most = max(1, MOST_READ // width)
    chosen = np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int))
    height = int(np.clip(most // len(chosen), 1, factor))
    starts = [min(top + int(at) * factor + (factor - height) // 2, bottom - height) for at in chosen]
    return [(start, start + height) for start in starts]


def _plane_in(level: Image, finest: Image, plane: int) -> int:
    """The number of a plane in a level of the pyramid, which may have fewer."""
    place = np.unravel_index(plane, finest.shape[:-2]) if len(finest.shape) > 2 else ()
    sizes = zip(place, level.shape[:-2], finest.shape[:-2], strict=True)
    coarser = [min(int(at) * have // of, have - 1) for at, have, of in sizes]
    return int(np.ravel_multi_index(coarser, level.shape[:-2])) if coarser else 0


def _coarser_levels(spec: str, image: Image) -> dict[int, Image]:
    """The levels of an OME-Zarr that are 2, 4, 8, ... times coarser along Y and X alike."""
    factors = getattr(image.style, "levels", None) or ()
    names = getattr(image.style, "level_names", ()) or [str(number) for number in range(len(factors) + 1)]
    sizes, power, found = dict(zip(image.axes, image.shape, strict=True)), 0, {}
    for number, steps in enumerate(factors, 1):
        if steps.get("Y") != 2 or steps.get("X") != 2 or number >= len(names):
            break
        sizes, power = shrunk(sizes, steps), power + 1
        level = _level_of(spec, names[number], tuple(sizes.values()))
        if level is None:
            break
        found[power] = level
    return found


def _level_of(spec: str, name: str, shape: tuple[int, ...]) -> Image | None:
    """A level of an image by its path, if it is what its name says."""
    file, inner = split(spec)
    try:
        level = open_image(f"{file}:{inner}/{name}" if inner else f"{file}:{name}")
    except Exception:  # whatever is wrong with it: the finest level is there
        return None
    return level if level.shape == shape else None


def _stamp(file: Path) -> int:
    """A number that changes when a file is written; of a folder, when files come and go in it."""
    try:
        told: Any = file.stat()
    except OSError:
        return 0
    return int(told.st_mtime_ns ^ told.st_size)

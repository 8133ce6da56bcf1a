"""What methods without a training make of a small part of an image, and what can be said of it at once."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from pellucid.app.open_images import Opened, OpenImages
from pellucid.app.tiles import Box, read_plane
from pellucid.data.neighbours import Neighbours
from pellucid.errors import InputError
from pellucid.io.layout import Array

if TYPE_CHECKING:
    from pellucid.data.intensity_range import IntensityRange
    from pellucid.model import Model

T = TypeVar("T")

FILTERS = ("gaussian", "median", "bm3d", "nlm", "tv", "wavelet")
"""Recipes that need no training and no more than seconds for a crop."""
AT_ONCE = ("gaussian", "median")
"""Those that are tried unasked: a crop takes them a tenth of a second."""
MOST, LEAST = 384, 64
"""Sides of a crop in pixels."""
_KEPT = 8


class Part(NamedTuple):
    """A part of a plane at full resolution.

    Attributes:
        opened: the image.
        plane: its number.
        top, left: of the first pixel.
        pixels: (Y, X), in the image's own dtype.
    """

    opened: Opened
    plane: int
    top: int
    left: int
    pixels: Array


@dataclass(frozen=True)
class Trial:
    """What a method made of a part.

    Attributes:
        result: of the same shape and dtype as the part.
        seconds: that it took.
        said: what changed, in one line.
        warnings: what a user should look at, a line each.
    """

    result: Array
    seconds: float
    said: str
    warnings: tuple[str, ...]


def part_in_view(images: OpenImages, opened: Opened, plane: int, view: Box | None) -> Part:
    """The middle of what is in view, at most `MOST` pixels wide and high.

    Raises:
        InputError: it cannot be read.
    """
    sizes = opened.image.plane_shape
    seen = view or Box(0, 0, sizes[1], sizes[0])
    rows = _middle(seen.top, seen.height, sizes[0])
    columns = _middle(seen.left, seen.width, sizes[1])
    pixels = read_plane(images, opened.spec, plane, 0, (rows, columns))
    return Part(opened, plane, rows.start, columns.start, pixels)


def _middle(start: float, length: float, size: int) -> slice:
    first, last = max(0.0, start), min(float(size), start + length)
    side = int(min(MOST, size, max(LEAST, last - first)))
    begin = int(np.clip(round((first + last - side) / 2), 0, size - side))
    return slice(begin, begin + side)


class Trials:
    """Tries methods; models are loaded once, and images measured once."""

    def __init__(self) -> None:
        self._models: OrderedDict[tuple[str, int], Model] = OrderedDict()
        self._ranges: OrderedDict[tuple[str, int], IntensityRange] = OrderedDict()
        self._lock = threading.Lock()

    def load(self, name: str) -> Model:
        """A model of the box or of a run.

        Raises:
            InputError: it cannot be used.
        """
        from pellucid.model import Model  # here: pages that only show images need no torch

        folder = Path(name)
        key = (name, folder.stat().st_mtime_ns if folder.exists() else 0)
        with self._lock:
            if key not in self._models:
                self._models[key] = Model.load(name, device="cpu")
            return _recent(self._models, key)

    def model(self, name: str, part: Part) -> Trial:
        """What a trained model makes of a part.

        Raises:
            InputError: the model cannot be used, or not for images of this pixel type.
        """
        loaded = self.load(name)
        image = part.opened.image
        if loaded.boxed:
            used = loaded.for_range(self._range(part.opened), image.dtype)
        else:
            loaded.refuse_other_types([image])
            used = loaded.for_range(loaded.intensity_range, loaded.dtype)  # a copy: others use it too
        differences = used.compare_with_training([image.planes[part.plane]]) if not loaded.boxed else []
        return _tried(used, part, (*differences, *used.single_slices([image])))

    def filter(self, name: str, part: Part) -> Trial:
        """What a recipe without training makes of a part, with its default strength.

        Raises:
            InputError: a recipe that learns, or whose library is not installed.
        """
        from pellucid.methods import make_recipe
        from pellucid.model import Model

        if name not in FILTERS:
            raise InputError(f"{name}: is not tried here; choose one of {', '.join(FILTERS)}")
        measured = self._range(part.opened)
        limits = (measured.low, measured.high)
        used = Model.for_images(make_recipe(name, "quick", {}), part.pixels, intensity_range=limits, device="cpu")
        return _tried(used, part, ())

    def _range(self, opened: Opened) -> IntensityRange:
        """Black and white of all planes, as denoising the whole file would take them."""
        from pellucid.data.intensity_range import IntensityRange

        key = (opened.spec, opened.stamp)
        if key not in self._ranges:
            self._ranges[key] = IntensityRange.from_source(opened.image.planes)
        return _recent(self._ranges, key)


def _tried(model: Model, part: Part, differences: tuple[str, ...]) -> Trial:
    begun = time.perf_counter()
    result = _denoised(model, part)
    seconds = time.perf_counter() - begun
    removed = model.removed
    said = str(removed) if removed else ""
    warnings = [_on_a_page(finding.text) for finding in removed.warnings()] if removed else []
    return Trial(result, seconds, said, (*differences, *warnings))


def _denoised(model: Model, part: Part) -> Array:
    """What a model makes of a part; if it sees slices, beside those before and after."""
    from pellucid.methods.slices import slices_of

    slices = slices_of(model.denoiser)
    if slices == 1:
        return np.asarray(model.denoise(part.pixels))
    image, (height, width) = part.opened.image, part.pixels.shape
    index = np.unravel_index(part.plane, image.shape[:-2]) if image.shape[:-2] else ()
    leading = tuple(slice(int(at), int(at) + 1) for at in index)
    place = slice(part.top, part.top + height), slice(part.left, part.left + width)
    around = Neighbours([image], slices).read(image, leading, *place)
    denoised: Array = model.denoise(np.ma.stack([block.reshape(height, width) for block in around]))[slices // 2]
    return np.ma.getdata(denoised)


def _on_a_page(text: str) -> str:
    """A warning as it is said where nothing is typed."""
    return text.replace("the images of --noise", "what was removed")


def _recent(kept: OrderedDict[tuple[str, int], T], key: tuple[str, int]) -> T:
    kept.move_to_end(key)
    while len(kept) > _KEPT:
        kept.popitem(last=False)
    return kept[key]

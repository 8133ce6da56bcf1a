"""The crops of a benchmark's figures: windows of test images that all methods have denoised.

Where they lie is chosen without a look at the results: the first test images of a fold, their centre, or what
`--crop` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from pellucid.benchmark.paper import TABLE_2
from pellucid.benchmark.results import Result
from pellucid.data.source import open_source
from pellucid.errors import InputError, nearest

Image = NDArray[Any]

SIDE = 128
"""Side of a crop in pixels, unless the images are smaller."""

NOISY, TRUTH = "noisy", "truth"

Key = tuple[str, str, int, int]
"""Fold scheme, budget, fold and seed, which the methods of a figure have in common."""


class Crop(NamedTuple):
    """A square window: its top left pixel, and its side."""

    y: int
    x: int
    side: int

    def of(self, image: Image, name: str) -> Image:
        """Return that part of an image (Y, X).

        Raises:
            InputError: it is not inside the image.
        """
        height, width = image.shape
        if self.side < 1 or min(self.y, self.x) < 0 or self.y + self.side > height or self.x + self.side > width:
            raise InputError(
                f"crop {self.y},{self.x},{self.side} (y,x,side) is not inside {name}, which has {height}×{width} pixels"
            )
        return image[self.y : self.y + self.side, self.x : self.x + self.side]


def centre(shape: Sequence[int], side: int = SIDE) -> Crop:
    """The square in the middle, of at most that side."""
    height, width = shape
    side = min(side, height, width)
    return Crop((height - side) // 2, (width - side) // 2, side)


@dataclass(frozen=True)
class ImageCrops:
    """The same crop of one test image from every method.

    Attributes:
        name: the name of the image.
        images: the crop (Y, X) by method, noisy first; all on one intensity scale.
        truth: the crop of the clean image, if it is known.
    """

    name: str
    images: Mapping[str, Image]
    truth: Image | None = None

    @property
    def columns(self) -> dict[str, Image]:
        """Noisy, methods, truth."""
        return {**self.images, TRUTH: self.truth} if self.truth is not None else dict(self.images)


@dataclass(frozen=True)
class CropSelection:
    """The crops of one dataset.

    Attributes:
        dataset: its name, with the condition of the trainings if there is one.
        key: scheme, budget, fold and seed of the runs that are shown.
        crops: one entry for each test image; all have the same columns.
    """

    dataset: str
    key: Key
    crops: tuple[ImageCrops, ...]

    @property
    def heading(self) -> str:
        """One line that says what is shown."""
        _, budget, fold, seed = self.key
        names = ", ".join(each.name for each in self.crops)
        return f"{self.dataset}, fold {fold}, seed {seed}, {budget}: {names}"


def select_crops(
    results: Sequence[Result], folder: Path, methods: Sequence[str] = (), images: int = 2, crop: Crop | None = None
) -> Iterator[CropSelection]:
    """Yield the crops of each dataset, of the first fold and seed that all methods have finished.

    Args:
        results: results of the benchmark in `folder`.
        folder: the benchmark's folder, which holds the datasets.
        methods: names of methods, in this order; empty: all.
        images: number of test images, from the first one on.
        crop: the window; None: the centre.

    Raises:
        InputError: a method without images (similar names are given), methods without a common run, missing files, or a
            crop that is not inside the images.
    """
    done = [result for result in results if result.status == "done" and result.images]
    known = sorted({result.run.method for result in done}, key=_order)
    for method in methods:
        if method not in known:
            raise InputError(
                f"no images of {method!r}: {nearest(method, known) if known else 'no run is finished yet'}"
            )
    for test_case in sorted({result.run.test_case for result in done}):
        members = [result for result in done if result.run.test_case == test_case]
        present = {result.run.method for result in members}
        # with real noise some methods cannot be trained; other datasets may have their images
        shown = [method for method in methods or known if method in present and method != NOISY]
        if shown:
            files = folder / "datasets" / members[0].run.dataset
            yield _select(test_case, members, shown, files, images, crop)


def _select(
    dataset: str, results: Sequence[Result], methods: Sequence[str], files: Path, images: int, crop: Crop | None
) -> CropSelection:
    by_key: dict[Key, dict[str, Result]] = {}
    for result in results:
        run = result.run
        by_key.setdefault((run.scheme, run.budget, run.fold, run.seed), {})[run.method] = result
    shared = sorted(key for key, found in by_key.items() if set(methods) <= set(found))
    if not shared:
        names = ", ".join(methods)
        raise InputError(f"dataset {dataset}: {names} have no fold, seed and budget in common: choose --methods")
    chosen = [by_key[shared[0]][method] for method in methods]
    count = min(images, *(len(result.images) for result in chosen))
    return CropSelection(dataset, shared[0], tuple(_crops(chosen, number, files, crop) for number in range(count)))


def _crops(chosen: Sequence[Result], number: int, files: Path, crop: Crop | None) -> ImageCrops:
    name = chosen[0].names[number]
    noisy = _read(files / "noisy" / f"{name}.tif")
    window = crop or centre(noisy.shape)
    images = {NOISY: noisy} | {result.run.method: _read(Path(result.images[number])) for result in chosen}
    truth = window.of(_read(files / "clean" / f"{name}.tif"), name) if chosen[0].scores else None
    return ImageCrops(name, {method: window.of(image, name) for method, image in images.items()}, truth)


def _read(path: Path) -> Image:
    (plane,) = open_source(str(path)).planes
    return plane.read()


def _order(method: str) -> tuple[int, str]:
    order = list(TABLE_2)
    return (order.index(method) if method in order else -1), method

"""From a benchmark's folder to what its figures show: windows of test images that all methods have denoised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pellucid.benchmark.figures import NOISY, Crop, Place, centre
from pellucid.benchmark.paper import TABLE_2
from pellucid.benchmark.results import Result
from pellucid.data.source import open_source
from pellucid.errors import InputError, nearest

Key = tuple[str, str, int, int]
"""Scheme, budget, fold, seed: what a figure's methods must share."""


@dataclass(frozen=True)
class Choice:
    """What a figure shall show.

    Attributes:
        methods: by the label of their units, in this order; empty: all.
        images: how many of the test images, from the first on.
        crop: the window; None: the centre.
    """

    methods: Sequence[str] = ()
    images: int = 2
    crop: Crop | None = None


@dataclass(frozen=True)
class Scene:
    """One figure's worth of a case.

    Attributes:
        case: name of the data set.
        key: the units that are shown.
        places: windows; all have the same columns.
    """

    case: str
    key: Key
    places: tuple[Place, ...]

    @property
    def heading(self) -> str:
        """One line that says what is shown."""
        _, budget, fold, seed = self.key
        names = ", ".join(place.name for place in self.places)
        return f"{self.case}, fold {fold}, seed {seed}, {budget}: {names}"


def scenes(results: Sequence[Result], folder: Path, choice: Choice) -> Iterator[Scene]:
    """A scene for each case: the first fold and seed that all methods have finished.

    Args:
        results: of the benchmark in `folder`.
        folder: where the data of its cases lie.
        choice: what to show.

    Raises:
        InputError: a method without images (the nearest one is named), methods without a unit in common, images that
            are gone, or a crop that does not lie inside them.
    """
    done = [result for result in results if result.status == "done" and result.images]
    known = sorted({result.unit.method for result in done}, key=_order)
    for method in choice.methods:
        if method not in known:
            hint = nearest(method, known) if known else "no unit is finished yet"
            raise InputError(f"no images of {method!r}: {hint}")
    for case in sorted({result.unit.case for result in done}):
        of_case = [result for result in done if result.unit.case == case]
        present = [method for method in known if any(result.unit.method == method for result in of_case)]
        # with real noise some methods cannot be trained; the figures of other cases may have them
        methods = [method for method in choice.methods or present if method in present]
        if shown := [method for method in methods if method != NOISY]:
            yield _scene(case, of_case, shown, folder, choice)


def _scene(case: str, results: Sequence[Result], methods: Sequence[str], folder: Path, choice: Choice) -> Scene:
    by_key: dict[Key, dict[str, Result]] = {}
    for result in results:
        by_key.setdefault(_key(result), {})[result.unit.method] = result
    shared = sorted(key for key, found in by_key.items() if set(methods) <= set(found))
    if not shared:
        raise InputError(f"case {case}: {', '.join(methods)} have no fold, seed and budget in common: choose --methods")
    chosen = [by_key[shared[0]][method] for method in methods]
    count = min(choice.images, *(len(result.images) for result in chosen))
    return Scene(
        case, shared[0], tuple(_place(chosen, number, folder / "data" / case, choice) for number in range(count))
    )


def _place(chosen: Sequence[Result], number: int, data: Path, choice: Choice) -> Place:
    name = chosen[0].names[number]
    noisy = _read(data / "noisy" / f"{name}.tif")
    crop = choice.crop or centre(noisy.shape)
    images = {NOISY: noisy} | {result.unit.method: _read(Path(result.images[number])) for result in chosen}
    truth = crop.of(_read(data / "clean" / f"{name}.tif"), name) if chosen[0].scores else None
    return Place(name, {method: crop.of(image, name) for method, image in images.items()}, truth)


def _read(path: Path) -> NDArray[np.uint8]:
    (plane,) = open_source(str(path)).planes
    return plane.read()


def _key(result: Result) -> Key:
    unit = result.unit
    return unit.scheme, unit.budget, unit.fold, unit.seed


def _order(method: str) -> tuple[int, str]:
    order = list(TABLE_2)
    return (order.index(method) if method in order else -1), method

"""Where the norms' statistics are measured along the volumes of a job, and where they are kept until it is done."""

from __future__ import annotations

import bisect
import shutil
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from pellucid.blockwise.denoiser_spec import DenoiserSpec
from pellucid.blockwise.plan import JobPlan
from pellucid.blockwise.preprocessing import view_of
from pellucid.blockwise.z_series import Arrangement, Slab
from pellucid.errors import ModelError
from pellucid.inference import (
    ActivationCache,
    Statistics,
    Track,
    are_finite,
    exact_statistics,
    load_statistics,
    sample_statistics,
    save_statistics,
)
from pellucid.io.image import Image

_ENDING, _NOTHING = ".safetensors", ".none"
"""Extensions of a slab's statistics file; the second marks a slab of padding alone, which has no statistics."""


class SlabStatistics:
    """Slabs of all series, numbered: one measurement each.

    Args:
        folder: of the job.
        plan: of the job.
        images: of the job, in its order.
        cleaner: what denoises.
    """

    def __init__(self, folder: Path, plan: JobPlan, images: Sequence[Image], cleaner: DenoiserSpec) -> None:
        self._folder = folder / "statistics"
        self._plan = plan
        self._images = images
        self._cleaner = cleaner
        self._arrangement = Arrangement(images)
        self._slabs: list[tuple[int, Slab]] = []
        if plan.statistics in ("exact", "sampled"):
            for number, places in self._arrangement.asked(plan.volumes).items():
                self._slabs += [(number, slab) for slab in self._needed(number, places)]
        self._numbers = {slab: number for number, slab in enumerate(self._slabs)}
        self._tracks = lru_cache(4)(self._track)

    def __len__(self) -> int:
        return len(self._slabs)

    def parts(self, number: int, image: int) -> Iterator[tuple[slice, ...]]:
        """The planes of an image that belong to a slab, as boxes."""
        shape = self._images[image].shape
        for plane in (plane for owner, plane in self._planes(number) if owner == image):
            at = np.unravel_index(plane, shape[:-2]) if shape[:-2] else ()
            yield *(slice(int(i), int(i) + 1) for i in at), slice(0, shape[-2]), slice(0, shape[-1])

    def _planes(self, number: int) -> list[tuple[int, int]]:
        """Pairs of image number and plane number for the planes of a slab."""
        index, slab = self._slabs[number]
        series = self._arrangement.series[index]
        return [series.plane(place) for place in range(slab.start, slab.stop)]

    def clear(self) -> None:
        """Delete all statistics measured so far."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def measure(self, number: int) -> None:
        """Measure a slab and keep what was found."""
        _, slab = self._slabs[number]
        denoiser, planes = self._cleaner.denoiser, self._planes(number)
        views = [view_of(self._cleaner, self._images[image], plane) for image, plane in planes]
        found: Statistics | None
        with ActivationCache(self._cleaner.memory // 2, self._folder.parent) as shelf:
            if self._plan.statistics == "exact":
                (view,) = views
                found = None if view.is_blank() else exact_statistics(denoiser, view, self._plan.side, shelf)
            else:
                sample = sample_statistics(denoiser, views, self._plan.seed + slab.start, shelf)
                found = sample.statistics if sample else None
        if found and not are_finite(found):
            where = self._images[planes[0][0]].path
            raise ModelError(f"{self._cleaner.name}: its features of {where} are not finite: train the model again")
        self._keep(number, found)
        for image in {image for image, _ in planes}:
            self._images[image].release()

    def at(self, image: int, plane: int) -> Statistics | None:
        """The statistics of a plane; None if it, or its whole series unless measured alone, is nothing but padding."""
        if self._plan.statistics == "none":
            return [{} for _ in self._cleaner.denoiser.networks()]
        if self._plan.statistics == "trained":
            return self._cleaner.trained
        series, place = self._arrangement.home(image, plane)
        alone = self._numbers.get((series, Slab(place, place + 1)))
        if alone is not None and self._path(alone).with_suffix(_NOTHING).exists():
            return None
        track = self._tracks(series)
        return track.at(place) if track else None

    def _needed(self, series: int, places: range) -> list[Slab]:
        """The slabs that some places of a series lie in or between."""
        whole = self._arrangement.series[series]
        if self._plan.statistics == "exact":
            return [Slab(place, place + 1) for place in places]
        slabs = whole.slabs(max(image.shape[-2] * image.shape[-1] for image in self._images))
        centres = [slab.centre for slab in slabs]
        first = max(0, bisect.bisect_right(centres, places.start) - 1)
        return slabs[first : bisect.bisect_left(centres, places.stop - 1) + 1]

    def _keep(self, number: int, found: Statistics | None) -> None:
        path = self._path(number)
        if found is None:
            path.parent.mkdir(exist_ok=True)
            path.with_suffix(_NOTHING).touch()
            return
        save_statistics(path, found)

    def _track(self, series: int) -> Track | None:
        """The statistics of a series; None if it is nothing but padding.

        Raises:
            FileNotFoundError: a file written by another machine is not visible on this one yet.
        """
        there = {path.name for path in self._folder.iterdir()}
        known = []
        for number, (owner, slab) in enumerate(self._slabs):
            path = self._path(number)
            if owner == series and path.name in there:
                known.append((slab.centre, path))
            elif owner == series and path.with_suffix(_NOTHING).name not in there:
                raise FileNotFoundError(f"{path}: not there yet; measured on another machine?")
        if not known:
            return None
        centres, paths = zip(*known, strict=True)
        device = self._cleaner.denoiser.device
        return Track(centres, lru_cache(3)(lambda number: load_statistics(paths[number], device)))

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}{_ENDING}"

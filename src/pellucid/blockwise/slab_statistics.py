"""Statistics of the norms in a blockwise run: measured slab by slab, and kept in the run's folder until it is done.

Between slabs they are interpolated by `pellucid.inference.z_interpolation`.
"""

from __future__ import annotations

import bisect
import shutil
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from pellucid.blockwise.grid import places
from pellucid.blockwise.plan import BlockwisePlan, DenoiserSpec
from pellucid.blockwise.z_series import Slab, ZSeries
from pellucid.errors import ModelError
from pellucid.inference import (
    ActivationCache,
    Statistics,
    View,
    ZInterpolation,
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
    """Numbered slabs, one measurement each: exact statistics of single planes, or samples of slabs of a z series.

    Args:
        folder: of the run.
        plan: of the run.
        images: of the run, in its order.
        spec: the denoiser.
    """

    def __init__(self, folder: Path, plan: BlockwisePlan, images: Sequence[Image], spec: DenoiserSpec) -> None:
        self._folder = folder / "statistics"
        self._plan = plan
        self._images = images
        self._spec = spec
        self._planes: list[tuple[int, int]] = []
        """Image and plane of each slab that is a single plane."""
        self._slabs: list[tuple[int, Slab]] = []
        """Series and place of each slab of a z series."""
        if plan.statistics == "exact":
            self._planes = [(image, plane) for image in range(len(images)) for plane in self._planned(image)]
        elif plan.statistics == "sampled":
            self._series = ZSeries(images)
            for series, within in self._series.places_in(plan.volumes, images).items():
                self._slabs += [(series, slab) for slab in self._around(series, within)]
        self._numbers = {plane: number for number, plane in enumerate(self._planes)}
        self._interpolation = lru_cache(4)(self._interpolated)
        self._load = lru_cache(3)(self._read)

    def __len__(self) -> int:
        return len(self._planes) + len(self._slabs)

    def parts(self, number: int, image: int) -> Iterator[tuple[slice, ...]]:
        """The planes of an image that belong to a slab, as boxes."""
        shape = self._images[image].shape
        for plane in (plane for owner, plane in self._planes_of(number) if owner == image):
            at = np.unravel_index(plane, shape[:-2]) if shape[:-2] else ()
            yield *(slice(int(i), int(i) + 1) for i in at), slice(0, shape[-2]), slice(0, shape[-1])

    def clear(self) -> None:
        """Delete all statistics measured so far."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def measure(self, number: int) -> Statistics | None:
        """Measure a slab; None if it is nothing but padding."""
        denoiser, planes = self._spec.denoiser, self._planes_of(number)
        views = [
            View.of_plane(self._images[image].planes[plane], self._spec.intensity_range, denoiser)
            for image, plane in planes
        ]
        found: Statistics | None
        with ActivationCache(self._spec.memory // 2, self._folder.parent) as cache:
            if self._plan.statistics == "exact":
                (view,) = views
                found = None if view.is_blank() else exact_statistics(denoiser, view, self._plan.side, cache)
            else:
                sample = sample_statistics(denoiser, views, self._plan.seed + self._slabs[number][1].start, cache)
                found = sample.statistics if sample else None
        if found and not are_finite(found):
            where = self._images[planes[0][0]].path
            raise ModelError(f"{self._spec.name}: its features of {where} are not finite: train the model again")
        for image in {image for image, _ in planes}:
            self._images[image].release()
        return found

    def keep(self, number: int, found: Statistics | None) -> None:
        """Save what was measured of a slab."""
        if found is None:
            self._folder.mkdir(exist_ok=True)
            self._path(number).with_suffix(_NOTHING).touch()
        else:
            save_statistics(self._path(number), found)

    def at(self, image: int, plane: int) -> Statistics | None:
        """The statistics of a plane; None if it, or its whole series if that was sampled, is nothing but padding.

        Raises:
            FileNotFoundError: a file written by another machine is not visible on this one yet.
        """
        if self._plan.statistics == "none":
            return [{} for _ in self._spec.denoiser.networks()]
        if self._plan.statistics == "trained":
            return self._spec.trained
        if self._planes:
            number = self._numbers[image, plane]
            return self._load(number) if self._is_measured(number) else None
        series, place = self._series.locate(image, plane)
        interpolation = self._interpolation(series)
        return interpolation.at(place) if interpolation else None

    def _planned(self, image: int) -> Iterator[int]:
        """The planes of an image that are denoised."""
        volume, shape = self._plan.volumes[image], self._images[image].shape[:-2]
        box = tuple(slice(start, start + size) for start, size in zip(volume.origin, volume.shape, strict=True))[:-2]
        return (plane for plane, _ in places(box, shape))

    def _planes_of(self, number: int) -> list[tuple[int, int]]:
        """Pairs of image number and plane number for the planes of a slab."""
        if self._planes:
            return [self._planes[number]]
        series, slab = self._slabs[number]
        return [(image, plane) for image, plane in self._series.planes[series][slab.start : slab.stop].tolist()]

    def _around(self, series: int, within: range) -> list[Slab]:
        """The slabs that are needed to interpolate at some places of a series."""
        slabs = self._series.slabs(series, max(image.shape[-2] * image.shape[-1] for image in self._images))
        centres = [slab.centre for slab in slabs]
        first = max(0, bisect.bisect_right(centres, within.start) - 1)
        return slabs[first : bisect.bisect_left(centres, within.stop - 1) + 1]

    def _interpolated(self, series: int) -> ZInterpolation | None:
        """The statistics along a series; None if it is nothing but padding."""
        numbers = [number for number, (owner, _) in enumerate(self._slabs) if owner == series]
        known = [number for number in numbers if self._is_measured(number)]
        if not known:
            return None
        centres = [self._slabs[number][1].centre for number in known]
        return ZInterpolation(centres, lambda at: self._load(known[at]))

    def _read(self, number: int) -> Statistics:
        return load_statistics(self._path(number), self._spec.denoiser.device)

    def _is_measured(self, number: int) -> bool:
        """Whether a slab has statistics; false if it is nothing but padding."""
        path = self._path(number)
        if path.exists():
            return True
        if not path.with_suffix(_NOTHING).exists():
            raise FileNotFoundError(f"{path}: not there yet; measured on another machine?")
        return False

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}{_ENDING}"

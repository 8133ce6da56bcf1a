"""Frames: planes of a video that show one place again and again, as images of their own, averaged, or as noisy copies.

Frames lie along T. Where an image has no T, its planes along Z are taken for frames when frames are asked for, because
many programs write every stack as sections.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from pellucid.errors import InputError
from pellucid.io.image import Image
from pellucid.io.layout import Array, Layout
from pellucid.io.manifest import Manifest, Region
from pellucid.io.output_spec import Style

Frames = Literal["separate", "average"]
"""What becomes of frames: each is an image of its own, or their mean is the image."""


@dataclass(frozen=True)
class _StyleOfFrames(Style):
    """What a file says of its frames, which nothing holds of what is made of them."""

    said: tuple[str, ...] = ()

    @property
    def annotations(self) -> tuple[str, ...]:
        """See ``Style.annotations``."""
        return self.said


def frame_axis(image: Image) -> str | None:
    """The axis along which an image has several frames: T, else Z; None if it has neither."""
    sizes = dict(zip(image.axes, image.shape, strict=True))
    return next((axis for axis in "TZ" if sizes.get(axis, 1) > 1), None)


def read_frames(image: Image, frames: Frames = "separate") -> Image:
    """The image itself, or the mean of its frames; an image of a single frame is itself."""
    axis = frame_axis(image)
    return image if frames == "separate" or axis is None else AveragedFrames(image, axis)


def neighbouring_frames(image: Image) -> Image:
    """The same image with, in the place of each frame, the next one, and in that of the last one the one before it.

    Raises:
        InputError: It has a single frame.
    """
    axis = frame_axis(image)
    if axis is None:
        raise InputError(f"{image.path}: has a single frame, so no other copy of it; leave it out")
    return NeighbouringFrames(image, axis)


class ImageOfFrames(Image):
    """An image made of the frames of another, whose files it has."""

    def __init__(self, image: Image, axis: str, layout: Layout, dtype: npt.DTypeLike) -> None:
        self.image = image
        self.axis = axis
        self._at = image.axes.index(axis)
        sizes = dict(zip(image.axes, image.shape, strict=True))
        super().__init__(image.path, layout, layout.stored_shape(sizes), dtype)
        self.pixel_size = image.pixel_size.along(self.axes) if image.pixel_size else None
        self.chunks = tuple(side for axis, side in zip(image.axes, image.chunks, strict=True) if axis in self.axes)
        self.data_bar = image.data_bar
        self.read_as, self.extension = image.read_as, image.extension
        self.style = _StyleOfFrames(image.style.annotations)
        self.unwritten = image.unwritten
        self.files = image.files

    @property
    def known(self) -> Manifest | None:
        """See ``Image.known``: it is checked when frames are read."""
        return self.image.known

    @known.setter
    def known(self, known: Manifest | None) -> None:
        self.image.known = known

    @contextmanager
    def unchanged(self, region: Region) -> Iterator[None]:
        """See ``Image.unchanged``: that of each frame is checked, whose region is another."""
        del region
        yield

    def read_window(self, index: tuple[int, ...], rows: slice, columns: slice) -> Array:
        """See ``Image.read_window``."""
        window: Array = self.read_stored(tuple(slice(at, at + 1) for at in index), rows, columns)[(0,) * len(index)]
        return window

    def release(self) -> None:
        """See ``Image.release``."""
        self.image.release()

    def close(self) -> None:
        """See ``Image.close``."""
        self.image.close()

    def _frame(self, number: int, leading: tuple[slice, ...], rows: slice, columns: slice) -> Array:
        """A region of one frame, with its axis."""
        before, after = leading[: self._at], leading[self._at :]
        block = self.image.read_block((*before, slice(number, number + 1), *after), rows, columns)
        return np.ma.getdata(block)


class AveragedFrames(ImageOfFrames):
    """The mean of the frames of an image, as floats; one frame at a time is in memory."""

    def __init__(self, image: Image, axis: str) -> None:
        super().__init__(image, axis, Layout(image.axes.replace(axis, "")), np.result_type(image.dtype, np.float32))

    def read_stored(self, leading: tuple[slice, ...], rows: slice, columns: slice) -> Array:
        """See ``Image.read_stored``."""
        count = self.image.shape[self._at]
        total = self._frame(0, leading, rows, columns).astype(np.float64)
        for number in range(1, count):
            total += self._frame(number, leading, rows, columns)
        mean: Array = (total / count).squeeze(self._at).astype(self.dtype)
        return mean


class NeighbouringFrames(ImageOfFrames):
    """The frames of an image in another order: each has the place of its neighbour."""

    def __init__(self, image: Image, axis: str) -> None:
        super().__init__(image, axis, Layout(image.axes), image.dtype)

    def read_stored(self, leading: tuple[slice, ...], rows: slice, columns: slice) -> Array:
        """See ``Image.read_stored``."""
        last = self.image.shape[self._at] - 1
        others = (*leading[: self._at], *leading[self._at + 1 :])
        wanted = range(leading[self._at].start, leading[self._at].stop)
        frames = [self._frame(at + 1 if at < last else at - 1, others, rows, columns) for at in wanted]
        return np.concatenate(frames, self._at)

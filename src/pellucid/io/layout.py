"""The order of the axes in a stored array, and where the planes of its image are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.errors import InputError

Array = npt.NDArray[Any]

#: The axes an image can have: time, channel, depth, height, width.
AXES = "TCZYX"
#: Colour samples of one pixel (RGB, RGBA, grey with alpha): read, but not one of an image's axes.
SAMPLES = "S"
_DEFAULT = {2: "YX", 3: "ZYX", 4: "TZYX", 5: "TCZYX"}


@dataclass(frozen=True)
class Layout:
    """The letters of a stored array's dimensions in stored order, e.g. ``"XYZ"`` or ``"ZYXS"``."""

    stored: str

    @property
    def axes(self) -> str:
        """The image's axes: all but the samples, with Y and X last."""
        return "".join(letter for letter in self.stored if letter not in "YX" + SAMPLES) + "YX"

    def shape(self, stored_shape: Sequence[int]) -> tuple[int, ...]:
        """The shape in the order of ``axes``."""
        sizes = dict(zip(self.stored, stored_shape, strict=True))
        return tuple(int(sizes[letter]) for letter in self.axes)

    def stored_shape(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The shape in stored order, from the size of every axis."""
        return tuple(sizes[letter] for letter in self.stored)

    def index(self, region: Mapping[str, slice]) -> tuple[slice, ...]:
        """The index into the stored array for a region; axes that are not named are taken whole."""
        return tuple(region.get(letter, slice(None)) for letter in self.stored)

    def to_axes(self, block: Array) -> Array:
        """A block read with ``index``, in the order of ``axes``; colour samples last."""
        wanted = self.axes + (SAMPLES if SAMPLES in self.stored else "")
        return block.transpose([self.stored.index(letter) for letter in wanted])

    def from_axes(self, block: Array, axes: str) -> Array:
        """A block in the order of ``axes``, transposed to stored order."""
        return block.transpose([axes.index(letter) for letter in self.stored])


def default_layout(shape: Sequence[int], name: str) -> Layout:
    """The layout of an array whose axes are not named: YX, ZYX, TZYX or TCZYX; a short last axis is colour.

    Raises:
        InputError: The array has fewer than two or more than five dimensions.
    """
    shape = tuple(shape)
    # a last axis of 3 or 4 after two long ones is colour: no microscope makes images 3 pixels wide
    if len(shape) >= 3 and shape[-1] in (3, 4) and min(shape[-3:-1]) > 4 and len(shape) - 1 in _DEFAULT:
        return Layout(_DEFAULT[len(shape) - 1] + SAMPLES)
    if len(shape) not in _DEFAULT:
        raise InputError(
            f"{name}: has {len(shape)} dimension{'s' if len(shape) != 1 else ''} (shape {shape}), but an image has "
            "2 to 5 (YX, ZYX, TZYX or TCZYX): reshape it to one of these"
        )
    return Layout(_DEFAULT[len(shape)])


def named_layout(axes: str, shape: Sequence[int], name: str) -> Layout:
    """The layout of an array whose axes are named; unknown letters become unused ones of Z, T, C.

    Raises:
        InputError: Y or X is missing, an axis occurs twice, or there are more than five axes.
    """
    axes = axes.upper()
    free = [letter for letter in "ZTC" if letter not in axes]
    letters = [letter if letter in AXES + SAMPLES or not free else free.pop(0) for letter in axes]
    unknown = any(letter not in AXES + SAMPLES for letter in letters)
    if "Y" not in letters or "X" not in letters or len(set(letters)) != len(letters) or unknown:
        raise InputError(
            f"{name}: has the axes {axes} (shape {tuple(shape)}), but an image has Y, X and at most T, C and Z, "
            "each once: save it in one of the shapes YX, ZYX, TZYX or TCZYX"
        )
    return Layout("".join(letters))


def first_grey(block: Array, name: str) -> Array:
    """The grey plane (Y, X) of a block (Y, X, samples) whose colour samples are equal; alpha is ignored.

    Raises:
        InputError: The colour samples differ.
    """
    colours = block.shape[-1] - 1 if block.shape[-1] in (2, 4) else block.shape[-1]
    grey = block[..., 0]
    if any(not np.array_equal(grey, block[..., sample]) for sample in range(1, colours)):
        raise InputError(
            f"{name}: is a colour image; Pellucid denoises one channel at a time: convert it to grey, or give one"
        )
    return grey

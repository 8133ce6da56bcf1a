"""Neighbouring slices: along Z within an image; of single images, in the order of their folder or list.

Single images are neighbours if they follow one another and have the same shape. Frames and channels are never
neighbours. Beyond the ends of a stack the nearest slice is repeated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from pellucid.io.image import Image, Plane
from pellucid.io.layout import Array

Numbers = NDArray[np.int64]


def around(places: Numbers, slices: int, length: int) -> Numbers:
    """The places of each slice and its neighbours in a stack of so many, (N, slices), its own in the middle."""
    shifted: Numbers = places[:, None] + np.arange(slices) - slices // 2
    return shifted.clip(0, length - 1)


def neighbours_among(planes: Sequence[Plane], slices: int) -> Numbers:
    """For each plane the numbers of the planes around it, among those that are given: (planes, slices).

    Args:
        planes: in the order of their source. Where some are left out, a stack ends.
        slices: an odd number.
    """
    if slices == 1:
        return np.arange(len(planes))[:, None]
    found = np.empty((len(planes), slices), np.int64)
    for stack in _stacks(planes):
        found[stack] = stack[around(np.arange(len(stack)), slices, len(stack))]
    return found


def _stacks(planes: Sequence[Plane]) -> Iterator[Numbers]:
    """The numbers of planes that follow one another."""
    volumes: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for shape, members in groupby(enumerate(planes), key=lambda each: _shape_of_section(each[1].image)):
        if shape is not None:
            yield np.array([number for number, _ in members])
            continue
        for number, plane in members:
            z = plane.image.axes.find("Z")
            others, place = (plane.index, 0) if z < 0 else (plane.index[:z] + plane.index[z + 1 :], plane.index[z])
            volumes.setdefault((id(plane.image), *others), []).append((place, number))
    for volume in volumes.values():
        places, numbers = np.array(sorted(volume)).T
        yield from np.split(numbers, np.flatnonzero(np.diff(places) != 1) + 1)


def _shape_of_section(image: Image) -> tuple[int, ...] | None:
    """The shape of an image of a single plane; None of any other."""
    return image.shape if len(image.planes) == 1 else None


class Neighbours:
    """Reads blocks of some images with the slices before and after.

    Args:
        images: of a source, in its order.
        slices: how many are wanted at once, an odd number.
    """

    def __init__(self, images: Sequence[Image], slices: int) -> None:
        self._slices = slices
        self._sections: dict[int, tuple[list[Image], int]] = {}
        """By the id of a single image: those that follow one another, and its place among them."""
        for shape, members in groupby(images, key=_shape_of_section):
            if shape is not None:
                stack = list(members)
                self._sections |= {id(image): (stack, place) for place, image in enumerate(stack)}

    def are_alone(self, image: Image) -> bool:
        """Whether no plane of an image has a neighbour."""
        sizes = dict(zip(image.axes, image.shape, strict=True))
        return sizes.get("Z", 1) == 1 and len(set(map(id, self.images(image)))) == 1

    def images(self, image: Image) -> list[Image]:
        """The images that blocks of an image are read from, slice by slice; of a volume itself alone."""
        if id(image) not in self._sections:
            return [image]
        stack, place = self._sections[id(image)]
        return [stack[number] for number in around(np.array([place]), self._slices, len(stack))[0]]

    def leading(self, image: Image, leading: tuple[slice, ...]) -> tuple[slice, ...]:
        """The part of the leading axes that is read for a block."""
        z, reach = image.axes.find("Z"), self._slices // 2
        if z < 0:
            return leading
        part = leading[z]
        deep = slice(max(0, part.start - reach), min(image.shape[z], part.stop + reach))
        return (*leading[:z], deep, *leading[z + 1 :])

    def read(self, image: Image, leading: tuple[slice, ...], rows: slice, columns: slice) -> list[Array]:
        """Blocks (…, Y, X) of one shape: for each slice around those of the block, which are in the middle.

        Raises:
            InputError: some of it cannot be read.
            ChangedError: some of it has changed.
        """
        deep = self.leading(image, leading)
        block = image.read_block(deep, rows, columns)
        others = self.images(image)
        if len(others) > 1:
            read = {other: other.planes[0][rows, columns].reshape(block.shape) for other in {*others} - {image}}
            return [block if other is image else read[other] for other in others]
        z = image.axes.find("Z")
        if z < 0:
            return [block] * self._slices
        places = around(np.arange(leading[z].start, leading[z].stop), self._slices, image.shape[z]) - deep[z].start
        return [_taken(block, row, z) for row in places.T]


def _taken(block: Array, places: Numbers, axis: int) -> Array:
    """Some places of an axis, in order: a view unless one is repeated."""
    if places[-1] - places[0] == len(places) - 1:
        return block[(slice(None),) * axis + (slice(int(places[0]), int(places[-1]) + 1),)]
    return block.take(places, axis)


def have_neighbours(planes: Sequence[Plane]) -> bool:
    """Whether any of the planes has a neighbour."""
    return any(len(stack) > 1 for stack in _stacks(planes))

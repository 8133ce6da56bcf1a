"""From the planes of a run to the batches that a method learns from; padding is kept out of the patches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.intensity_range import IntensityRange
from pellucid.data.padding import Mask, is_valid
from pellucid.data.patches import (
    Coverage,
    Draws,
    Flattest,
    GpuPatches,
    OfficialBatches,
    Patches,
    RandomBatches,
    Stacks,
    on_gpu,
)
from pellucid.device import Device, free_memory
from pellucid.errors import InputError
from pellucid.io.image import Plane
from pellucid.launch import WHOLE, Share, leads
from pellucid.methods import Method
from pellucid.methods.slices import slices_of
from pellucid.report import terminal
from pellucid.training import Batches

STACKED = ("noisy", "clean")
"""Kinds of which patches of several slices are cut, for a method that sees them."""
Covers = dict[int, list[Coverage]]
"""Where patches are covered by padding, by the number of the image; images without padding are left out."""


def make_patches(
    planes: Mapping[str, Sequence[Plane]],
    images: Mapping[str, Sequence[Any]],
    intensities: Mapping[str, IntensityRange],
    size: int,
    device: Device,
    neighbours: Mapping[str, NDArray[np.int64]],
) -> dict[str, Patches | GpuPatches]:
    """Return the patches of each kind, on the device if they fit into a part of its memory.

    Args:
        planes: planes of each kind.
        images: the same planes as arrays (Y, X).
        intensities: intensity range of each kind.
        size: side of a patch in pixels.
        device: where the training runs.
        neighbours: for each image of a kind the numbers of those that are seen with it, (images, slices).

    Raises:
        InputError: images of a kind have no place for a patch.
    """
    covers = find_covers(planes, images, size, neighbours)
    patches = {
        kind: Patches(images[kind], intensities[kind].network_input, size, covers.get(kind, {})) for kind in images
    }
    for kind, of_kind in patches.items():
        if not of_kind.positions.exist:
            raise InputError(
                f"{planes[kind][0].image.path}: the {kind} images have no square of {size} pixels that is free enough "
                "of padding (areas of one value) and missing pixels: crop the images, or use smaller patches "
                "(--set patch=...)"
            )
    room = free_memory(device.torch) // 4 // len(images)
    return {kind: on_gpu(of_kind, device.torch, room) for kind, of_kind in patches.items()}


def make_batches(
    method: Method[Any],
    patches: Mapping[str, Patches | GpuPatches],
    part: Share = WHOLE,
    neighbours: Mapping[str, NDArray[np.int64]] | None = None,
) -> Batches:
    """Return the batches that a method learns from, or one process's part of each.

    Args:
        method: what learns.
        patches: of each kind.
        part: of this process.
        neighbours: as for `make_patches`, for a method that sees slices: of noisy and clean images it is given stacks,
            and of partners those of the middle slice.
    """
    recipe = method.recipe
    if recipe.pipeline == "official":
        return OfficialBatches(patches["clean"], patches["noisy"], recipe.batch, recipe.seed, part)
    sources: dict[str, Draws] = {
        kind: Flattest(patches["noisy"]) if kind == "flat" else patches[kind] for kind in method.kinds
    }
    if neighbours is not None and slices_of(recipe) > 1:
        sources |= {kind: Stacks(patches[kind], neighbours[kind]) for kind in STACKED if kind in sources}
    return RandomBatches(sources, recipe.batch, recipe.seed, part, method.upright)


def find_covers(
    planes: Mapping[str, Sequence[Plane]],
    images: Mapping[str, Sequence[Any]],
    size: int,
    neighbours: Mapping[str, NDArray[np.int64]],
) -> dict[str, Covers]:
    """Find the padding in the images of each kind, and warn of it.

    Of a pair, both images must show something, and of a stack all slices.
    """
    covers = {kind: _covers_of(kind, planes[kind], images[kind], size) for kind in images}
    covers = {kind: _of_stacks(found, neighbours[kind]) for kind, found in covers.items()}
    if "pairs" in covers:
        noisy, pairs = covers["noisy"], covers["pairs"]
        both = {number: noisy.get(number, []) + pairs.get(number, []) for number in noisy.keys() | pairs.keys()}
        covers["noisy"] = covers["pairs"] = both
    return covers


def _of_stacks(covers: Covers, neighbours: NDArray[np.int64]) -> Covers:
    """The coverages of an image and of those around it."""
    found = {
        number: [each for other in dict.fromkeys(around) for each in covers.get(other, [])]
        for number, around in enumerate(neighbours.tolist())
    }
    return {number: of_stack for number, of_stack in found.items() if of_stack}


def _covers_of(kind: str, planes: Sequence[Plane], images: Sequence[Any], size: int) -> Covers:
    covers: Covers = {}
    padded = 0
    for number, (plane, image) in enumerate(zip(planes, images, strict=True)):
        valid = _valid(plane, image)
        if not valid.all():
            covers[number] = [Coverage(~valid, size)]
            padded += int((~valid).sum())
    if padded and leads():
        share = 100 * padded / sum(image.size for image in images)
        terminal.warn(
            f"{kind} images: {share:.3g} % of all pixels, in {len(covers)} of {len(images)} images, are padding "
            "(areas of one value: canvas, bars) or missing: patches that show much of them are left out"
        )
    return covers


def _valid(plane: Plane, image: Any) -> Mask:
    """Where an image shows something; the array of a masked image has lost its mask."""
    return is_valid(plane.read() if np.ma.isMaskedArray(plane[:1, :1]) else image)

"""Denoising of layers, plane by plane: into memory, or into an OME-Zarr where the layer is larger than that may be."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pellucid.blockwise.blocks import DenoisedBlock, denoise_planes
from pellucid.blockwise.denoised_files import padding_text, warnings_of
from pellucid.blockwise.ledger import Outcome
from pellucid.blockwise.plan import DENOISED
from pellucid.data.neighbours import Neighbours
from pellucid.inference.tiles import Box, tile_around
from pellucid.io.handles import Handle
from pellucid.io.image import ArrayImage
from pellucid.io.layout import Array, Layout
from pellucid.io.registry import open_image
from pellucid.io.writing import create_image
from pellucid.methods.slices import slices_of
from pellucid.model import Model
from pellucid.napari_plugin.calibration import refuse_turned
from pellucid.napari_plugin.pixels import lazy_pixels
from pellucid.napari_plugin.reader import LayerData
from pellucid.napari_plugin.snapshot import Snapshot
from pellucid.napari_plugin.visible import Region
from pellucid.napari_plugin.watch import PIXELS, Progress, Watch


class Made(NamedTuple):
    """New layers, and what to say about them."""

    layers: list[LayerData]
    lines: list[str]


Work = Generator[Progress, None, Made]
"""Yields after each plane; between planes the watch is told of each tile."""


def denoise_into_memory(noisy: Snapshot, model: Model, watch: Watch) -> Work:
    """Denoise a layer into an array.

    Raises:
        InputError: a layer that cannot be denoised.
        Interrupted: the watch was asked to stop.
    """
    planes = np.empty((len(noisy.image.planes), *noisy.image.plane_shape), noisy.image.dtype)
    found = _Found(noisy.image)
    for number, done in enumerate(_planes(noisy, model, watch)):
        planes[number] = found.take(done)
        yield watch.set(Progress(PIXELS, (number + 1) * planes[0].size, planes.size))
    stored = noisy.image.layout.from_axes(planes.reshape(noisy.image.shape), noisy.image.axes)
    return Made([(np.ascontiguousarray(stored), noisy.derived("denoised"), "image")], found.lines)


def denoise_into_folder(noisy: Snapshot, model: Model, watch: Watch, folder: Path) -> Work:
    """Denoise a layer into an OME-Zarr, which is shown from there. Of a file, a stopped run is resumed by another.

    Raises:
        InputError: a layer that cannot be denoised, or a result that exists.
        RunError: the disk is full.
        Interrupted: the watch was asked to stop.
    """
    path = folder / f"{re.sub(r'[^0-9A-Za-z_.-]+', '_', noisy.name)}_denoised.zarr"
    lines = yield from (_from_file if noisy.file else _plane_by_plane)(noisy, model, watch, path)
    result = open_image(path)
    pixels = noisy.image.layout.from_axes(lazy_pixels(result), result.axes)
    attributes = noisy.derived("denoised") | {"metadata": {}}
    return Made([(pixels, attributes, "image")], [str(path), *lines])


def _plane_by_plane(noisy: Snapshot, model: Model, watch: Watch, path: Path) -> Generator[Progress, None, list[str]]:
    found, area = _Found(noisy.image), int(np.prod(noisy.image.plane_shape))
    with create_image(path, noisy.image, history=model.spec.history) as writer:
        for number, done in enumerate(_planes(noisy, model, watch)):
            writer.write(number, found.take(done))
            yield watch.set(Progress(PIXELS, (number + 1) * area, len(noisy.image.planes) * area))
    return [*found.lines, *writer.notes]


def _from_file(noisy: Snapshot, model: Model, watch: Watch, path: Path) -> Generator[Progress, None, list[str]]:
    """As `pellucid denoise` does it: blocks of planes of any size, with coarser levels."""
    yield watch.set(Progress("starting"))
    with watch.watching():
        written = model.denoise_files(str(noisy.file), path)
    return warnings_of(written)


def preview(noisy: Snapshot, model: Model, watch: Watch, region: Region) -> Work:
    """Denoise the visible region alone; around it is read what the denoiser sees there.

    Where the norms of a network, or a filter, measure the whole plane, they measure the region instead.

    Raises:
        InputError: a layer that cannot be denoised.
        Interrupted: the watch was asked to stop.
    """
    refuse_turned(noisy.attributes, noisy.name)
    core, (height, width) = region.box, noisy.image.plane_shape
    stride, halo = model.denoiser.stride, model.denoiser.halo
    tall, wide = (-(-side // stride) * stride for side in (height, width))
    read = tile_around(core, tall, wide, halo, stride).read.common(Box(0, height, 0, width))
    leading = tuple(slice(at, at + 1) for at in region.leading)
    seen = Neighbours([noisy.image], slices_of(model.denoiser)).leading(noisy.image, leading)
    part = noisy.image.read_block(seen, *read.slices)
    alone = ArrayImage(noisy.name, Handle(lambda: part), Layout(noisy.image.axes))
    plane = tuple(at - axis.start for at, axis in zip(region.leading, seen, strict=True))
    watch.set(Progress(PIXELS, 0, read.area))
    found = _Found(alone)
    pixels = np.empty(core.shape, noisy.image.dtype)
    for done in watch.over(denoise_planes(model.spec, alone, planes=[plane])):
        pixels = found.take(done)[core.within(read).slices]
        yield watch.set(Progress(PIXELS, read.area, read.area))
    return Made([_placed(noisy, pixels, region, "preview")], found.lines)


def removed_layer(noisy: Snapshot, made: Made) -> LayerData:
    """What was removed from a layer, as float32: of a lazy result computed when it is shown."""
    denoised, attributes, _ = made.layers[0]
    difference = noisy.pixels.astype(np.float32) - denoised.astype(np.float32)
    return difference, _for_noise(attributes, noisy.name, noisy.attributes), "image"


def removed_preview(noisy: Snapshot, made: Made, region: Region) -> LayerData:
    """Likewise of the visible region."""
    denoised, attributes, _ = made.layers[0]
    shown = noisy.image.read_block(tuple(slice(at, at + 1) for at in region.leading), *region.box.slices)
    before = noisy.image.layout.from_axes(np.ma.getdata(shown), noisy.image.axes)
    difference = before.astype(np.float32) - denoised.astype(np.float32)
    return difference, _for_noise(attributes, noisy.name, noisy.attributes), "image"


def _for_noise(attributes: dict[str, Any], name: str, shown: Any) -> dict[str, Any]:
    """Attributes of noise: grey, and symmetric about 0 with the contrast of the image."""
    low, high = shown.get("contrast_limits") or (0.0, 1.0)
    reach = max(float(high) - float(low), 1e-6) / 2
    return attributes | {"name": f"{name}, removed", "colormap": "gray", "contrast_limits": [-reach, reach]}


class _Found:
    """What is known of the planes that were denoised."""

    def __init__(self, image: ArrayImage) -> None:
        self._outcome, self._pixels, self._image = Outcome(), 0, image

    def take(self, done: DenoisedBlock) -> Array:
        """The pixels of a plane, (Y, X)."""
        plane = done.results[DENOISED].reshape(self._image.plane_shape)
        self._outcome += done.outcome
        self._pixels += plane.size
        return plane

    @property
    def lines(self) -> list[str]:
        """What a person should know."""
        kept = [padding_text(self._outcome.kept / self._pixels)] if self._outcome.kept else []
        return [*(f"warning: {finding.text}" for finding in self._outcome.removed.warnings()), *kept]


def _planes(noisy: Snapshot, model: Model, watch: Watch) -> Iterator[DenoisedBlock]:
    watch.set(Progress(PIXELS, 0, float(np.prod(noisy.image.shape, dtype=np.int64))))
    return watch.over(denoise_planes(model.spec, noisy.image))


def _placed(noisy: Snapshot, pixels: Array, region: Region, name: str) -> LayerData:
    """A layer of a region, of the same dimensions, where the region is."""
    stored = noisy.image.layout.stored
    start = dict(zip(noisy.image.axes, (*region.leading, region.box.top, region.box.left), strict=True))
    attributes = noisy.derived(name)
    whole = noisy.image.layout.from_axes(pixels[(None,) * len(region.leading)], noisy.image.axes)
    ones = np.ones(len(stored))
    scale = np.asarray(attributes.get("scale", ones), float)
    shift = np.asarray(attributes.get("translate", 0 * ones), float)
    moved = [float(at) for at in shift + scale * [start[axis] for axis in stored]]
    return whole, attributes | {"translate": moved}, "image"

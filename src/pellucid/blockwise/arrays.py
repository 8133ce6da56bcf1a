"""Denoising of arrays: a run without a folder, whose blocks are planes. Each kind of array gives its own kind back."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.blockwise.blocks import denoise_planes
from pellucid.blockwise.denoised_files import padding_text
from pellucid.blockwise.ledger import Outcome
from pellucid.blockwise.plan import DENOISED, DenoiserSpec
from pellucid.blockwise.progress import denoising_bar
from pellucid.data.neighbours import Neighbours
from pellucid.data.source import Source, is_path, open_source
from pellucid.errors import InputError
from pellucid.evaluation import RemovedNoise
from pellucid.io.arrays import has_dims, is_deferred, like
from pellucid.io.handles import Handle
from pellucid.io.image import ArrayImage, Image, Plane
from pellucid.io.layout import SAMPLES, Array, Layout
from pellucid.io.writing import create_image
from pellucid.methods.slices import slices_of
from pellucid.report import terminal

_ONE_AT_A_TIME = threading.Lock()
"""Blocks of a Dask array come from several threads; the networks use all processors for one."""


def names_files(images: Any) -> bool:
    """Whether these are files, folders, globs, or a list of such; else they are arrays."""
    if isinstance(images, list | tuple):
        return bool(images) and all(map(is_path, images))
    return is_path(images)


def open_arrays(images: Any) -> Source:
    """Open an array (Y, X) to (T, C, Z, Y, X) of any library, or a list of such.

    Raises:
        InputError: no array, no image, or an image in colour.
    """
    if isinstance(images, list | tuple) and any(map(is_path, images)):
        raise InputError("the list holds files and arrays: denoise the files, which need an output, apart")
    source = open_source(images)
    for image in source.images:
        if SAMPLES in image.layout.stored:
            raise InputError(
                f"{image.path}: is a colour image, by its last axis; Pellucid cleans one channel at a time: "
                "give one, such as array[..., 0]"
            )
    return source


def planes_at_hand(source: Source) -> list[Plane]:
    """All planes but those of arrays that are computed later, as Dask's are."""
    pairs = zip(_given(source), source.images, strict=True)
    return [plane for array, image in pairs if not is_deferred(_inner(array)) for plane in image.planes]


def denoise_arrays(
    spec: DenoiserSpec, source: Source, output: str | Path | None = None, **options: Any
) -> tuple[Any, RemovedNoise]:
    """Denoise arrays, with statistics of each plane's own.

    Args:
        spec: the denoiser.
        source: what `open_arrays` returned.
        output: a file for the result, whose planes are computed and written one after the other.
        options: `overwrite`, with an output.

    Returns:
        The same kind of array, of the same shape and dtype, a list for a list, the path where there is an output; and
        what was removed, from arrays that are computed later (Dask) nothing.

    Raises:
        InputError: options that go with files, or a file that exists.
    """
    several = isinstance(source.spec, list | tuple)
    if set(options) - ({"overwrite"} if output is not None else set()):
        raise InputError(f"{', '.join(options)}: goes with files; an array gives an array, or with an output a file")
    if output is not None and several:
        raise InputError(f"{output}: arrays in a list have no names to give to files: denoise them one by one")
    run = _ArrayRun(spec, source.images)
    if output is not None:
        run.write(source.images[0], Path(output), **options)
        return Path(output), run.report()
    results = [run.denoise(array, image) for array, image in zip(_given(source), source.images, strict=True)]
    return results if several else results[0], run.report()


def _given(source: Source) -> Sequence[Any]:
    return source.spec if isinstance(source.spec, list | tuple) else [source.spec]


def _inner(array: Any) -> Any:
    """The array that one with named axes holds."""
    return array.data if has_dims(array) else array


class _ArrayRun:
    """Denoises arrays one after the other, and adds up what is known of them."""

    def __init__(self, spec: DenoiserSpec, images: Sequence[Image]) -> None:
        self._spec = spec
        self._images = images
        self._outcome = Outcome()
        self._pixels = 0

    def denoise(self, array: Any, image: Image) -> Any:
        """An array like that given, whose image is open; one that is computed later comes later too."""
        inner = _inner(array)
        if is_deferred(inner):
            self._refuse_apart(image)
            later = self._deferred(inner, image.layout)
            return array.copy(data=later) if has_dims(array) else later
        dtype = inner.dtype if isinstance(inner, np.ndarray) else image.dtype  # in its own byte order
        return like(array, _stored(image, self._planes(image)).astype(dtype, copy=False))

    def write(self, image: Image, path: Path, *, overwrite: bool = False) -> None:
        """Denoise an array into a file, plane by plane."""
        with create_image(path, image, overwrite=overwrite) as writer:
            for number, plane in enumerate(self._planes(image)):
                writer.write(number, plane)

    def report(self) -> RemovedNoise:
        """What was removed from all arrays; prints what a person should know of it."""
        for finding in self._outcome.removed.warnings():
            terminal.warn(finding.text)
        if self._outcome.kept:
            terminal.say(f"array: {padding_text(self._outcome.kept / self._pixels)}")
        return self._outcome.removed

    def _refuse_apart(self, image: Image) -> None:
        """Raise InputError if the slices next to an array that is computed later are other arrays."""
        if len(set(map(id, Neighbours(self._images, slices_of(self._spec.denoiser)).images(image)))) > 1:
            raise InputError(
                "this model sees neighbouring slices, which arrays that are computed later do not have in a list: "
                "give them as one, such as dask.array.stack(arrays)"
            )

    def _planes(self, image: Image) -> Iterator[Array]:
        pixels = int(np.prod(image.shape))
        self._pixels += pixels
        with denoising_bar(self._spec.denoiser, len(image.planes), pixels) as advance:
            for done in denoise_planes(self._spec, image, source=self._images):
                self._outcome += done.outcome
                yield done.results[DENOISED].reshape(image.shape[-2:])
                advance(1)

    def _deferred(self, chunked: Any, layout: Layout) -> Any:
        """An array whose chunks are denoised when they are computed; planes are made whole first.

        Where the denoiser sees slices, each chunk is given those next to it.
        """
        planes = chunked.rechunk({layout.stored.index(axis): -1 for axis in "YX"})
        margins = {axis: slices_of(self._spec.denoiser) // 2 if axis == "Z" else 0 for axis in layout.stored}
        name = f"denoised-{self._spec.fingerprint[:16]}-{planes.name}"
        kind = {"dtype": chunked.dtype, "meta": np.empty((0,) * chunked.ndim, chunked.dtype)}
        if not any(margins.values()):
            return planes.map_blocks(partial(_denoise_chunk, self._spec, layout.stored, 0), name=name, **kind)
        return planes.map_overlap(
            partial(_denoise_chunk, self._spec, layout.stored, margins["Z"]),
            depth=dict(enumerate(margins.values())),
            boundary="nearest",
            trim=False,
            name=name,
            **kind,
        )


def _denoise_chunk(spec: DenoiserSpec, stored: str, margin: int, chunk: Array) -> Any:
    """Denoise a chunk but for a margin of slices at both ends, which are there to be seen."""
    image = ArrayImage("array", Handle(lambda: chunk), Layout(stored))
    kept = tuple(
        range(margin, size - margin) if axis == "Z" else range(size)
        for axis, size in zip(image.axes[:-2], image.shape[:-2], strict=True)
    )
    shape = (*map(len, kept), *image.shape[-2:])
    with _ONE_AT_A_TIME:
        done = np.stack([each.results[DENOISED] for each in denoise_planes(spec, image, planes=product(*kept))])
    planes = image.layout.from_axes(done.reshape(shape), image.axes)
    return like(chunk, planes.astype(chunk.dtype, copy=False))


def _stored(image: Image, planes: Iterator[Array]) -> Array:
    """Planes as one array, its axes in the order of the array that they are from."""
    return image.layout.from_axes(np.stack(list(planes)).reshape(image.shape), image.axes)

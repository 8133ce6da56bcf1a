"""Denoising of arrays: each kind gives its own kind back, and one that lies in chunks is never read as a whole."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pellucid.blockwise.denoiser_spec import DenoiserSpec
from pellucid.blockwise.progress import Advance, denoising_bar
from pellucid.blockwise.run import padding_text
from pellucid.data.intensity_range import IntensityRange
from pellucid.data.padding import is_finite
from pellucid.data.source import Source, is_path, open_source
from pellucid.errors import InputError
from pellucid.evaluation import RemovedNoise, removed_noise
from pellucid.inference import DenoisedPlane
from pellucid.io.arrays import has_dims, is_deferred, like, open_array
from pellucid.io.conversion import Conversion
from pellucid.io.handles import Handle
from pellucid.io.image import ArrayImage, Image, Plane
from pellucid.io.layout import SAMPLES, Layout
from pellucid.io.writing import create_image
from pellucid.methods import Denoiser
from pellucid.report import terminal

Array = NDArray[Any]
_ONE_AT_A_TIME = threading.Lock()
"""Blocks of a Dask array come from several threads; the networks use all processors for one."""


class DenoisingModel(Protocol):
    """What is asked of a model."""

    @property
    def intensity_range(self) -> IntensityRange:
        """Of the noisy images."""

    @property
    def denoiser(self) -> Denoiser:
        """What denoises."""

    @property
    def cleaner(self) -> DenoiserSpec:
        """The same, with what tells it from others."""

    def refuse_other_types(self, source: Source) -> None:
        """Raise InputError if pixels are of another type than the model's."""

    def compare_with_training(self, planes: Sequence[Plane]) -> list[str]:
        """In what planes differ from those of the training."""

    def planes(self, image: Image) -> Iterator[tuple[Array, DenoisedPlane]]:
        """Each plane of an image as it is, and denoised."""


def names_files(images: Any) -> bool:
    """Whether these are files, folders, globs, or a list of such; else they are arrays."""
    if isinstance(images, list | tuple):
        return bool(images) and all(map(is_path, images))
    return is_path(images)


def denoise_arrays(
    model: DenoisingModel, images: Any, output: str | Path | None = None, **options: Any
) -> tuple[Any, RemovedNoise]:
    """Denoise an array, or each of a list, with statistics of each plane's own.

    Args:
        model: which denoises.
        images: array (Y, X) to (T, C, Z, Y, X) of any library, or a list of such.
        output: a file for the result; its planes are computed and written one after the other.
        options: `overwrite`, with an output.

    Returns:
        The same kind of array, of the same shape and dtype, a list for a list, the path where there is an output; and
        what was removed, of an array that is denoised later (Dask) nothing.

    Raises:
        InputError: what is no array or no image, pixels of another type than the model's, or a file that exists.
    """
    if isinstance(images, list | tuple) and any(map(is_path, images)):
        raise InputError("the list holds files and arrays: denoise the files, which need an output, apart")
    source = open_source(images)  # what cannot be read is told before anything is computed
    model.refuse_other_types(source)
    for image in source.images:
        _refuse_colour(image)
    several = isinstance(images, list | tuple)
    if set(options) - ({"overwrite"} if output is not None else set()):
        raise InputError(f"{', '.join(options)}: goes with files; an array gives an array, or with an output a file")
    if output is not None and several:
        raise InputError(f"{output}: arrays in a list have no names to give to files: denoise them one by one")
    removed = _Removed()
    if output is not None:
        return _write(model, source.images[0], Path(output), removed, **options), removed.told()
    results = [_denoised(model, each, removed) for each in (images if several else [images])]
    return results if several else results[0], removed.told()


class _Removed:
    """What was removed so far."""

    def __init__(self) -> None:
        self.noise = RemovedNoise()
        self.padding = self.pixels = 0

    def told(self) -> RemovedNoise:
        """All of it, when warned of what a person should look at."""
        for warning in self.noise.warnings():
            terminal.warn(warning)
        if self.padding:
            terminal.say(f"array: {padding_text(self.padding / self.pixels)}")
        return self.noise


def _denoised(model: DenoisingModel, held: Any, removed: _Removed) -> Any:
    inner = held.data if has_dims(held) else held
    image = open_array(held)
    if is_deferred(inner):
        later = _deferred(model, inner, image.layout)
        return held.copy(data=later) if has_dims(held) else later
    _warn_of_differences(model, image)
    with _bar(model, image) as advance:
        planes = list(_planes(model, image, removed, advance))
    dtype = inner.dtype if isinstance(inner, np.ndarray) else image.dtype  # in its own order of bytes
    return like(held, _stored(image, planes).astype(dtype, copy=False))


def _deferred(model: DenoisingModel, chunked: Any, layout: Layout) -> Any:
    """An array of chunks, each denoised when it is computed; planes are made whole first."""
    planes = chunked.rechunk({layout.stored.index(axis): -1 for axis in "YX"})
    return planes.map_blocks(
        partial(_denoise_block, model, layout.stored),
        dtype=chunked.dtype,
        meta=np.empty((0,) * chunked.ndim, chunked.dtype),
        name=f"denoised-{model.cleaner.digest[:16]}-{planes.name}",
    )


def _denoise_block(model: DenoisingModel, stored: str, block: Array) -> Any:
    image = ArrayImage("array", Handle(lambda: block), Layout(stored))
    with _ONE_AT_A_TIME:
        result = _stored(image, list(_planes(model, image, _Removed())))
    return like(block, result.astype(block.dtype, copy=False))


def _write(model: DenoisingModel, image: Image, path: Path, removed: _Removed, *, overwrite: bool = False) -> Path:
    _warn_of_differences(model, image)
    with create_image(path, image, overwrite=overwrite) as writer, _bar(model, image) as advance:
        for number, plane in enumerate(_planes(model, image, removed, advance)):
            writer.write(number, plane)
    return path


def _warn_of_differences(model: DenoisingModel, image: Image) -> None:
    for warning in model.compare_with_training(image.planes):
        terminal.warn(warning)


def _planes(
    model: DenoisingModel, image: Image, removed: _Removed, advance: Advance = lambda _: None
) -> Iterator[Array]:
    convert = Conversion(image.dtype)
    for pixels, done in model.planes(image):
        given = np.ma.getdata(pixels)
        denoised = convert(np.where(done.valid, model.intensity_range.denormalize(done.image), 0))
        removed.noise += removed_noise(given, denoised, done.valid)
        removed.padding += int((is_finite(pixels) & ~done.valid).sum())
        removed.pixels += given.size
        yield np.where(done.valid, denoised, given)
        advance(1)


def _stored(image: ArrayImage, planes: list[Array]) -> Array:
    """Planes as one array, its axes in the order of the array that they are from."""
    return image.layout.from_box(np.stack(planes).reshape(image.shape), image.axes)


def _bar(model: DenoisingModel, image: Image) -> AbstractContextManager[Advance]:
    return denoising_bar(model.denoiser, len(image.planes), int(np.prod(image.shape)))


def _refuse_colour(image: Image) -> None:
    if SAMPLES in image.layout.stored:
        raise InputError(
            f"{image.path}: is a colour image, by its last axis; Pellucid cleans one channel at a time: "
            "give one, such as array[..., 0]"
        )

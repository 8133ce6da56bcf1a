"""Denoising of a block of an image, with the policy for invalid pixels.

Invalid pixels are padding (large areas of one value), not-a-number, infinite or masked. The networks see middle grey
there, statistics exclude them, and the result has the noisy image's values. A plane without any valid pixel, such as a
constant one, is not computed at all. Whole planes and tiles, files and arrays all go through `denoise_block`.

A block has all slices that its denoiser sees: its own planes, and those before and after (`data/neighbours.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pellucid.blockwise.grid import Slices, places
from pellucid.blockwise.ledger import Outcome
from pellucid.blockwise.plan import DENOISED, NOISE, DenoiserSpec
from pellucid.data.neighbours import Neighbours
from pellucid.data.padding import is_finite
from pellucid.errors import InputError, ModelError
from pellucid.evaluation import removed_noise
from pellucid.inference import DenoisedPlane, FrozenDenoiser, Statistics, View, denoise_view
from pellucid.inference.tiles import Box
from pellucid.io.conversion import Conversion
from pellucid.io.image import Image
from pellucid.io.layout import Array
from pellucid.methods.slices import slices_of


@dataclass(frozen=True)
class NoisyBlock:
    """The pixels read for a block.

    Attributes:
        image: the image that the pixels belong to.
        leading: position of the block along the leading axes of the image.
        core: position of the block in its planes.
        read: position of the pixels in their planes: the block with the margin that the networks and the detection of
            padding need.
        slices: pixels (…, Y, X) of the block, in the middle, and of as many planes before and after each of its own.
    """

    image: Image
    leading: Slices
    core: Box
    read: Box
    slices: Sequence[Array]

    @property
    def pixels(self) -> Array:
        """The pixels of the block, (…, Y, X)."""
        return self.slices[len(self.slices) // 2]

    @property
    def planes(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Number in the image and index in the block of each plane."""
        return places(self.leading, self.image.shape[:-2])


class DenoisedBlock(NamedTuple):
    """The pixels of a block, (…, Y, X), by the name of the result, and what is known of them."""

    results: Mapping[str, Array]
    outcome: Outcome


DenoisePlane = Callable[[View, Box, int], DenoisedPlane | None]
"""Denoises a box of the plane with a number; None if the whole series of the plane is padding."""


def denoise_block(
    noisy: NoisyBlock, spec: DenoiserSpec, denoise: DenoisePlane, results: Mapping[str, np.dtype[Any]]
) -> DenoisedBlock:
    """Denoise a block plane by plane, and convert it to the intensities and pixel types of the results.

    Args:
        noisy: the pixels.
        spec: the denoiser.
        denoise: how it denoises a plane.
        results: pixel type of "denoised", of estimates and of "noise", by name.

    Raises:
        InputError: a plane does not fit into memory, and the method takes it only as a whole.
        ModelError: the networks give values that are not finite.
    """
    converted = {name: Conversion(dtype) for name, dtype in results.items()}
    blocks = {name: np.empty(noisy.pixels.shape[:-2] + noisy.core.shape, dtype) for name, dtype in results.items()}
    outcome = Outcome()
    for number, at in noisy.planes:
        name = f"{noisy.image.path}[{number}]"
        part = noisy.pixels[at]
        slices = [part if pixels is noisy.pixels else pixels[at] for pixels in noisy.slices]
        view = View.of_part(slices, noisy.read, noisy.image.shape[-2:], spec.intensity_range, spec.denoiser)
        valid = view.valid(noisy.core)
        try:
            done = denoise(view, noisy.core, number) if valid.any() else None
        except ModelError as problem:
            raise ModelError(f"{spec.name} {problem} ({name})") from None
        except InputError as problem:
            raise InputError(f"{name}: {problem}") from None
        valid = valid if done else np.zeros_like(valid)
        pixels = np.ma.getdata(part[noisy.core.within(noisy.read).slices])
        finite = is_finite(pixels)
        for result, convert in converted.items():
            block = blocks[result][at]
            if done:
                block[...] = convert(np.where(valid, _intensities(result, done, pixels, spec), 0), name)
            invalid = pixels[~valid]
            block[~valid] = np.where(finite[~valid], 0, invalid) if result == NOISE else invalid
        missing = int((~finite).sum())
        removed = removed_noise(pixels, blocks[DENOISED][at], valid, (noisy.core.top, noisy.core.left))
        outcome += Outcome(0, missing, int((~valid).sum()) - missing, removed)
    return DenoisedBlock(blocks, outcome._replace(clipped=converted[DENOISED].report.clipped))


def _intensities(result: str, done: DenoisedPlane, noisy: Array, spec: DenoiserSpec) -> Array:
    """A result in the image's intensities, not rounded."""
    if result == NOISE:
        return noisy.astype(np.float32) - spec.intensity_range.denormalize(done.image)
    return spec.intensity_range.denormalize(done.image if result == DENOISED else done.estimates[result])


def whole_planes(spec: DenoiserSpec, memory: float, estimates: Collection[str] = ()) -> DenoisePlane:
    """Denoising of planes of which all is in memory, each with moments of its own.

    Args:
        spec: the denoiser.
        memory: bytes that a plane may take in the networks; larger ones are cut into tiles.
        estimates: names of those to keep.
    """

    def denoise(view: View, core: Box, _: int) -> DenoisedPlane:
        return denoise_view(spec.denoiser, view, memory, estimates).cropped(core)

    return denoise


def planes_in_tiles(
    frozen: FrozenDenoiser, statistics: Callable[[int], Statistics | None], estimates: Collection[str]
) -> DenoisePlane:
    """Denoising of planes of which a part is in memory, with moments that were measured before.

    Args:
        frozen: the denoiser.
        statistics: returns those of a plane; None if its whole series is padding.
        estimates: names of those to keep.
    """

    def denoise(view: View, core: Box, number: int) -> DenoisedPlane | None:
        found = statistics(number)
        if found is None:
            return None
        frozen.use(found)
        return frozen.denoise(view, core, estimates)

    return denoise


def denoise_planes(
    spec: DenoiserSpec,
    image: Image,
    dtype: npt.DTypeLike | None = None,
    *,
    source: Sequence[Image] = (),
    planes: Iterable[tuple[int, ...]] | None = None,
) -> Iterator[DenoisedBlock]:
    """Denoise an image in memory: a run whose blocks are its planes, read one at a time.

    Args:
        spec: the denoiser.
        image: the image.
        dtype: of the result; that of the image if not given.
        source: the images in whose order it is, where single images are slices of a volume.
        planes: index along the leading axes of each plane to denoise; all by default.
    """
    neighbours = Neighbours(source or [image], slices_of(spec.denoiser))
    results = {DENOISED: image.dtype if dtype is None else np.dtype(dtype)}
    plane = Box(0, image.shape[-2], 0, image.shape[-1])
    for index in np.ndindex(image.shape[:-2]) if planes is None else planes:
        leading = tuple(slice(at, at + 1) for at in index)
        noisy = NoisyBlock(image, leading, plane, plane, neighbours.read(image, leading, *plane.slices))
        yield denoise_block(noisy, spec, whole_planes(spec, spec.memory), results)

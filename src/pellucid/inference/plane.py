"""Denoising one image in memory: whole where it fits into memory and the denoiser's window, else in tiles.

Tiles give the same pixels as the whole, except where an output pixel would see all of it (a denoiser with a window).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import torch
from torch import Tensor

from pellucid.errors import InputError
from pellucid.inference.activation_cache import ActivationCache
from pellucid.inference.estimates import DenoisedPlane, Plane
from pellucid.inference.frozen import FrozenDenoiser
from pellucid.inference.memory import is_out_of_memory
from pellucid.inference.statistics import exact_statistics
from pellucid.inference.tiles import Box, largest_side
from pellucid.inference.view import Piece, View
from pellucid.methods import Denoiser
from pellucid.norms import feature_norms, measure_valid, moments_from


@torch.no_grad()
def denoise_plane(denoiser: Denoiser, noisy: Plane, memory: float) -> DenoisedPlane:
    """Denoise an image (Y, X) of any size from 16×16 up.

    Padding and pixels that are not finite count for nothing, and mean nothing in the result. Height and width are
    mirrored up to a multiple of the network's stride at the bottom and the right, and cropped again. Tiles share the
    norm statistics and the noise level of the whole image and show no seams. A denoiser with a window is shown squares
    of that size, whatever the memory.

    Args:
        denoiser: in evaluation mode.
        noisy: (Y, X), around [−1, 1], not finite where there are no numbers.
        memory: bytes that the networks may use.

    Raises:
        InputError: the image does not fit into memory, and the denoiser takes it only as a whole.
    """
    view = View.of_array(noisy, denoiser.stride, denoiser.device)
    if view.is_blank():
        return _as_it_is(denoiser, view)
    if fits_whole(denoiser, view.whole, memory):
        try:
            return _denoise_whole(denoiser, view)
        except Exception as problem:
            if not is_out_of_memory(problem) or denoiser.whole or denoiser.window:
                raise
            memory = min(memory, denoiser.bytes_per_pixel * view.whole.area) / 2
    if denoiser.whole:
        raise InputError(
            f"an image of {noisy.shape[0]}×{noisy.shape[1]} pixels takes "
            f"{view.whole.area * denoiser.bytes_per_pixel / 2**30:.1f} GiB at once and there are {memory / 2**30:.1f} "
            "to use, and this method takes no tiles: cut the image into pieces, or allow more by --memory"
        )
    side = affordable_side(denoiser, memory)
    with ActivationCache(memory) as shelf:
        frozen = FrozenDenoiser(_fitted(denoiser, view.piece(view.whole)), side)
        frozen.use(exact_statistics(denoiser, view, frozen.side, shelf))
        return frozen.denoise(view, Box(0, noisy.shape[0], 0, noisy.shape[1]))


def fits_whole(denoiser: Denoiser, image: Box, memory: float) -> bool:
    """Whether an image can go through the denoiser at once; one with a window is never shown more or less than that."""
    if denoiser.window is not None:
        return max(image.shape) <= denoiser.window
    return image.area <= memory / denoiser.bytes_per_pixel


def affordable_side(denoiser: Denoiser, memory: float) -> int:
    """The side of the largest tile that memory allows; that of the denoiser's squares if it has a window."""
    if denoiser.window is not None:
        return denoiser.window - 2 * denoiser.halo
    return largest_side(memory / denoiser.bytes_per_pixel, denoiser.halo, denoiser.stride)


def _denoise_whole(denoiser: Denoiser, view: View) -> DenoisedPlane:
    image = view.piece(view.whole)
    with _counting_valid(denoiser, image):
        fitted = denoiser if image.valid is None else _fitted(denoiser, image)
        return _result(denoiser, view, fitted.estimates(image.pixels))


def _as_it_is(denoiser: Denoiser, view: View) -> DenoisedPlane:
    return _result(denoiser, view, dict.fromkeys(denoiser.estimate_names, view(view.whole)))


def _result(denoiser: Denoiser, view: View, estimates: dict[str, Tensor]) -> DenoisedPlane:
    box = Box(0, view.shape[0], 0, view.shape[1])
    result = DenoisedPlane(view.valid(box))
    result.put(box, denoiser.combine(estimates), estimates)
    return result


@contextmanager
def _counting_valid(denoiser: Denoiser, image: Piece) -> Iterator[None]:
    """Within the block the norms of a denoiser measure an image where it is valid."""
    if image.valid is None:
        yield
        return
    how = partial(measure_valid, valid=image.valid)
    with ExitStack() as stack:
        for network in denoiser.networks():
            stack.enter_context(moments_from(network, dict.fromkeys(feature_norms(network), how)))
        yield


def _fitted(denoiser: Denoiser, image: Piece) -> Denoiser:
    return denoiser.fit_image(image.pixels.cpu(), None if image.valid is None else image.valid.cpu())

"""Denoising one image: whole where it fits into memory and the denoiser's window, else in tiles.

Tiles give the same pixels as the whole, except where an output pixel would see all of it (a denoiser with a window).
"""

from __future__ import annotations

from contextlib import ExitStack

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.errors import InputError
from pellucid.inference.statistics import exact_statistics
from pellucid.inference.tiles import Box, largest_side, tiles
from pellucid.methods import Denoiser
from pellucid.norms import freeze

Plane = NDArray[np.float32]


class DenoisedPlane:
    """A denoised image and its parts, each (Y, X), in [−1, 1]."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.image: Plane = np.empty(shape, np.float32)
        self.parts: dict[str, Plane] = {}

    def put(self, box: Box, image: Tensor, parts: dict[str, Tensor]) -> None:
        """Fill in a piece (1, 1, h, w); what lies beyond the image is dropped."""
        for name in parts.keys() - self.parts.keys():
            self.parts[name] = np.empty_like(self.image)
        for target, piece in ((self.image, image), *((self.parts[name], parts[name]) for name in parts)):
            view = target[box.slices]
            view[:] = piece[0, 0, : view.shape[0], : view.shape[1]].cpu().numpy()


@torch.no_grad()
def denoise_plane(denoiser: Denoiser, noisy: Plane, memory: float) -> DenoisedPlane:
    """Denoise an image (Y, X) of any size from 16×16 up.

    Height and width are mirrored up to a multiple of the network's stride at the bottom and the right, and cropped
    again. Tiles share the norm statistics and the noise level of the whole image and show no seams. What is read for a
    tile is never larger than the denoiser's window, whatever the memory.

    Args:
        denoiser: in evaluation mode.
        noisy: (Y, X), around [−1, 1].
        memory: bytes that the networks may use.

    Raises:
        InputError: the image does not fit into memory, and the denoiser takes it only as a whole.
    """
    padded = _pad(noisy, denoiser.stride)

    def read(box: Box) -> Tensor:
        piece = torch.from_numpy(np.ascontiguousarray(padded[box.slices])).to(denoiser.device)[None, None]
        return piece.contiguous(memory_format=torch.channels_last)

    result = DenoisedPlane((noisy.shape[0], noisy.shape[1]))
    height, width = padded.shape
    affordable = memory / denoiser.bytes_per_pixel
    window = denoiser.window or max(height, width)
    if height * width <= affordable and max(height, width) <= window:
        whole = Box(0, height, 0, width)
        _denoise_piece(denoiser, read(whole), whole, whole, result)
        return result
    if denoiser.whole:
        raise InputError(
            f"an image of {noisy.shape[0]}×{noisy.shape[1]} pixels takes "
            f"{height * width * denoiser.bytes_per_pixel / 2**30:.1f} GiB at once and there are {memory / 2**30:.1f} "
            "to use, and this method takes no tiles: cut the image into pieces, or allow more by --memory"
        )

    side = largest_side(min(affordable, window**2), denoiser.reach, denoiser.stride)
    plan = list(tiles(height, width, side, denoiser.reach))
    with ExitStack() as frozen:
        frozen.enter_context(denoiser.knowing(torch.from_numpy(padded)[None, None]))
        for network in denoiser.networks():
            frozen.enter_context(freeze(network, exact_statistics(network, read, plan)))
        for tile in plan:
            _denoise_piece(denoiser, read(tile.read), tile.core, tile.core.within(tile.read), result)
    return result


def _denoise_piece(denoiser: Denoiser, noisy: Tensor, core: Box, inner: Box, result: DenoisedPlane) -> None:
    parts = denoiser.parts(noisy)
    image = denoiser.combine(parts)
    rows, columns = inner.slices
    result.put(core, image[:, :, rows, columns], {name: part[:, :, rows, columns] for name, part in parts.items()})


def _pad(plane: Plane, stride: int) -> Plane:
    missing = [(0, -side % stride) for side in plane.shape]
    return np.pad(plane, missing, mode="symmetric")

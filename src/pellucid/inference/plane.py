"""Denoising of one plane: as a whole where it fits into memory and the denoiser's window, else in tiles.

Tiles give the same pixels as the whole, except where an output pixel would see all of it (a denoiser with a window).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from pellucid.data.padding import Mask
from pellucid.errors import InputError, ModelError
from pellucid.inference.activation_cache import ActivationCache
from pellucid.inference.folding import Folding
from pellucid.inference.memory import is_out_of_memory
from pellucid.inference.statistics import Statistics, exact_statistics
from pellucid.inference.tiles import Box, largest_side, on_tile, tile_around
from pellucid.inference.view import Piece, Unit, View
from pellucid.methods import Denoiser
from pellucid.methods.slices import slices_of
from pellucid.norms import feature_norms, measure_valid, moments_from


class DenoisedPlane:
    """A denoised image and its estimates, each (Y, X), in [−1, 1]; undefined where the noisy pixels are not valid.

    Args:
        valid: mask of the valid pixels, (Y, X).
        kept: names of the estimates to keep.
    """

    def __init__(self, valid: Mask, kept: Collection[str]) -> None:
        self.valid = valid
        self.image: Unit = np.empty(valid.shape, np.float32)
        self.estimates: dict[str, Unit] = {name: np.empty_like(self.image) for name in kept}

    def put(self, box: Box, image: Tensor, estimates: Mapping[str, Tensor]) -> None:
        """Fill in a piece (1, 1, h, w); what lies beyond the image is dropped.

        Raises:
            ModelError: a pixel is not finite although the noisy pixel is valid.
        """
        valid = self.valid[box.slices]
        for target, piece in (
            (self.image, image),
            *((self.estimates.get(name), estimates[name]) for name in estimates),
        ):
            pixels = piece[0, 0, : valid.shape[0], : valid.shape[1]].cpu().numpy()
            wrong = int(np.count_nonzero(valid & ~np.isfinite(pixels)))
            if wrong:
                raise ModelError(f"makes {wrong:,} pixels not finite that were finite; train it again")
            if target is not None:
                target[box.slices] = pixels

    def cropped(self, box: Box) -> DenoisedPlane:
        """A part of it."""
        part = DenoisedPlane(self.valid[box.slices], ())
        part.image = self.image[box.slices]
        part.estimates = {name: plane[box.slices] for name, plane in self.estimates.items()}
        return part


def denoise_plane(denoiser: Denoiser, noisy: Unit, memory: float) -> DenoisedPlane:
    """Denoise a plane (Y, X) in memory, scaled to [−1, 1], which is its own neighbours; see `denoise_view`."""
    view = View.of_array(noisy, denoiser.stride, denoiser.device, slices_of(denoiser))
    return denoise_view(denoiser, view, memory)


@torch.no_grad()
def denoise_view(denoiser: Denoiser, view: View, memory: float, kept: Collection[str] | None = None) -> DenoisedPlane:
    """Denoise a plane of any size from 16×16 up.

    Height and width are mirrored up to a multiple of the network's stride at the bottom and the right, and cropped
    again. Tiles share the norm statistics and the noise level of the whole plane and show no seams. A denoiser with a
    window is shown squares of that size, whatever the memory.

    Args:
        denoiser: in evaluation mode.
        view: of a plane with at least one valid pixel.
        memory: bytes that the networks may use.
        kept: names of the estimates to keep; all by default.

    Raises:
        InputError: the plane does not fit into memory, and the denoiser takes it only as a whole.
    """
    kept = denoiser.estimate_names if kept is None else kept
    if fits_whole(denoiser, view.whole, memory):
        try:
            return _denoise_whole(denoiser, view, kept)
        except Exception as problem:
            if not is_out_of_memory(problem) or denoiser.whole or denoiser.window:
                raise
            memory = min(memory, denoiser.bytes_per_pixel * view.whole.area) / 2
    if denoiser.whole:
        raise InputError(
            f"an image of {view.shape[0]}×{view.shape[1]} pixels takes "
            f"{view.whole.area * denoiser.bytes_per_pixel / 2**30:.1f} GiB at once and there are {memory / 2**30:.1f} "
            "to use, and this method takes no tiles: cut the image into pieces, or allow more by --memory"
        )
    with ActivationCache(memory) as cache:
        frozen = FrozenDenoiser(_fitted(denoiser, view.piece(view.whole)), affordable_side(denoiser, memory))
        frozen.use(exact_statistics(denoiser, view, frozen.side, cache))
        return frozen.denoise(view, Box(0, view.shape[0], 0, view.shape[1]), kept)


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


def _denoise_whole(denoiser: Denoiser, view: View, kept: Collection[str]) -> DenoisedPlane:
    image, box = view.piece(view.whole), Box(0, view.shape[0], 0, view.shape[1])
    result = DenoisedPlane(view.valid(box), kept)
    with _measuring_valid(denoiser, image):
        fitted = denoiser if image.valid is None else _fitted(denoiser, image)
        estimates = fitted.estimates(image.pixels)
    result.put(box, denoiser.combine(estimates), estimates)
    on_tile.get()(box.area)
    return result


@contextmanager
def _measuring_valid(denoiser: Denoiser, image: Piece) -> Iterator[None]:
    """Within the block the norms of a denoiser measure an image where it is valid."""
    if image.valid is None:
        yield
        return
    measure = partial(measure_valid, valid=image.valid)
    with ExitStack() as stack:
        for network in denoiser.networks():
            stack.enter_context(moments_from(network, dict.fromkeys(feature_norms(network), measure)))
        yield


def _fitted(denoiser: Denoiser, image: Piece) -> Denoiser:
    return denoiser.fit_image(image.pixels.cpu(), None if image.valid is None else image.valid.cpu())


class FrozenDenoiser:
    """A copy of a denoiser with its norms folded into the convolutions before them: every tile is computed alone.

    Args:
        denoiser: in evaluation mode.
        side: of the tiles, in pixels; halved if memory runs out. A denoiser with a window has tiles of its own.
        on_smaller: called with the new side when that happens.
        amp: let convolutions compute in bfloat16.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        side: int,
        on_smaller: Callable[[int], object] = lambda _: None,
        *,
        amp: bool = False,
    ) -> None:
        self._denoiser = copy.deepcopy(denoiser) if denoiser.networks() else denoiser
        self._foldings = [Folding(network) for network in self._denoiser.networks()]
        self._independents = self._denoiser.independents()
        self._smallest = 4 * denoiser.stride
        self.side = max(self._smallest, side)
        self._on_smaller = on_smaller
        self._amp = amp

    def use(self, statistics: Statistics) -> None:
        """Set the moments of every norm from now on."""
        for folding, moments in zip(self._foldings, statistics, strict=True):
            folding.use(moments)

    @torch.no_grad()
    def denoise(self, view: View, core: Box, kept: Collection[str] | None = None) -> DenoisedPlane:
        """Denoise a box of a plane, with the estimates to keep (all by default); pixels do not depend on the tiles."""
        result = DenoisedPlane(view.valid(core), self._denoiser.estimate_names if kept is None else kept)
        square = self._denoiser.square(view.shape)
        boxes = list(core.on_grid(square, view.shape) if square else core.cut(self.side))
        while boxes:
            try:
                self._denoise_tile(view, boxes[0], core, result)
            except Exception as problem:
                if not is_out_of_memory(problem) or square or self.side <= self._smallest:
                    raise
                self.side = max(self._smallest, self.side // 2)
                self._on_smaller(self.side)
                boxes = [piece for box in boxes for piece in box.cut(self.side)]
            else:
                on_tile.get()(boxes.pop(0).common(core).area)
        return result

    def _denoise_tile(self, view: View, box: Box, core: Box, result: DenoisedPlane) -> None:
        inner = box.common(core)
        if not result.valid[inner.within(core).slices].any():  # padding costs nothing
            blank = torch.zeros(1, 1, *inner.shape)
            result.put(inner.within(core), blank, dict.fromkeys(self._denoiser.estimate_names, blank))
            return
        with torch.autocast(self._denoiser.device.type, torch.bfloat16, enabled=self._amp):
            estimates = dict(chain.from_iterable(_estimates(each, view, box, inner) for each in self._independents))
        result.put(inner.within(core), self._denoiser.combine(estimates), estimates)


def _estimates(denoiser: Denoiser, view: View, box: Box, inner: Box) -> Iterator[tuple[str, Tensor]]:
    """Estimates for the inner pixels of a box, each (1, 1, h, w), computed with the denoiser's halo around it."""
    tile = tile_around(box, view.height, view.width, denoiser.halo, denoiser.stride)
    rows, columns = inner.within(tile.read).slices
    for name, part in denoiser.estimates(view(tile.read)).items():
        yield name, part[:, :, rows, columns].float()

"""A denoiser whose statistics are given: plain convolutions, so that every tile can be computed alone."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from itertools import chain

import torch
from torch import Tensor

from pellucid.inference.estimates import DenoisedPlane
from pellucid.inference.folding import Folding
from pellucid.inference.memory import is_out_of_memory
from pellucid.inference.statistics import Statistics
from pellucid.inference.tiles import Box, tile_around
from pellucid.inference.view import View
from pellucid.methods import Denoiser


class FrozenDenoiser:
    """A copy of a denoiser with its norms folded into the convolutions before them.

    Args:
        denoiser: in evaluation mode.
        side: of the tiles, in pixels; halved if memory runs out. A denoiser with a window has tiles of its own.
        on_smaller: told of the new side when that happens.
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
        """From now on every norm works with these moments."""
        for folding, moments in zip(self._foldings, statistics, strict=True):
            folding.use(moments)

    @torch.no_grad()
    def denoise(self, view: View, core: Box) -> DenoisedPlane:
        """The denoised pixels of a box of a plane, and their estimates; the same whatever the tiles."""
        result = DenoisedPlane(view.valid(core))
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
                del boxes[0]
        return result

    def _denoise_tile(self, view: View, box: Box, core: Box, result: DenoisedPlane) -> None:
        kept = box.common(core)
        if not result.valid[kept.within(core).slices].any():  # padding costs nothing
            blank = torch.zeros(1, 1, *kept.shape)
            result.put(kept.within(core), blank, dict.fromkeys(self._denoiser.estimate_names, blank))
            return
        with torch.autocast(self._denoiser.device.type, torch.bfloat16, enabled=self._amp):
            estimates = dict(chain.from_iterable(_estimates(each, view, box, kept) for each in self._independents))
        result.put(kept.within(core), self._denoiser.combine(estimates), estimates)


def _estimates(denoiser: Denoiser, view: View, box: Box, kept: Box) -> Iterator[tuple[str, Tensor]]:
    """Estimates for the kept pixels of a box, each (1, 1, h, w), computed with the denoiser's halo around it."""
    tile = tile_around(box, view.height, view.width, denoiser.halo, denoiser.stride)
    rows, columns = kept.within(tile.read).slices
    for name, part in denoiser.estimates(view(tile.read)).items():
        yield name, part[:, :, rows, columns].float()

"""A replay pool: discriminators also see images that the generators made some steps ago (Shrivastava et al. 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pellucid import process_group
from pellucid.seeding import generator


class ReplayPool(nn.Module):
    """Past images, kept as in CycleGAN; they and their number are buffers, so a resumed training has them too.

    Args:
        size: images kept; 0 for none.
        side: of an image, in pixels.
    """

    images: Tensor
    filled: Tensor

    def __init__(self, size: int, side: int) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros(size, 1, side, side))
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def forward(self, fresh: Tensor) -> Tensor:
        """Exchange images (N, 1, side, side), one after the other, for as many.

        While there is room, an image is stored and returned. Later one half of the images are returned; each of the
        other half replaces a stored image, which is returned instead.
        """
        if not len(self.images):
            return fresh
        return process_group.own(torch.stack([self._exchange(image) for image in process_group.whole(fresh)]))

    def _exchange(self, image: Tensor) -> Tensor:
        filled = int(self.filled)
        if filled < len(self.images):
            self.images[filled] = image
            self.filled += 1
            return image
        draws = generator(torch.device("cpu"))
        if torch.rand((), generator=draws) < 0.5:
            return image
        place = int(torch.randint(filled, (), generator=draws))
        kept = self.images[place].clone()
        self.images[place] = image
        return kept

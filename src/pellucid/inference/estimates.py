"""What denoising gives: the image and the estimates it is made of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pellucid.data.padding import Mask
from pellucid.errors import ModelError
from pellucid.inference.tiles import Box

Plane = NDArray[np.float32]


class DenoisedPlane:
    """A denoised image and its estimates, each (Y, X), in [−1, 1]; they mean something where the noisy one is image.

    Args:
        valid: where that is, (Y, X): neither padding nor what is no number.
    """

    def __init__(self, valid: Mask) -> None:
        self.valid = valid
        self.image: Plane = np.empty(valid.shape, np.float32)
        self.estimates: dict[str, Plane] = {}

    def put(self, box: Box, image: Tensor, estimates: Mapping[str, Tensor]) -> None:
        """Fill in a piece (1, 1, h, w); what lies beyond the image is dropped.

        Raises:
            ModelError: it is no finite number where the noisy image is one.
        """
        valid = self.valid[box.slices]
        for name in estimates.keys() - self.estimates.keys():
            self.estimates[name] = np.empty_like(self.image)
        for target, piece in ((self.image, image), *((self.estimates[name], estimates[name]) for name in estimates)):
            view = target[box.slices]
            view[:] = piece[0, 0, : view.shape[0], : view.shape[1]].cpu().numpy()
            wrong = int(np.count_nonzero(valid & ~np.isfinite(view)))
            if wrong:
                raise ModelError(f"makes {wrong:,} pixels not finite that were finite; train it again")

    def cropped(self, box: Box) -> DenoisedPlane:
        """A part of it."""
        part = DenoisedPlane(self.valid[box.slices])
        part.image = self.image[box.slices]
        part.estimates = {name: plane[box.slices] for name, plane in self.estimates.items()}
        return part

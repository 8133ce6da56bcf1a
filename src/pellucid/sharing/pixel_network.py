"""A denoiser as one plain network that takes pixels as they are in a file, and gives such pixels.

Whoever runs it needs to know nothing: black and white are part of it, norms are folded into convolutions, and images
of any size are mirrored up to a multiple of the stride and cropped again.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from pellucid.errors import InputError
from pellucid.inference.folding import Folding
from pellucid.methods import Denoiser
from pellucid.methods.slices import slices_of
from pellucid.norms import feature_norms
from pellucid.norms.feature import Batch
from pellucid.runs.stored_model import StoredModel

SMALLEST = 32
"""The smallest side of an image that an exported network takes."""
DEEPEST = 8
"""Likewise the smallest side of its coarsest map: some are mirrored by several pixels."""


class PixelNetwork(nn.Module):
    """A denoiser between the pixels of a file, float32 (N, 1, H, W), whose result depends on each image's halo alone.

    Args:
        stored: the model; it is copied.
        frozen: use the norms' moments of the training patches, where exact results need those of the image.

    Raises:
        InputError: the method cannot work like that, or its norms measure the image and `frozen` is not set.
    """

    def __init__(self, stored: StoredModel, *, frozen: bool = False) -> None:
        super().__init__()
        denoiser = stored.denoiser
        _refuse_unfit(stored.recipe.name, denoiser)
        if measures_images(denoiser) and not frozen:
            raise InputError(
                f"the norms of {stored.recipe.name} measure each image, which this format cannot do in tiles: share it "
                "as a .zip for Pellucid, or accept the moments of the training patches (--frozen, in Python "
                "frozen=True), whose results differ from Pellucid's own"
            )
        self.stride, self.halo = denoiser.stride, denoiser.halo
        self.smallest = max(SMALLEST, DEEPEST * self.stride)
        limits = stored.intensity_range
        self._black, self._half = limits.low, (limits.high - limits.low) / 2
        self._denoiser = copy.deepcopy(denoiser).cpu().eval()
        for network, moments in zip(self._denoiser.networks(), stored.trained, strict=True):
            Folding(network).use(moments)

    def forward(self, noisy: Tensor) -> Tensor:
        """Denoise (N, 1, H, W); H and W from `smallest` up."""
        height, width = noisy.shape[2:]
        seen = (noisy - self._black) / self._half - 1
        seen = _mirrored(_mirrored(seen, 2, self.stride), 3, self.stride)
        denoised: Tensor = self._denoiser(seen)[:, :, :height, :width]
        return (denoised + 1) * self._half + self._black


def measures_images(denoiser: Denoiser) -> bool:
    """Whether norms of a denoiser take their moments from the image."""
    norms = (norm for network in denoiser.networks() for norm in feature_norms(network).values())
    return any(not isinstance(norm, Batch) for norm in norms)  # batch norm uses running moments


def _refuse_unfit(name: str, denoiser: Denoiser) -> None:
    if (slices := slices_of(denoiser)) > 1:
        raise InputError(
            f"{name}: sees {slices} neighbouring slices, and other programs give a network one image at a time: share "
            "it as a .zip for Pellucid"
        )
    if denoiser.whole or denoiser.window is not None or type(denoiser).fit_image is not Denoiser.fit_image:
        raise InputError(
            f"{name}: its result in a pixel depends on the whole image or on a window, not on a neighbourhood alone: "
            "share it as a .zip for Pellucid"
        )


def _mirrored(x: Tensor, axis: int, stride: int) -> Tensor:
    """Continue an axis by its mirror image up to a multiple of the stride; in operations that take any size."""
    if stride == 1:
        return x
    size = x.shape[axis]
    places = torch.arange((size + stride - 1) // stride * stride)
    return x.index_select(axis, torch.where(places < size, places, 2 * size - 1 - places))

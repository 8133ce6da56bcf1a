"""The base of filters: methods that denoise without training and need at most the strength of the noise."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self, TypeVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import conv2d, max_pool2d

from pellucid.methods.base import Batch, Losses, Method, SingleDenoiser, Supervision
from pellucid.recipe import Recipe

GREY_LEVEL = 2 / 255
"""One grey level of 256, where black is −1 and white 1."""

MAD_OF_GAUSSIAN = 0.6744897501960817
"""Median absolute value of a Gaussian of standard deviation 1."""

DAUBECHIES = (-0.4829629131445341, 0.8365163037378079, -0.2241438680420134, -0.1294095225512604)
"""The high-pass filter of the wavelet with two vanishing moments: it sees no constants and no slopes."""


def noise_level(image: Tensor, valid: Tensor | None = None) -> float:
    """Blind estimate of the deviation of white Gaussian noise: median |d| / 0.6745 of the finest diagonal details d.

    The robust estimate of Donoho & Johnstone (Biometrika 81(3), 1994). Correlated noise has little in the finest
    details, so its level comes out far too low.

    Args:
        image: (1, 1, H, W) from 4×4 up.
        valid: likewise, true where it is image; everywhere if not given.
    """
    high = image.new_tensor(DAUBECHIES)
    details = conv2d(image, torch.outer(high, high)[None, None], stride=2).abs()
    if valid is not None:
        side = len(DAUBECHIES)
        inner = max_pool2d((~valid).float(), side, stride=2) == 0
        if bool(inner.any()):  # else it is too narrow to look at without what is around it
            details = details[inner]
    return float(details.median()) / MAD_OF_GAUSSIAN


class FilterRecipe(Recipe):
    """A recipe of a method without training; both presets are the same."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"paper": {}, "quick": {}}


class NoiseRecipe(FilterRecipe):
    """A recipe of a filter that must know the noise."""

    sigma: float | None = Field(
        None, ge=0, description="standard deviation of the noise, in grey levels of 255; measured if not given"
    )


F = TypeVar("F", bound=FilterRecipe)


class Filter(Method[F]):
    """A method without training: its denoiser is all there is."""

    supervision = Supervision.NONE
    shown_losses: ClassVar[Sequence[str]] = ()

    def step(self, batch: Batch, number: int) -> Losses:  # noqa: ARG002
        """Nothing to learn."""
        return {}


class FilterDenoiser(SingleDenoiser):
    """A denoiser without networks, for images of any size."""

    stride = 1

    def networks(self) -> list[nn.Module]:
        """None: there are no norms whose statistics tiles would have to share."""
        return []


class NoiseAwareDenoiser(FilterDenoiser):
    """A filter that must know the standard deviation of the noise: given, or measured in the whole image."""

    def __init__(self, recipe: NoiseRecipe) -> None:
        super().__init__()
        self.known = None if recipe.sigma is None else recipe.sigma * GREY_LEVEL

    def level(self, image: Tensor, valid: Tensor | None = None) -> float:
        """The noise in an image (1, 1, H, W), as standard deviation in the units of the image."""
        return self.measure(image, valid) if self.known is None else self.known

    def measure(self, image: Tensor, valid: Tensor | None = None) -> float:
        """The level of the noise, if it is not given."""
        return noise_level(image, valid)

    def fit_image(self, image: Tensor, valid: Tensor | None = None) -> Self:
        """The filter with the noise level of this image, for all of its pieces."""
        fitted = copy.copy(self)
        fitted.known = self.level(image, valid)
        return fitted

    def estimate(self, noisy: Tensor) -> Tensor:
        """Remove noise of its level from each image; an image without noise stays as it is."""
        return torch.cat([self._without(image) for image in torch.split(noisy, 1)])

    def _without(self, image: Tensor) -> Tensor:
        sigma = self.level(image)
        return self.remove(image, sigma) if sigma > 0 else image

    @abstractmethod
    def remove(self, image: Tensor, sigma: float) -> Tensor:
        """The image (1, 1, H, W) without its noise of standard deviation `sigma` > 0, both in the same units."""

"""Rows that every table should have: the noisy image, its brightness put right, and two filters of 3×3 pixels or so."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from pydantic import Field, field_validator
from torch import Tensor
from torch.nn.functional import conv2d, pad

from pellucid import process_group
from pellucid.methods.base import Batch, Losses, Method, Supervision
from pellucid.methods.classical.filters import Filter, FilterDenoiser, FilterRecipe
from pellucid.recipe import LearningRecipe


class IdentityDenoiser(FilterDenoiser):
    """Gives the noisy image back, clipped."""

    halo = 0
    bytes_per_pixel = 12.0

    def estimate(self, noisy: Tensor) -> Tensor:
        """The noisy image."""
        return noisy


class Identity(Filter[FilterRecipe]):
    """What a method must beat."""

    title = "noisy image"
    reference = "none"
    recipe_type = FilterRecipe
    denoiser_type = IdentityDenoiser


class MeanMatchedRecipe(LearningRecipe):
    """Settings of the mean-matched noisy image: how many patches its two means are taken over."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"paper": {}, "quick": {}}

    steps: int = Field(100, ge=1, description="batches that the means are taken over")
    batch: int = Field(16, ge=1, description="patches of each kind in a step")


class MeanMatchedDenoiser(FilterDenoiser):
    """Adds a constant."""

    halo = 0
    bytes_per_pixel = 16.0
    offset: Tensor

    def __init__(self, _: MeanMatchedRecipe) -> None:
        super().__init__()
        self.register_buffer("offset", torch.zeros(()))

    def estimate(self, noisy: Tensor) -> Tensor:
        """x + c."""
        return noisy + self.offset


class MeanMatched(Method[MeanMatchedRecipe]):
    """c = mean(clean) − mean(noisy), over all patches seen: what is won by brightness alone."""

    title = "mean-matched noisy image"
    reference = "none"
    supervision = Supervision.UNPAIRED
    kinds = ("noisy", "clean")
    recipe_type = MeanMatchedRecipe
    denoiser_type = MeanMatchedDenoiser
    shown_losses = ("offset",)

    denoiser: MeanMatchedDenoiser

    @torch.no_grad()
    def step(self, batch: Batch, number: int) -> Losses:
        """Take one more batch into the mean difference."""
        offset = self.denoiser.offset
        offset += (process_group.mean(batch["clean"].mean() - batch["noisy"].mean()) - offset) / number
        return {"offset": offset.clone()}


class GaussianRecipe(FilterRecipe):
    """Settings of the Gaussian filter."""

    sigma: float = Field(1.0, gt=0, le=64, description="standard deviation of the Gaussian, in pixels")


class GaussianDenoiser(FilterDenoiser):
    """Convolution with a Gaussian, cut off at four standard deviations; the border's pixels go on beyond it."""

    bytes_per_pixel = 100.0

    def __init__(self, recipe: GaussianRecipe) -> None:
        super().__init__()
        self.halo = math.ceil(4 * recipe.sigma)
        weights = [math.exp(-0.5 * (offset / recipe.sigma) ** 2) for offset in range(-self.halo, self.halo + 1)]
        total = math.fsum(weights)
        self.register_buffer("weights", torch.tensor([weight / total for weight in weights]), persistent=False)

    weights: Tensor

    def estimate(self, noisy: Tensor) -> Tensor:
        """Along the rows, then along the columns."""
        radius = self.halo
        blurred = conv2d(pad(noisy, (radius, radius, 0, 0), mode="replicate"), self.weights[None, None, None])
        return conv2d(pad(blurred, (0, 0, radius, radius), mode="replicate"), self.weights[None, None, :, None])


class Gaussian(Filter[GaussianRecipe]):
    """The mean of near pixels, weighted by distance."""

    title = "Gaussian"
    reference = "none"
    recipe_type = GaussianRecipe
    denoiser_type = GaussianDenoiser


class MedianRecipe(FilterRecipe):
    """Settings of the median filter."""

    size: int = Field(3, ge=1, le=15, description="side of the window, in pixels; odd")

    @field_validator("size")
    @classmethod
    def _odd(cls, size: int) -> int:
        if size % 2 == 0:
            raise ValueError("should be odd, so that a pixel is in the middle of its window")
        return size


class MedianDenoiser(FilterDenoiser):
    """The median of each window; the border's pixels go on beyond it."""

    def __init__(self, recipe: MedianRecipe) -> None:
        super().__init__()
        self.size = recipe.size
        self.halo = recipe.size // 2
        self.bytes_per_pixel = 7.0 * recipe.size**2 + 12  # the windows

    def estimate(self, noisy: Tensor) -> Tensor:
        """Window by window."""
        around = pad(noisy, (self.halo,) * 4, mode="replicate")
        windows = around.unfold(2, self.size, 1).unfold(3, self.size, 1)
        return windows.flatten(-2).median(-1).values


class Median(Filter[MedianRecipe]):
    """The pixel in the middle of its near ones, by brightness."""

    title = "median"
    reference = "Tukey, Exploratory Data Analysis, 1977"
    recipe_type = MedianRecipe
    denoiser_type = MedianDenoiser

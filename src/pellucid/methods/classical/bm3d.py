"""BM3D (Dabov, Foi, Katkovnik & Egiazarian, IEEE TIP 16(8), 2007) with a noise level that is measured, given or learnt.

It assumes white Gaussian noise of one standard deviation σ. Where noise is correlated or depends on the signal, σ is a
fiction: measured blindly it comes out too low for correlated noise; learnt from pairs it is the true standard
deviation, wherever that comes from; and noise that grows with the brightness is made more even by a logarithm.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from pellucid import process_group
from pellucid.methods.base import Batch, Losses, Method, Supervision
from pellucid.methods.classical.block_matching import BLOCK, RADIUS, STEP
from pellucid.methods.classical.bm3d_stages import bm3d
from pellucid.methods.classical.filters import GREY_LEVEL, Filter, NoiseAwareDenoiser, NoiseRecipe, noise_level
from pellucid.recipe import LearningRecipe

STAGE_HALO = 2 * RADIUS + BLOCK - 1
"""The blocks over a pixel are in groups of references up to 19 off, and those are made of blocks up to 19 off again."""
REFERENCE = "Dabov, Foi, Katkovnik & Egiazarian, IEEE TIP 16(8), 2007"


class Bm3dDenoiser(NoiseAwareDenoiser):
    """Both stages. References lie on a grid of 3 pixels, so tiles begin on it."""

    stride = STEP
    halo = -(-2 * STAGE_HALO // STEP) * STEP
    bytes_per_pixel = 1000.0  # pieces take some 130 MB at once, whatever the image, and the image 60 a pixel

    def remove(self, image: Tensor, sigma: float) -> Tensor:
        """By both stages."""
        return bm3d(image[0, 0], sigma)[None, None]


class Bm3d(Filter[NoiseRecipe]):
    """BM3D with σ as given, else measured in each image."""

    title = "BM3D"
    reference = REFERENCE
    recipe_type = NoiseRecipe
    denoiser_type = Bm3dDenoiser


class LogBm3dDenoiser(Bm3dDenoiser):
    """BM3D between a logarithm and its inverse; σ is measured, or given, behind the logarithm."""

    def measure(self, image: Tensor, valid: Tensor | None = None) -> float:
        """The noise of the logarithm."""
        return noise_level(logarithm(image), valid)

    def remove(self, image: Tensor, sigma: float) -> Tensor:
        """There, by both stages, and back."""
        return exponential(super().remove(logarithm(image), sigma))


class LogBm3d(Filter[NoiseRecipe]):
    """BM3D for noise in proportion to the brightness."""

    title = "BM3D-log"
    reference = REFERENCE
    recipe_type = NoiseRecipe
    denoiser_type = LogBm3dDenoiser


class OracleRecipe(LearningRecipe):
    """Settings of BM3D with a learnt σ: how many patches it is taken over."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"paper": {}, "quick": {}}

    steps: int = Field(100, ge=1, description="batches that σ is taken over")
    batch: int = Field(16, ge=1, description="patches of each kind in a step")


class OracleBm3dDenoiser(Bm3dDenoiser):
    """BM3D with a σ that is saved with the model."""

    sigma: Tensor

    def __init__(self, _: OracleRecipe) -> None:
        super().__init__(NoiseRecipe())  # nobody says σ, and nobody measures it either
        self.register_buffer("sigma", torch.zeros(()))

    def measure(self, image: Tensor, valid: Tensor | None = None) -> float:  # noqa: ARG002
        """What was learnt; 0 before."""
        return float(self.sigma)


class OracleBm3d(Method[OracleRecipe]):
    """BM3D with σ = std(noisy − clean), over all patches seen: what it can do at best where σ is one number."""

    title = "BM3D (oracle σ)"
    reference = REFERENCE
    supervision = Supervision.PAIRED
    kinds = ("noisy", "pairs")
    recipe_type = OracleRecipe
    denoiser_type = OracleBm3dDenoiser
    shown_losses = ("sigma",)

    denoiser: OracleBm3dDenoiser
    mean: Tensor
    square: Tensor

    def __init__(self, recipe: OracleRecipe) -> None:
        super().__init__(recipe)
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("square", torch.zeros(()))

    @torch.no_grad()
    def step(self, batch: Batch, number: int) -> Losses:
        """Take one more batch into σ; it is shown in grey levels of 255."""
        noise = batch["noisy"] - batch["pairs"]
        self.mean += (process_group.mean(noise.mean()) - self.mean) / number
        self.square += (process_group.mean(noise.square().mean()) - self.square) / number
        self.denoiser.sigma.copy_((self.square - self.mean.square()).clamp(min=0).sqrt())
        return {"sigma": self.denoiser.sigma / GREY_LEVEL}


def logarithm(image: Tensor) -> Tensor:
    """sign(v)·log(1 + |v|) of grey levels v, so that 0 to 255 become −1 to 1; below 0 it is mirrored."""
    grey = (image + 1) / GREY_LEVEL
    return grey.sign() * grey.abs().log1p() * (2 / math.log(256)) - 1


def exponential(image: Tensor) -> Tensor:
    """The inverse of `logarithm`."""
    log = (image + 1) * (math.log(256) / 2)
    return log.sign() * log.abs().expm1() * GREY_LEVEL - 1

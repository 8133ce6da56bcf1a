"""Noise2Self: guess one phase of a grid of pixels from the others (Batson & Royer, ICML 2019).

J is every w-th pixel of every w-th row. In the input its pixels are replaced by the mean of their neighbours; the
output is judged there alone, with the next phase of the grid at each step:

    L = mean over all pixels of (f(x with J replaced) − x)² · 1_J

f with J replaced cannot depend on x_J (it is J-invariant), so it cannot learn noise independent between pixels.

The loss, mask and interpolation are the published ones, but for mirrored borders in place of black ones. Chosen here:
17 layers, 64 channels, all w² phases (the source keeps one for validation and takes the best weights by it; here the
last ones count), 8000 steps at a constant rate. `inference=j-invariant` composes the image of w² masked passes;
the default is one pass with nothing hidden, as in the source's single-image example.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import mse_loss

from pellucid.errors import InputError
from pellucid.methods.base import Batch, Losses, Method, SingleDenoiser, Supervision
from pellucid.methods.batch_size_warning import small_batch_warnings
from pellucid.methods.blindspot import around, grid_mask
from pellucid.methods.losses.pixelwise import to_positive, to_signed
from pellucid.methods.optim.optimisers import Adam
from pellucid.methods.optim.schedules import constant
from pellucid.networks.babyunet import BabyUnet
from pellucid.networks.dncnn import Dncnn
from pellucid.recipe import LearningRecipe, paper_and_quick

REPLACEMENTS: dict[str, Callable[[Tensor], Tensor]] = {"interpolate": around, "zero": torch.zeros_like}
"""Ways to replace hidden pixels."""


class Noise2SelfRecipe(LearningRecipe):
    """Settings of Noise2Self."""

    presets = paper_and_quick(
        depth=8,
        width=24,
        batch=8,
        learning_rate=5e-3,
    )

    learning_rate: float = Field(1e-3, gt=0, description="of Adam, constant")
    network: Literal["dncnn", "babyunet"] = Field("dncnn", description="a plain stack, or a small U-Net")
    depth: int = Field(17, ge=3, le=64, description="convolutions of 'dncnn'")
    width: int = Field(64, ge=1, le=512, description="channels at full resolution; 32 suit 'babyunet'")
    normalisation: str = Field("batch-torch", description="norm of the network")
    period: int = Field(4, ge=2, le=16, description="w: one pixel in w×w is hidden")
    hidden: Literal["interpolate", "zero"] = Field("interpolate", description="value of hidden pixels")
    inference: Literal["plain", "j-invariant"] = Field("plain", description="one pass, or w² masked ones")

    def check(self) -> list[str]:
        """Refuse patches that the U-Net cannot halve twice."""
        if self.network == "babyunet" and self.patch % BabyUnet.stride:
            raise InputError(f"patch={self.patch}: network='babyunet' needs a multiple of {BabyUnet.stride}")
        return small_batch_warnings("normalisation", self.normalisation, self.batch, "instance, layer")


NETWORKS: dict[str, Callable[[Noise2SelfRecipe], Dncnn | BabyUnet]] = {
    "dncnn": lambda recipe: Dncnn(recipe.depth, recipe.width, recipe.normalisation, bias="none"),
    "babyunet": lambda recipe: BabyUnet(recipe.width, recipe.normalisation),
}
"""The networks; the output of 'dncnn' is taken as the image itself, not as its noise."""


_BYTES_PER_CHANNEL = {"dncnn": 9.0, "babyunet": 44.0}
"""Working memory of denoising for each pixel and channel."""


class Noise2SelfDenoiser(SingleDenoiser):
    """A network that sees the image on [0, 1], with or without blind spots."""

    def __init__(self, recipe: Noise2SelfRecipe) -> None:
        super().__init__()
        self.network = NETWORKS[recipe.network](recipe)
        self.period = recipe.period
        self.replacement = REPLACEMENTS[recipe.hidden]
        self.invariant = recipe.inference == "j-invariant"
        self.stride, self.halo = self.network.stride, self.network.halo
        if self.invariant:  # every tile must begin with the same phase, and neighbours stand for hidden pixels
            self.stride = math.lcm(self.stride, recipe.period)
            self.halo = math.ceil((self.halo + 1) / self.stride) * self.stride
        self.bytes_per_pixel = _BYTES_PER_CHANNEL[recipe.network] * recipe.width + 32.0

    def hide(self, x: Tensor, mask: Tensor) -> Tensor:
        """Replace the masked pixels."""
        return torch.where(mask, self.replacement(x), x)

    def j_invariant(self, x: Tensor) -> Tensor:
        """The image from w² passes, each of which gives the pixels that were hidden from it."""
        result = torch.zeros_like(x)
        for phase in range(self.period**2):
            mask = grid_mask(x, self.period, phase)
            result = torch.where(mask, self.network(self.hide(x, mask)), result)
        return result

    def estimate(self, noisy: Tensor) -> Tensor:
        """One pass with nothing hidden, or the J-invariant image."""
        x = to_positive(noisy)
        return to_signed(self.j_invariant(x) if self.invariant else self.network(x))


class Noise2Self(Method[Noise2SelfRecipe]):
    """A network that guesses each phase of a grid from the others."""

    title = "Noise2Self"
    reference = "Batson & Royer, ICML 2019"
    supervision = Supervision.NOISY
    kinds = ("noisy",)
    recipe_type = Noise2SelfRecipe
    denoiser_type = Noise2SelfDenoiser
    shown_losses = ("loss",)

    denoiser: Noise2SelfDenoiser

    def __init__(self, recipe: Noise2SelfRecipe) -> None:
        super().__init__(recipe)
        self.adam = Adam([self.denoiser], constant(recipe))
        self.optimisers = {"adam": self.adam}

    def step(self, batch: Batch, number: int) -> Losses:
        """Hide one phase of the grid and learn to guess it."""
        self.train()
        x = to_positive(batch["noisy"])
        loss = self.loss(x, grid_mask(x, self.recipe.period, number - 1))
        self.adam.step(loss, number)
        return {"loss": loss.detach()}

    def loss(self, x: Tensor, mask: Tensor) -> Tensor:
        """Squared error at the hidden pixels, averaged over all, as published."""
        guess = self.denoiser.network(self.denoiser.hide(x, mask))
        return mse_loss(guess * mask, x * mask)

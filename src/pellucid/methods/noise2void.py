"""Noise2Void: guess hidden pixels from those around them (Krull, Buchholz & Jug, CVPR 2019).

Few pixels M of each noisy patch x are overwritten by a random neighbour; the network is judged on these alone:

    L = Σ_M (f(x with M overwritten) − x)² / |M|

It cannot guess noise that is independent from pixel to pixel, so it learns the clean image. Noise that runs along
lines can be guessed from its neighbours: `struct` hides them too (StructN2V, Broaddus et al., ISBI 2020).

Chosen here, for electron microscopy: 3×3 kernels, 64 channels, no shortcut from input to output, window radius 5
without the pixel itself (the published window holds it; `centre=true`), 8000 steps. The rate is halved after 1/2,
2/3, 5/6 of the steps, where the source halves it when a validation loss stalls. Mean and standard deviation of the
training data, which the source takes from all of them at once, are measured over the patches of the first 100 steps.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from pellucid import process_group
from pellucid.errors import InputError
from pellucid.methods.base import Batch, Losses, Method, SingleDenoiser, Supervision
from pellucid.methods.batch_size_warning import small_batch_warnings
from pellucid.methods.blindspot import along_rows, box_side, cross, masked_mse, random_neighbour, stratified_mask
from pellucid.methods.optim.optimisers import KERAS_EPSILON, TensorFlowAdam
from pellucid.methods.optim.schedules import stepped
from pellucid.networks.unet import CsbdeepUnet
from pellucid.recipe import LearningRecipe, paper_and_quick
from pellucid.seeding import generator

STRUCT_SHAPES = {"cross": cross, "rows": along_rows}
"""What `struct` hides around a masked pixel."""
MEASURED = 100
"""Batches from which mean and variance are measured."""


class Noise2VoidRecipe(LearningRecipe):
    """Settings of Noise2Void."""

    presets = paper_and_quick(
        width=16,
        batch=8,
        masked=3.0,  # few patches a step: judge more of each
        learning_rate=2e-3,
    )

    patch: int = Field(64, ge=16, le=1024, multiple_of=4, description="side of a training patch, in pixels")
    learning_rate: float = Field(4e-4, gt=0, description="of Adam; halved after 1/2, 2/3 and 5/6 of the steps")
    width: int = Field(64, ge=1, le=512, description="channels at full resolution")
    kernel: int = Field(3, ge=3, le=7, description="side of the convolutions; odd")
    normalisation: str = Field("batch", description="norm of the network")
    residual: bool = Field(False, description="whether the network's output is added to its input")
    masked: float = Field(0.198, gt=0, le=25, description="hidden pixels, in percent")
    radius: int = Field(5, ge=1, le=32, description="of the window that overwrites a hidden pixel")
    centre: bool = Field(False, description="whether a hidden pixel may keep its own value, as published")
    struct: int = Field(0, ge=0, le=32, description="hidden pixels on either side of a masked one, against streaks")
    struct_shape: Literal["cross", "rows"] = Field(
        "cross", description="where they are hidden; patches come in all orientations, so streaks run both ways"
    )

    def check(self) -> list[str]:
        """Refuse kernels without a middle, and masks that leave patches without any hidden pixel."""
        if self.kernel % 2 == 0:
            raise InputError(f"kernel={self.kernel}: a convolution needs an odd side; choose 3 or 5")
        if box_side(self.masked) > self.patch:
            raise InputError(
                f"masked={self.masked}: less than one pixel of a {self.patch}×{self.patch} patch; "
                f"choose {100 / self.patch**2:.2g} or more"
            )
        return small_batch_warnings("normalisation", self.normalisation, self.batch, "instance, layer")


class Standardise(nn.Module):
    """(x − μ)/σ, with μ and σ² of all pixels of the first training batches; both are saved with the weights."""

    mean: Tensor
    var: Tensor
    batches: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("var", torch.ones(()))
        self.register_buffer("batches", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def observe(self, x: Tensor) -> None:
        """Measure a training batch if it is one of the first; all have one size (Chan, Golub & LeVeque 1979)."""
        if self.batches >= MEASURED:
            return
        x = process_group.whole(x)
        self.batches += 1
        share = 1 / self.batches
        apart = x.mean() - self.mean
        self.var += share * (x.var(correction=0) - self.var) + share * (1 - share) * apart.square()
        self.mean += share * apart

    def forward(self, x: Tensor) -> Tensor:
        """Standardised pixels."""
        return (x - self.mean) * self._scale().reciprocal()

    def undo(self, x: Tensor) -> Tensor:
        """The inverse of standardising."""
        return x * self._scale() + self.mean

    def _scale(self) -> Tensor:
        return self.var.clamp(min=1e-8).sqrt()  # images of one single value


class Noise2VoidDenoiser(SingleDenoiser):
    """A U-Net between standardising and its inverse."""

    stride = CsbdeepUnet.stride

    def __init__(self, recipe: Noise2VoidRecipe) -> None:
        super().__init__()
        self.residual = recipe.residual
        self.bytes_per_pixel = 30.0 * recipe.width + 170.0
        self.standard = Standardise()
        self.network = CsbdeepUnet(recipe.width, recipe.kernel, recipe.normalisation)
        self.halo = self.network.halo

    def guess(self, x: Tensor) -> Tensor:
        """The output of the network for standardised pixels, standardised."""
        output: Tensor = self.network(x)
        return x + output if self.residual else output

    def estimate(self, noisy: Tensor) -> Tensor:
        """One pass, nothing hidden."""
        return self.standard.undo(self.guess(self.standard(noisy)))


class Noise2Void(Method[Noise2VoidRecipe]):
    """A U-Net that guesses hidden pixels."""

    title = "Noise2Void"
    reference = "Krull, Buchholz & Jug, CVPR 2019"
    supervision = Supervision.NOISY
    kinds = ("noisy",)
    recipe_type = Noise2VoidRecipe
    denoiser_type = Noise2VoidDenoiser
    shown_losses = ("loss",)

    denoiser: Noise2VoidDenoiser

    def __init__(self, recipe: Noise2VoidRecipe) -> None:
        super().__init__(recipe)
        falling = stepped(recipe, (1 / 2, 2 / 3, 5 / 6), 0.5)
        self.adam = TensorFlowAdam([self.denoiser], falling, eps=KERAS_EPSILON)
        self.optimisers = {"adam": self.adam}

    def step(self, batch: Batch, number: int) -> Losses:
        """Hide pixels and learn to guess them."""
        self.train()
        self.denoiser.standard.observe(batch["noisy"])
        x = self.denoiser.standard(batch["noisy"])
        patches = process_group.whole(x)
        mask = stratified_mask(patches, self.recipe.masked)
        hidden = self.hide(patches, mask)
        loss = self.loss(x, process_group.own(hidden), process_group.own(mask))
        self.adam.step(loss, number)
        return {"loss": loss.detach()}

    def hide(self, x: Tensor, mask: Tensor) -> Tensor:
        """Replace masked pixels by random neighbours, and those of a streak beside them by U(−2, 2), as published."""
        hidden = random_neighbour(x, mask, self.recipe.radius, centre=self.recipe.centre)
        streak = STRUCT_SHAPES[self.recipe.struct_shape](mask, self.recipe.struct) & ~mask
        return torch.where(streak, 4 * torch.empty_like(x).uniform_(generator=generator(x.device)) - 2, hidden)

    def loss(self, x: Tensor, hidden: Tensor, mask: Tensor) -> Tensor:
        """Squared error at the masked pixels alone."""
        return masked_mse(self.denoiser.guess(hidden), x, mask)

"""UIDNet (Hong et al., AAAI 2020): a generator learns to add noise to clean images, and a DnCNN to remove it.

x is noisy and y is clean; they are unpaired; z is random, uniform in [−1, 1], one number a pixel.

    made noisy image   x̂ = y + G(z, y), not clipped
    judge              D, on an image and on what it has beyond its 3×3 mean
    denoiser           x − DNN(x)

    D    −E D(x) + E D(x̂) + 10·E(‖∇D‖ − 1)²
    G    −E D(x̂)
    DNN  ½·Σ(x̂ − DNN(x̂) − y)², summed over pixels, the mean over the batch; no gradient reaches G

G has dropout in all three, but the running statistics of the DnCNN come from images made without dropout.

Networks, losses, their order, and the optimiser are those of the published code (`zhwhong/UIDNet`, its model for CT).
`gp=official` is its gradient penalty: a norm over each column of pixels instead of over the image, and one random
point for the whole batch. Chosen here: the last weights denoise (there the best on paired test patches, which are not
available), and one made image serves D and G (there each draws its own dropout).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from pellucid import process_group
from pellucid.errors import InputError
from pellucid.methods.base import Batch, Losses, Method, SingleDenoiser, Supervision
from pellucid.methods.losses.adversarial import Objective, ObjectiveName, PenalisedWasserstein, objective
from pellucid.methods.optim.optimisers import TensorFlowAdam
from pellucid.methods.optim.schedules import linear
from pellucid.networks.dncnn import Dncnn
from pellucid.networks.uidnet import NoiseGenerator, SharpDiscriminator, sharpen
from pellucid.norms import keep_running_statistics, running_norms
from pellucid.ops import plain
from pellucid.recipe import LearningRecipe, paper_and_quick
from pellucid.seeding import generator


class UidnetRecipe(LearningRecipe):
    """Settings of UIDNet; the defaults are those of the published scripts, with a rate that never falls."""

    presets = paper_and_quick(
        width=24,
        generator_width=16,
        discriminator_width=16,
        batch=4,
        learning_rate=5e-4,
        final_learning_rate=5e-4,
        running_rate=10.0,
    )

    final_learning_rate: float = Field(1e-4, ge=0, description="reached at the last step, linearly")
    width: int = Field(64, ge=1, le=512, description="channels of the DnCNN")
    generator_width: int = Field(32, ge=1, le=256, description="channels of the noise generator at full resolution")
    discriminator_width: int = Field(64, ge=1, le=256, description="channels after the discriminator's first layer")
    running_rate: float = Field(1.0, gt=0, description="factor on how fast running statistics follow")
    objective: ObjectiveName = Field("wgan-gp", description="adversarial loss of D and G")
    gp: Literal["correct", "official"] = Field("correct", description="'official' reproduces the published penalty")

    def check(self) -> list[str]:
        """Refuse patches that D cannot take, and a penalty that the objective does not have."""
        if self.patch % 16:
            raise InputError(f"patch={self.patch}: the discriminator needs a multiple of 16")
        if self.gp == "official" and self.objective != "wgan-gp":
            raise InputError(f"gp='official' is a part of objective='wgan-gp', not of {self.objective!r}: leave it out")
        if self.batch < 4:
            return [f"the DnCNN learns from batch statistics, which {self.batch} patches hardly give: use 4 or more"]
        return []


class UidnetDenoiser(SingleDenoiser):
    """x − DNN(x)."""

    stride = Dncnn.stride

    def __init__(self, recipe: UidnetRecipe) -> None:
        super().__init__()
        self.dnn = Dncnn(width=recipe.width, normalisation="batch", bias="all")
        self.dnn.apply(_glorot)
        self.halo = self.dnn.halo
        self.bytes_per_pixel = 10.0 * recipe.width

    def estimate(self, noisy: Tensor) -> Tensor:
        """x − DNN(x)."""
        result: Tensor = noisy - self.dnn(noisy)
        return result


class Uidnet(Method[UidnetRecipe]):
    """Three networks, three updates a step."""

    title = "UIDNet"
    reference = "Hong, Fan, Jiang & Feng, AAAI 34(04), 2020"
    supervision = Supervision.UNPAIRED
    kinds = ("noisy", "clean")
    recipe_type = UidnetRecipe
    denoiser_type = UidnetDenoiser
    shown_losses = ("d_noisy", "g_noisy", "denoising")

    denoiser: UidnetDenoiser

    def __init__(self, recipe: UidnetRecipe) -> None:
        super().__init__(recipe)
        self.G = NoiseGenerator(recipe.generator_width)
        self.D = SharpDiscriminator(recipe.patch, recipe.discriminator_width)
        for running in running_norms(self.denoiser):
            running.momentum = min(1.0, recipe.running_rate * running.momentum)
        self.objective: Objective = ColumnPenalty() if recipe.gp == "official" else objective(recipe.objective)

        def adam(network: nn.Module) -> TensorFlowAdam:
            return TensorFlowAdam([network], linear(recipe), betas=(0.5, 0.999))

        self.discriminator, self.generator, self.dnn = adam(self.D), adam(self.G), adam(self.denoiser)
        self.optimisers = {"discriminator": self.discriminator, "generator": self.generator, "dnn": self.dnn}

    def step(self, batch: Batch, number: int) -> Losses:
        """Update D, then G, then the DnCNN on the image that the new G makes from the same z."""
        self.train()
        x, y = batch["noisy"], batch["clean"]
        z = process_group.own(process_group.like_whole(y).uniform_(-1, 1, generator=generator(y.device)))
        made = y + self.G(z, y)
        losses = {"d_noisy": self.discriminator_loss(x, made.detach())}
        self.discriminator.step(losses["d_noisy"], number)
        self.objective.limit([self.D])

        losses["g_noisy"] = self.objective.fool(self.D(made))
        self.generator.step(losses["g_noisy"], number)

        with torch.no_grad():
            made = y + self.G(z, y)
        self.remember(z, y)
        with keep_running_statistics(self.denoiser):
            losses["denoising"] = self.denoising_loss(made, y)
        self.dnn.step(losses["denoising"], number)
        return {name: loss.detach() for name, loss in losses.items()}

    @torch.no_grad()
    def remember(self, z: Tensor, clean: Tensor) -> None:
        """Take the DnCNN's running statistics from images that G makes without dropout, as published."""
        self.G.eval()
        self.denoiser.estimate(clean + self.G(z, clean))
        self.G.train()

    def discriminator_loss(self, noisy: Tensor, made: Tensor) -> Tensor:
        """L_D; the penalty is on the slope by the sharpened image."""
        real, fake = sharpen(noisy), sharpen(made)
        game, judge = self.objective, self.D.judge
        return game.real(judge(real)) + game.fake(judge(fake)) + game.penalty(judge, real, fake)

    def denoising_loss(self, made: Tensor, clean: Tensor) -> Tensor:
        """L_DNN."""
        return (self.denoiser.estimate(made) - clean).square().sum() / (2 * len(made))


class ColumnPenalty(PenalisedWasserstein):
    """The published penalty: the norm of the gradient over rows alone, at one random point for the whole batch."""

    def penalty(self, judge: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
        """10·(‖∇D‖ − 1)², the norm of each column of each channel."""
        share = torch.rand((), device=real.device, dtype=real.dtype, generator=generator(real.device))
        between = torch.lerp(fake, real, share).detach().requires_grad_()
        with plain():  # for it is differentiated twice
            (slope,) = torch.autograd.grad(judge(between).sum(), between, create_graph=True)
        norm: Tensor = slope.norm(dim=2)
        return self.weight * (norm - 1).square().mean()


def _glorot(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)

"""CycleGAN: unpaired image-to-image translation (Zhu, Park, Isola & Efros, ICCV 2017).

x is noisy and y is clean; they are unpaired.

    G: noisy -> clean      F: clean -> noisy      D_X, D_Y: is it real?

    G and F:  fool(D_Y(G(x))) + fool(D_X(F(y)))  +  λ·(|F(G(x)) − x| + |G(F(y)) − y|)  +  ½λ·(|G(y) − y| + |F(x) − x|)
    D_Y:      ½·(real(D_Y(y)) + fake(D_Y(pool of G(x))))      D_X alike

Networks, losses, order of updates, replay pools, Adam with its schedule and the initial weights are those of the
published code (LSGAN; batch 1 there). Chosen here for small, grey patches: no resizing, 128 pixels with six residual
blocks, batch 4, 40 000 steps.
"""

from __future__ import annotations

from functools import partial
from itertools import chain

from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from pellucid.methods.base import Batch, Losses, Method, SingleDenoiser, Supervision
from pellucid.methods.losses.adversarial import ObjectiveName, discriminator_loss, objective
from pellucid.methods.optim.optimisers import Adam
from pellucid.methods.optim.schedules import half_linear
from pellucid.methods.replay_pool import ReplayPool
from pellucid.networks.patchgan import PatchGAN, check_patch
from pellucid.networks.resnet import ResnetGenerator, initialise
from pellucid.recipe import LearningRecipe, paper_and_quick

STRIDES = (2, 2, 2, 1)
"""The strides of the discriminators: each output sees 70×70 pixels."""

draw_weights = partial(nn.init.normal_, std=0.02)


class CycleGanRecipe(LearningRecipe):
    """Settings of CycleGAN."""

    presets = paper_and_quick(
        width=16,
        blocks=3,
        batch=2,
        patch=64,
        learning_rate=1e-3,
    )

    width: int = Field(64, ge=1, le=512, description="channels of every network at its widest resolution")
    blocks: int = Field(6, ge=0, le=64, description="residual blocks of the generators; 9 for patches from 256 up")
    lambda_: float = Field(10.0, ge=0, description="weight λ of the cycle losses; half of it for the identity losses")
    pool: int = Field(50, ge=0, le=10_000, description="generated images that are kept for the discriminators")
    objective: ObjectiveName = Field("lsgan", description="adversarial loss of the discriminators and G, F")
    steps: int = Field(40_000, ge=1, description="training steps")
    batch: int = Field(4, ge=1, description="patches of each kind in a step")
    patch: int = Field(128, ge=16, le=1024, description="side of a training patch, in pixels")
    learning_rate: float = Field(2e-4, gt=0, description="of every optimiser for the first half of the steps")
    final_learning_rate: float = Field(0.0, ge=0, description="reached at the last step, linearly over the second half")

    def check(self) -> list[str]:
        """Refuse patches that the networks cannot take."""
        check_patch(self.patch, STRIDES)
        return []


class CycleGanDenoiser(SingleDenoiser):
    """G."""

    stride = ResnetGenerator.stride

    def __init__(self, recipe: CycleGanRecipe) -> None:
        super().__init__()
        self.G = ResnetGenerator(recipe.width, recipe.blocks)
        self.halo = self.G.halo
        self.bytes_per_pixel = 4.0 * 4 * recipe.width  # four float32 maps of full resolution at the widest moment

    def estimate(self, noisy: Tensor) -> Tensor:
        """G(x)."""
        result: Tensor = self.G(noisy)
        return result


class CycleGan(Method[CycleGanRecipe]):
    """Four networks, two updates a step."""

    title = "CycleGAN"
    reference = "Zhu, Park, Isola & Efros, ICCV 2017"
    supervision = Supervision.UNPAIRED
    kinds = ("noisy", "clean")
    recipe_type = CycleGanRecipe
    denoiser_type = CycleGanDenoiser
    shown_losses = ("cycle", "identity")

    denoiser: CycleGanDenoiser

    def __init__(self, recipe: CycleGanRecipe) -> None:
        super().__init__(recipe)
        self.F = ResnetGenerator(recipe.width, recipe.blocks)
        self.D_X = PatchGAN(STRIDES, recipe.width)
        self.D_Y = PatchGAN(STRIDES, recipe.width)
        initialise(self, draw_weights)
        self.noisy_pool = ReplayPool(recipe.pool, recipe.patch)
        self.clean_pool = ReplayPool(recipe.pool, recipe.patch)
        self.objective = objective(recipe.objective)
        schedule = half_linear(recipe)
        self.generators = Adam([self.G, self.F], schedule, betas=(0.5, 0.999))
        self.discriminators = Adam([self.D_X, self.D_Y], schedule, betas=(0.5, 0.999))
        self.optimisers = {"generators": self.generators, "discriminators": self.discriminators}

    @property
    def G(self) -> ResnetGenerator:
        """Noisy -> clean."""
        return self.denoiser.G

    def step(self, batch: Batch, number: int) -> Losses:
        """Update the generators, then the discriminators on the images that the generators had made."""
        x, y = batch["noisy"], batch["clean"]
        self.train()
        clean_fake, noisy_fake = self.G(x), self.F(y)
        generator = self.generator_losses(x, y, clean_fake, noisy_fake)
        self.generators.step(self.generator_total(generator), number)

        shown = self.noisy_pool(noisy_fake.detach()), self.clean_pool(clean_fake.detach())
        discriminator = self.discriminator_losses(x, y, *shown)
        self.discriminators.step(discriminator["d_noisy"] + discriminator["d_clean"], number)
        self.objective.limit((self.D_X, self.D_Y))
        return {name: loss.detach() for name, loss in chain(generator.items(), discriminator.items())}

    def generator_losses(self, x: Tensor, y: Tensor, clean_fake: Tensor, noisy_fake: Tensor) -> Losses:
        """The losses of the generators: adversarial, cycle and identity."""
        F, G = self.F, self.G
        return {
            "g_noisy": self.objective.fool(self.D_X(noisy_fake)),
            "g_clean": self.objective.fool(self.D_Y(clean_fake)),
            "cycle": l1_loss(F(clean_fake), x) + l1_loss(G(noisy_fake), y),
            "identity": l1_loss(G(y), y) + l1_loss(F(x), x),
        }

    def generator_total(self, losses: Losses) -> Tensor:
        """The total loss of G and F."""
        adversarial = losses["g_noisy"] + losses["g_clean"]
        return adversarial + self.recipe.lambda_ * (losses["cycle"] + losses["identity"] / 2)

    def discriminator_losses(self, x: Tensor, y: Tensor, noisy_fake: Tensor, clean_fake: Tensor) -> Losses:
        """The losses of the discriminators: real against generated images."""
        return {
            "d_noisy": discriminator_loss(self.objective, self.D_X, x, noisy_fake),
            "d_clean": discriminator_loss(self.objective, self.D_Y, y, clean_fake),
        }

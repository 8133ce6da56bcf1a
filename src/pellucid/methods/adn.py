"""ADN: artifact disentanglement network (Liao, Lin, Zhou & Luo, IEEE TMI 39(3), 2020), noise in place of artifacts.

x is noisy and y is clean; they are unpaired. Content is encoded by E_low (of noisy images) or E_high (of
clean ones), noise by E_art; D_clean decodes content alone, D_art content and noise.

    ll = D_art(E_low(x), E_art(x))     lh = D_clean(E_low(x))      noisy x: as it is, and denoised
    hl = D_art(E_high(y), E_art(x))    hh = D_clean(E_high(y))     clean y: with the noise of x, and as it is
    hlh = D_clean(E_low(hl))

    generators:  fool(D_Y(lh)) + fool(D_X(hl)) + λ·(|ll − x| + |hh − y| + |hlh − y| + |(x − lh) − (hl − y)|)
    D_Y:         ½·(real(D_Y(y)) + fake(D_Y(lh)))      D_X alike with x and hl

Networks, losses, Adam with weight decay and torch's initial weights are those of the published code; D_art starts as
a copy of D_clean. As there, E_art's residual blocks and D_clean's 1×1 convolutions exist but nothing uses them (4.9 of
28.0 million parameters). Chosen here: the generators are updated first, then the discriminators on the same images
(the published order steps a discriminator before the generators' gradient has passed through it, which today's torch
refuses); 64×64 patches, batch 16, 40 000 steps.
"""

from __future__ import annotations

import copy
from itertools import chain
from typing import NamedTuple

from pydantic import Field
from torch import Tensor
from torch.nn.functional import l1_loss

from pellucid.methods.base import Batch, Losses, Method, SingleDenoiser, Supervision
from pellucid.methods.losses.adversarial import ObjectiveName, discriminator_loss, objective
from pellucid.methods.optim.optimisers import Adam
from pellucid.methods.optim.schedules import constant
from pellucid.networks.layers import SLOPE
from pellucid.networks.patchgan import PatchGAN, check_patch
from pellucid.networks.resnet import Decoder, Encoder
from pellucid.recipe import LearningRecipe, paper_and_quick

STRIDES = (2, 2, 1)
"""The strides of the discriminators: each output sees 34×34 pixels."""


class AdnRecipe(LearningRecipe):
    """Settings of ADN."""

    presets = paper_and_quick(
        width=8,
        batch=2,
        learning_rate=1e-3,
    )

    width: int = Field(64, ge=1, le=512, description="channels of every network at its widest resolution")
    lambda_: float = Field(20.0, ge=0, description="weight λ of each of the four L1 losses")
    objective: ObjectiveName = Field("lsgan", description="adversarial loss of the discriminators and the generators")
    steps: int = Field(40_000, ge=1, description="training steps")
    batch: int = Field(16, ge=1, description="patches of each kind in a step")
    learning_rate: float = Field(1e-4, gt=0, description="of every optimiser, constant")
    weight_decay: float = Field(1e-4, ge=0, description="of every optimiser")

    def check(self) -> list[str]:
        """Refuse patches that the networks cannot take."""
        check_patch(self.patch, STRIDES)
        return []


class AdnDenoiser(SingleDenoiser):
    """E_low and D_clean."""

    stride = 4
    halo = 84

    def __init__(self, recipe: AdnRecipe) -> None:
        super().__init__()
        # mirrored copies of 2·width channels at full resolution at the widest moment
        self.bytes_per_pixel = 4.0 * 9 * recipe.width
        self.E_low = Encoder(recipe.width)
        self.D_clean = Decoder(recipe.width, SLOPE)

    def estimate(self, noisy: Tensor) -> Tensor:
        """The image without its noise: lh."""
        result: Tensor = self.D_clean(self.E_low(noisy))
        return result


class Images(NamedTuple):
    """The images that the generators make from a noisy and a clean one."""

    ll: Tensor
    lh: Tensor
    hl: Tensor
    hh: Tensor
    hlh: Tensor


class Adn(Method[AdnRecipe]):
    """Seven networks, two updates a step."""

    title = "ADN"
    reference = "Liao, Lin, Zhou & Luo, IEEE TMI 39(3), 2020"
    supervision = Supervision.UNPAIRED
    kinds = ("noisy", "clean")
    recipe_type = AdnRecipe
    denoiser_type = AdnDenoiser
    shown_losses = ("reconstruction", "cycle", "consistency")

    denoiser: AdnDenoiser

    def __init__(self, recipe: AdnRecipe) -> None:
        super().__init__(recipe)
        self.E_high, self.E_art = Encoder(recipe.width), Encoder(recipe.width)
        self.D_art = copy.deepcopy(self.denoiser.D_clean)
        self.D_X, self.D_Y = PatchGAN(STRIDES, recipe.width), PatchGAN(STRIDES, recipe.width)
        self.objective = objective(recipe.objective)

        def adam(*networks: Encoder | Decoder | AdnDenoiser | PatchGAN) -> Adam:
            return Adam(networks, constant(recipe), betas=(0.5, 0.999), weight_decay=recipe.weight_decay)

        self.generators = adam(self.denoiser, self.E_high, self.E_art, self.D_art)
        self.discriminators = adam(self.D_X, self.D_Y)
        self.optimisers = {"generators": self.generators, "discriminators": self.discriminators}

    def step(self, batch: Batch, number: int) -> Losses:
        """Update the generators, then the discriminators on the images that the generators had made."""
        x, y = batch["noisy"], batch["clean"]
        self.train()
        made = self.generate(x, y)
        generator = self.generator_losses(x, y, made)
        self.generators.step(self.generator_total(generator), number)

        discriminator = self.discriminator_losses(x, y, made.hl.detach(), made.lh.detach())
        self.discriminators.step(discriminator["d_noisy"] + discriminator["d_clean"], number)
        self.objective.limit((self.D_X, self.D_Y))
        return {name: loss.detach() for name, loss in chain(generator.items(), discriminator.items())}

    def generate(self, x: Tensor, y: Tensor) -> Images:
        """Separate content and noise, and combine them anew."""
        E_low, D_clean = self.denoiser.E_low, self.denoiser.D_clean
        low, high, noise = E_low(x), self.E_high(y), self.E_art.sides(x)
        hl = self.D_art(high, noise)
        return Images(ll=self.D_art(low, noise), lh=D_clean(low), hl=hl, hh=D_clean(high), hlh=D_clean(E_low(hl)))

    def generator_losses(self, x: Tensor, y: Tensor, made: Images) -> Losses:
        """The losses of the generators: adversarial, reconstruction, and equal noise taken from x and added to y."""
        return {
            "g_noisy": self.objective.fool(self.D_X(made.hl)),
            "g_clean": self.objective.fool(self.D_Y(made.lh)),
            "reconstruction": l1_loss(made.ll, x) + l1_loss(made.hh, y),
            "cycle": l1_loss(made.hlh, y),
            "consistency": l1_loss(x - made.lh, made.hl - y),
        }

    def generator_total(self, losses: Losses) -> Tensor:
        """The total loss of the encoders and decoders."""
        same = losses["reconstruction"] + losses["cycle"] + losses["consistency"]
        return losses["g_noisy"] + losses["g_clean"] + self.recipe.lambda_ * same

    def discriminator_losses(self, x: Tensor, y: Tensor, noisy_fake: Tensor, clean_fake: Tensor) -> Losses:
        """The losses of the discriminators: real against generated images."""
        return {
            "d_noisy": discriminator_loss(self.objective, self.D_X, x, noisy_fake),
            "d_clean": discriminator_loss(self.objective, self.D_Y, y, clean_fake),
        }

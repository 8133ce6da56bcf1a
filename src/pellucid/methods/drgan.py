"""DRGAN: noise-powered disentangled representation (Huang et al., IEEE TMI 40(10), 2021).

x is noisy, y is clean, n is noise alone, and they do not belong together. E_C encodes content, E_N noise as eight
numbers; G_C decodes content, G_N content with noise.

    x̃ = G_C(E_C(x))             ỹ = G_N(E_C(y), E_N(x))      denoised x; y with the noise of x
    x̂ = G_N(E_C(x), E_N(x))     ŷ = G_C(E_C(y))              reconstructions
    x° = G_N(E_C(x̃), E_N(ỹ))    y° = G_C(E_C(ỹ))             cycles

    generators:  fool(D_C(x̃)) + fool(D_N(ỹ)) + λ·(|x° − x| + |y° − y|) + λ·(|x̂ − x| + |ŷ − y|)
                 + fool(D_PN(x − x̃)) + fool(D_PN(ỹ − y))
    D_C:   ½·(real(D_C(y)) + fake(D_C(pool of x̃)))      D_N alike with x and ỹ
    D_PN:  the same with n, once against x − x̃ and once against ỹ − y

Networks, losses, pools, initial weights and Adam with weight decay are those of the published code; its layer norm
divides by the unbiased deviation + ε, here by √(variance + ε). There discriminators learn at steps whose number in
their epoch is a multiple of 5; an epoch is one step, with number 0, so that they learn at every step.
Chosen here: all data and random crops (the published loader gives the same two images at every step), each parameter
once in its optimiser, 64×64 patches, batch 8, 64 000 steps; n are the flattest of many noisy patches less their mean,
so where noise grows with brightness they show that of evenly lit, empty places.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from pellucid.methods.base import Batch, Losses, Method, SingleDenoiser, Supervision
from pellucid.methods.losses.adversarial import ObjectiveName, discriminator_loss, objective
from pellucid.methods.optim.optimisers import Adam
from pellucid.methods.optim.schedules import stepped
from pellucid.methods.replay_pool import ReplayPool
from pellucid.networks.drgan import NoiseEncoder, NoisyDecoder
from pellucid.networks.patchgan import PatchGAN, check_patch
from pellucid.networks.resnet import Decoder, Encoder, initialise
from pellucid.recipe import LearningRecipe, paper_and_quick

STRIDES = (2, 2, 2, 1)
"""The strides of the discriminators: each output sees 70×70 pixels."""


class DrganRecipe(LearningRecipe):
    """Settings of DRGAN."""

    presets = paper_and_quick(
        width=8,
        batch=4,
        patch=32,
        learning_rate=2e-3,
    )

    width: int = Field(64, ge=1, le=512, description="channels of every network at its widest resolution")
    lambda_: float = Field(10.0, ge=0, description="weight λ of the cycle and of the reconstruction losses")
    pool: int = Field(5, ge=0, le=10_000, description="generated images that are kept for the discriminators")
    judge_every: int = Field(1, ge=1, description="steps from one update of the discriminators to the next")
    objective: ObjectiveName = Field("lsgan", description="adversarial loss of the discriminators and the generators")
    steps: int = Field(64_000, ge=1, description="training steps")
    batch: int = Field(8, ge=1, description="patches of each kind in a step")
    learning_rate: float = Field(1e-4, gt=0, description="of every optimiser at first; halved after each fifth")
    weight_decay: float = Field(1e-4, ge=0, description="of every optimiser")

    def check(self) -> list[str]:
        """Refuse patches that the networks cannot take."""
        check_patch(self.patch, STRIDES)
        return []


class DrganDenoiser(SingleDenoiser):
    """E_C and G_C."""

    stride = 4
    halo = 84

    def __init__(self, recipe: DrganRecipe) -> None:
        super().__init__()
        self.bytes_per_pixel = 4.0 * 11.5 * recipe.width  # as ADN, and the features on the way down
        self.E_C = Encoder(recipe.width)
        self.G_C = Decoder(recipe.width)

    def estimate(self, noisy: Tensor) -> Tensor:
        """Content alone: x̃."""
        return self.decode(Content.of(self.E_C, noisy))

    def decode(self, content: Content) -> Tensor:
        """The clean image of this content."""
        result: Tensor = self.G_C(*content)
        return result


class Content(NamedTuple):
    """The output of E_C: a code, and the features on the way to it."""

    code: Tensor
    sides: list[Tensor]

    @classmethod
    def of(cls, encoder: Encoder, image: Tensor) -> Content:
        """Encode an image."""
        sides = encoder.sides(image)
        return cls(encoder.code(sides), sides)


class Images(NamedTuple):
    """The images that the generators make from a noisy and a clean one."""

    clear_x: Tensor
    noisy_y: Tensor
    recon_x: Tensor
    recon_y: Tensor
    cycle_x: Tensor
    cycle_y: Tensor


class Drgan(Method[DrganRecipe]):
    """Seven networks, two updates a step."""

    title = "DRGAN"
    reference = "Huang, Xia, Lu, Liu, Chen, Zhou, Fang & Zhang, IEEE TMI 40(10), 2021"
    supervision = Supervision.UNPAIRED
    kinds = ("noisy", "clean", "flat")
    recipe_type = DrganRecipe
    denoiser_type = DrganDenoiser
    shown_losses = ("cycle", "reconstruction")

    denoiser: DrganDenoiser

    def __init__(self, recipe: DrganRecipe) -> None:
        super().__init__(recipe)
        self.E_N, self.G_N = NoiseEncoder(recipe.width), NoisyDecoder(recipe.width)
        self.D_C, self.D_N, self.D_PN = (PatchGAN(STRIDES, recipe.width) for _ in range(3))
        initialise(self, nn.init.kaiming_normal_)
        fakes = ("clear_x", "noisy_y", "noise_x", "noise_y")
        self.pools = nn.ModuleDict({fake: ReplayPool(recipe.pool, recipe.patch) for fake in fakes})
        self.objective = objective(recipe.objective)
        self.judges = (self.D_C, self.D_N, self.D_PN)

        def adam(*networks: nn.Module) -> Adam:
            schedule = stepped(recipe, (0.2, 0.4, 0.6, 0.8), 0.5)
            return Adam(networks, schedule, betas=(0.5, 0.999), weight_decay=recipe.weight_decay)

        self.generators = adam(self.denoiser, self.E_N, self.G_N)
        self.discriminators = adam(*self.judges)
        self.optimisers = {"generators": self.generators, "discriminators": self.discriminators}

    def step(self, batch: Batch, number: int) -> Losses:
        """Update the generators, then the discriminators on the images that the generators had made."""
        x, y = batch["noisy"], batch["clean"]
        self.train()
        made = self.generate(x, y)
        losses = self.generator_losses(x, y, made)
        self.generators.step(self.generator_total(losses), number)

        if number % self.recipe.judge_every == 0:
            shown = self.replayed(x, y, made)
            losses |= (discriminator := self.discriminator_losses(batch, shown))
            self.discriminators.step(sum(discriminator.values(), x.new_zeros(())), number)
            self.objective.limit(self.judges)
        return {name: loss.detach() for name, loss in losses.items()}

    def generate(self, x: Tensor, y: Tensor) -> Images:
        """Separate content and noise, and combine them anew."""
        E_C, E_N, G_N, decode = self.denoiser.E_C, self.E_N, self.G_N, self.denoiser.decode
        of_x, of_y, noise = Content.of(E_C, x), Content.of(E_C, y), E_N(x)
        clear_x, noisy_y = decode(of_x), G_N(*of_y, noise)
        return Images(
            clear_x=clear_x,
            noisy_y=noisy_y,
            recon_x=G_N(*of_x, noise),
            recon_y=decode(of_y),
            cycle_x=G_N(*Content.of(E_C, clear_x), E_N(noisy_y)),
            cycle_y=decode(Content.of(E_C, noisy_y)),
        )

    def generator_losses(self, x: Tensor, y: Tensor, made: Images) -> Losses:
        """The losses of the generators: adversarial ones of images and noise, and reconstruction."""
        fool, D_PN = self.objective.fool, self.D_PN
        return {
            "g_clean": fool(self.D_C(made.clear_x)),
            "g_noisy": fool(self.D_N(made.noisy_y)),
            "g_noise": fool(D_PN(x - made.clear_x)) + fool(D_PN(made.noisy_y - y)),
            "cycle": l1_loss(made.cycle_x, x) + l1_loss(made.cycle_y, y),
            "reconstruction": l1_loss(made.recon_x, x) + l1_loss(made.recon_y, y),
        }

    def generator_total(self, losses: Losses) -> Tensor:
        """The total loss of the encoders and decoders."""
        adversarial = losses["g_clean"] + losses["g_noisy"] + losses["g_noise"]
        return adversarial + self.recipe.lambda_ * (losses["cycle"] + losses["reconstruction"])

    def replayed(self, x: Tensor, y: Tensor, made: Images) -> dict[str, Tensor]:
        """The generated images that the discriminators see, by their replay pool."""
        fresh = {
            "clear_x": made.clear_x,
            "noisy_y": made.noisy_y,
            "noise_x": x - made.clear_x,
            "noise_y": made.noisy_y - y,
        }
        return {name: self.pools[name](fake.detach()) for name, fake in fresh.items()}

    def discriminator_losses(self, batch: Batch, shown: Mapping[str, Tensor]) -> Losses:
        """Real against generated; flat patches are real noise."""
        game, noise = self.objective, batch["flat"]
        return {
            "d_clean": discriminator_loss(game, self.D_C, batch["clean"], shown["clear_x"]),
            "d_noisy": discriminator_loss(game, self.D_N, batch["noisy"], shown["noisy_y"]),
            "d_noise": discriminator_loss(game, self.D_PN, noise, shown["noise_x"])
            + discriminator_loss(game, self.D_PN, noise, shown["noise_y"]),
        }

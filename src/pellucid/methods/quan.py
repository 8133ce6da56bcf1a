"""An asymmetric cycle (Quan et al., ICCV Workshops 2019): images of noise alone help to separate noise and tissue.

x is noisy, y is clean, n is an image of noise alone; they are unpaired.

    I: (noise, clean) -> noisy      N: noisy -> its noise      L: (noise, noisy) -> clean

    synthetic chain   x₁ = I(n, y)   n₁ = N(x₁)   y₁ = L(n₁, x₁)
    real chain        n₂ = N(x)      y₂ = L(n₂, x)   x₂ = I(n₂, y₂)

The noise is a factor: x = y·n on intensities from 0 to 1, so an image of noise alone is one of a white specimen.
Networks, their first weights, losses, optimiser and rates are those of a precursor that the first author made public in
2018 (`tmquan/coDenoisingGAN`); the published version may differ. Chosen here: 10⁻³ instead of 10⁻⁶ in the denominator,
for stability; patches of 256 pixels, 4 of each kind (there one of 640, also turned by up to 20° and magnified); noise
images drawn independently (there by the clean image's random number). `skips` adds FusionNet's skip connections, which
the source has and leaves unused.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from pellucid.errors import InputError
from pellucid.methods.base import Batch, Losses, Method, SingleDenoiser, Supervision
from pellucid.methods.losses.adversarial import ObjectiveName, objective
from pellucid.methods.optim.optimisers import TensorFlowAdam
from pellucid.methods.optim.schedules import Schedule, piecewise_linear
from pellucid.networks.fusionnet import FusionEncoder, FusionNet
from pellucid.recipe import LearningRecipe, paper_and_quick

ADVERSARIAL_TERMS = 6
"""Two made images of each of three kinds."""


class QuanRecipe(LearningRecipe):
    """Settings of Quan et al.; the defaults are those of the precursor."""

    presets = paper_and_quick(
        width=8,
        batch=1,
        patch=128,  # a 16th of 64 pixels leaves norms few numbers, and gradients through three networks explode
        learning_rate=3e-3,
        skips=True,
        darkest=0.2,  # one pixel of 10⁻³ has a gradient of 10⁶, which Adam remembers for a thousand steps
        epsilon=1e-8,  # 10⁻³ is far above these gradients: it would take tens of thousands of steps
    )

    steps: int = Field(250_000, ge=1, description="training steps")
    batch: int = Field(4, ge=1, description="patches of each kind in a step")
    patch: int = Field(256, ge=16, le=1024, description="side of a training patch, in pixels")
    learning_rate: float = Field(2e-4, gt=0, description="of both optimisers at first; half of it after 20 %")
    final_learning_rate: float = Field(1e-6, ge=0, description="reached after 60 %; a 20th of the first after 40 %")
    width: int = Field(16, ge=1, le=256, description="channels of every network at its widest resolution")
    skips: bool = Field(False, description="skip connections in all generators; the published code does not use them")
    consistency: float = Field(10.0, ge=0, description="weight of cycles and of the multiplicative noise model")
    darkest: float = Field(0.0, ge=0, lt=1, description="lower bound of the noise in a division, 0 to 1")
    epsilon: float = Field(1e-3, gt=0, description="ε of Adam: gradients far below it move the weights little")
    objective: ObjectiveName = Field("lsgan", description="adversarial loss of the discriminators and I, N, L")

    def check(self) -> list[str]:
        """Refuse patches that the networks cannot take."""
        if self.patch % FusionNet.stride or self.patch < FusionEncoder.smallest:
            raise InputError(f"patch={self.patch}: the networks need a multiple of 16 from 32 up")
        return []


def rate(recipe: QuanRecipe) -> Schedule:
    """2e-4, 1e-4, 1e-5, 1e-6 at 0, 20, 40, 60 % of the steps by default, linearly in between; then constant."""
    first = recipe.learning_rate
    return piecewise_linear(
        recipe, ((0, first), (0.2, first / 2), (0.4, first / 20), (0.6, recipe.final_learning_rate))
    )


class CleanChain(nn.ModuleDict):
    """L(N(x), x), the half of the real chain that denoises."""

    N: FusionNet
    L: FusionNet

    def __init__(self, width: int, *, skips: bool) -> None:
        super().__init__({"N": FusionNet(1, width, skips=skips), "L": FusionNet(2, width, skips=skips)})

    def forward(self, noisy: Tensor) -> Tensor:
        """(N, 1, H, W) -> the clean image, the same shape, in [−1, 1]."""
        return self.clean(self.N(noisy), noisy)

    def clean(self, noise: Tensor, noisy: Tensor) -> Tensor:
        """The clean image from the noise and the noisy image."""
        result: Tensor = self.L(torch.cat((noise, noisy), 1))
        return result


class QuanDenoiser(SingleDenoiser):
    """L(N(x), x)."""

    stride = FusionNet.stride
    halo = 2 * FusionNet.halo

    def __init__(self, recipe: QuanRecipe) -> None:
        super().__init__()
        self.chain = CleanChain(recipe.width, skips=recipe.skips)
        self.bytes_per_pixel = 32.0 * recipe.width

    def networks(self) -> list[nn.Module]:
        """The chain as a whole: L sees the image together with N(x)."""
        return [self.chain]

    def estimate(self, noisy: Tensor) -> Tensor:
        """L(N(x), x)."""
        result: Tensor = self.chain(noisy)
        return result


class Quan(Method[QuanRecipe]):
    """Three generators and three discriminators, two updates a step."""

    title = "Quan et al."
    reference = "Quan, Hildebrand, Lee, Thomas, Kuan, Lee & Jeong, ICCV Workshops, 2019"
    supervision = Supervision.UNPAIRED
    kinds = ("noisy", "clean", "noise")
    recipe_type = QuanRecipe
    denoiser_type = QuanDenoiser
    shown_losses = ("cycle_noisy", "cycle_clean", "cycle_noise")

    denoiser: QuanDenoiser

    def __init__(self, recipe: QuanRecipe) -> None:
        super().__init__(recipe)
        self.I = FusionNet(2, recipe.width, skips=recipe.skips)
        self.judges = nn.ModuleDict({kind: FusionEncoder(1, recipe.width) for kind in self.kinds})
        self.objective = objective(recipe.objective)

        def adam(*networks: nn.Module) -> TensorFlowAdam:
            return TensorFlowAdam(networks, rate(recipe), betas=(0.5, 0.999), eps=recipe.epsilon)

        self.generators = adam(self.denoiser, self.I)
        self.discriminators = adam(self.judges)
        self.optimisers = {"generators": self.generators, "discriminators": self.discriminators}

    def step(self, batch: Batch, number: int) -> Losses:
        """Update the generators, then the discriminators on the images that the generators had made."""
        self.train()
        made = self.chains(batch)
        losses = self.generator_losses(batch, made)
        self.generators.step(self.generator_total(losses), number)

        shown = {kind: torch.cat(images).detach() for kind, images in made.items()}
        losses |= (judged := self.discriminator_losses(batch, shown))
        self.discriminators.step(torch.stack(list(judged.values())).mean(), number)
        self.objective.limit([self.judges])
        return {name: loss.detach() for name, loss in losses.items()}

    def chains(self, batch: Batch) -> dict[str, tuple[Tensor, Tensor]]:
        """The images of each kind that both chains make: synthetic, real."""
        x, y, n = (batch[kind] for kind in self.kinds)
        chain = self.denoiser.chain
        x1 = self.noisy(n, y)
        n1, n2 = chain.N(torch.cat((x1, x))).chunk(2)
        y1, y2 = chain.clean(torch.cat((n1, n2)), torch.cat((x1, x))).chunk(2)
        return {"noisy": (x1, self.noisy(n2, y2)), "clean": (y1, y2), "noise": (n1, n2)}

    def noisy(self, noise: Tensor, clean: Tensor) -> Tensor:
        """I(noise, clean)."""
        result: Tensor = self.I(torch.cat((noise, clean), 1))
        return result

    def generator_losses(self, batch: Batch, made: Mapping[str, tuple[Tensor, Tensor]]) -> Losses:
        """The losses of the generators: cycles, x = y·n, and three adversarial ones; on intensities in [0, 1]."""
        x, y, n = (_intensity(batch[kind]) for kind in self.kinds)
        (x1, x2), (y1, _), (n1, _) = (tuple(map(_intensity, made[kind])) for kind in self.kinds)
        fooled = {f"g_{kind}": self.objective.fool(judge(torch.cat(made[kind]))) for kind, judge in self.judges.items()}
        return {
            "cycle_clean": l1_loss(y1, y),
            "cycle_noise": l1_loss(n1, n),
            "cycle_noisy": l1_loss(x2, x),
            "product": l1_loss(x1, y * (n + 1e-6)),
            "quotient": l1_loss(y1, x1 / (n1 + 1e-3).clamp(min=self.recipe.darkest)),
            **fooled,
        }

    def generator_total(self, losses: Losses) -> Tensor:
        """The mean of all eleven terms, five of them weighted; a g_ loss is already the mean of two."""
        fooling = [loss for name, loss in losses.items() if name.startswith("g_")]
        keeping = [loss for name, loss in losses.items() if not name.startswith("g_")]
        weighted = self.recipe.consistency * torch.stack(keeping).sum() + 2 * torch.stack(fooling).sum()
        return weighted / (len(keeping) + ADVERSARIAL_TERMS)

    def discriminator_losses(self, batch: Batch, shown: Mapping[str, Tensor]) -> Losses:
        """½(real + made) for each kind; `shown` holds what both chains made."""
        return {f"d_{kind}": self._judged(judge, batch[kind], shown[kind]) for kind, judge in self.judges.items()}

    def _judged(self, judge: nn.Module, real: Tensor, made: Tensor) -> Tensor:
        game = self.objective
        for_real, for_made = judge(torch.cat((real, made))).split((len(real), len(made)))
        penalty = game.penalty(judge, real.repeat(2, 1, 1, 1), made)
        return (game.real(for_real) + game.fake(for_made) + penalty) / 2


def _intensity(image: Tensor) -> Tensor:
    """From [−1, 1] to [0, 1]."""
    return (image + 1) / 2

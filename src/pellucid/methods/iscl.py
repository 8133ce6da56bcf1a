"""ISCL: interdependent self-cooperative learning (Lee & Jeong, IEEE TMI 40(11), 2021), with a norm for each network.

x is noisy and y is clean; they are unpaired.

    F: noisy -> clean      G: clean -> noisy      H: noisy -> its noise      D_X, D_Y: is it real?

The networks, losses, order of updates and optimisers are those of the published code. Its fake margin is 0
(`relu(D(fake))`, where the usual hinge loss has `relu(1 + D(fake))`); `objective` takes this or another. It sums the
losses of the two made images of each kind; `wgan` and `wgan-gp` (additions) take their mean. Each network is in
training mode only in its own update, as there: it matters to norms with running statistics and to the power iteration
of spectral norm. Norms: Lee & Jeong, J. KCGS 27(5), 2021.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from pellucid.errors import InputError
from pellucid.methods.base import Batch, Denoiser, Losses, Method, SingleDenoiser, Supervision
from pellucid.methods.batch_size_warning import ENOUGH, small_batch_warnings
from pellucid.methods.losses.adversarial import ObjectiveName, objective
from pellucid.methods.optim.optimisers import LookaheadRectifiedAdam, RectifiedAdam
from pellucid.networks import Discriminator, Extractor, Generator
from pellucid.norms import follows_mode, norm, running_norms
from pellucid.recipe import LearningRecipe, paper_and_quick

_CHANNELS = {"generator": (1, 2, 4), "discriminator": (2, 4, 8, 16), "extractor": (1,)}
"""Channels of each role's norms, as multiples of the width."""

_ALONE = {"generator": "instance, layer", "discriminator": "spectral, layer", "extractor": "instance, layer"}
"""Norms that need one image alone and work at any width, by role."""


def patches_needed(role: str, norm_name: str) -> int:
    """Number of patches from which batch statistics are good enough to learn from.

    Switchable norm mixes them with the patch's own, and H only regresses: its outputs in training and evaluation mode
    differed by 14, 9, 8 and 3 % of the noise with 2, 4, 8 and 64 patches (`performance/batch_statistics.py`).
    """
    return 4 if role == "extractor" and norm_name.startswith("switchable") else ENOUGH


class IsclRecipe(LearningRecipe):
    """Settings of ISCL; the defaults are those of the proposal of KCGS 2021."""

    presets = paper_and_quick(
        width=16,
        batch=4,
        learning_rate=8e-4,
        lambda_=8.0,
        discriminator_rate=4.0,
        extractor_rate=3.0,
        running_rate=10.0,  # with few and large steps they would lag behind, and x − H(x) get an offset
    )

    generator: str = Field("instance", description="norm of F and G")
    discriminator: str = Field("spectral", description="norm of D_X and D_Y")
    extractor: str = Field("switchable", description="norm of H")
    width: int = Field(32, ge=1, le=512, description="channels of every network at its widest resolution")
    lambda_: float = Field(30.0, ge=0, description="weight λ of the cycle and bypass losses")
    discriminator_rate: float = Field(1.0, gt=0, description="factor on the learning rate of D_X and D_Y")
    running_rate: float = Field(1.0, gt=0, description="factor on how fast running statistics follow")
    extractor_rate: float = Field(1.0, gt=0, description="factor on the learning rate of H, which only regresses")
    gamma: float = Field(0.5, ge=0, le=1, description="share γ of F(x) in the result; the rest is x − H(x)")
    objective: ObjectiveName = Field("hinge-published", description="adversarial loss of the discriminators and F, G")

    def check(self) -> list[str]:
        """Refuse norms that cannot work in their role; warn of those that rarely do."""
        roles = {"generator": self.generator, "discriminator": self.discriminator, "extractor": self.extractor}
        norms = {role: norm(name) for role, name in roles.items()}
        if norms["discriminator"].needs_pixels and self.patch // 16 - 3 == 1:
            raise InputError(
                f"discriminator={self.discriminator!r} cannot work: its last map has one pixel, which "
                "instance norm sets to zero; choose spectral, layer, group, switchable or batch-instance"
            )
        if self.patch % 16 or self.patch < Discriminator.smallest:
            raise InputError(f"patch={self.patch}: the discriminators need a multiple of 16 from 64 up")
        for role, multiples in _CHANNELS.items():
            for multiple in multiples:
                norms[role].layer(multiple * self.width, 1.0)  # refuses channels that it cannot take
        warnings = self._objective_warnings(couples_batch=norms["discriminator"].couples_batch)
        for role, name in roles.items():
            warnings += small_batch_warnings(role, name, self.batch, _ALONE[role], patches_needed(role, name))
        return warnings

    def _objective_warnings(self, *, couples_batch: bool) -> list[str]:
        """Warnings of discriminator norms that do not suit the Wasserstein objectives."""
        where = f"discriminator={self.discriminator!r} with objective={self.objective!r}"
        if self.objective == "wgan-gp" and couples_batch:
            return [
                f"{where}: the penalty is on the slope of each image, which a norm over the batch mixes with others: "
                "use spectral, layer or none"
            ]
        if self.objective == "wgan" and self.discriminator.startswith("spectral"):
            return [
                f"{where}: spectral norm rescales the clipped weights, so clipping binds the biases only: "
                "use discriminator=layer or none, or another objective"
            ]
        return []


class IsclDenoiser(Denoiser):
    """F and H: two estimates of the clean image, and their mean."""

    stride = Generator.stride
    halo = max(Generator.halo, Extractor.halo)
    estimate_names = ("F", "x-H")

    def __init__(self, recipe: IsclRecipe) -> None:
        super().__init__()
        self.gamma = recipe.gamma
        self.bytes_per_pixel = 4.0 * 5 * recipe.width  # five float32 maps of full resolution at the widest moment
        self.F = Generator(recipe.width, recipe.generator)
        self.H = Extractor(recipe.width, recipe.extractor)

    def networks(self) -> list[nn.Module]:
        """F and H."""
        return [self.F, self.H]

    def estimates(self, noisy: Tensor) -> dict[str, Tensor]:
        """F(x) and x − H(x)."""
        return {"F": self.F(noisy), "x-H": noisy - self.H(noisy)}

    def combine(self, estimates: Mapping[str, Tensor]) -> Tensor:
        """γ·F(x) + (1 − γ)·(x − H(x)), clipped."""
        return (self.gamma * estimates["F"] + (1 - self.gamma) * estimates["x-H"]).clamp(-1, 1)

    def independents(self) -> list[Denoiser]:
        """F(x), and x − H(x)."""
        return [GeneratorAlone(self), ExtractorAlone(self)]


class GeneratorAlone(SingleDenoiser):
    """F(x): a third of the work of both."""

    stride, halo = IsclDenoiser.stride, Generator.halo
    estimate_names = ("F",)

    def __init__(self, both: IsclDenoiser) -> None:
        super().__init__()
        self.training, self.place, self.bytes_per_pixel = both.training, both.place, both.bytes_per_pixel
        self.F = both.F

    def networks(self) -> list[nn.Module]:
        """F."""
        return [self.F]

    def estimate(self, noisy: Tensor) -> Tensor:
        """F(x)."""
        result: Tensor = self.F(noisy)
        return result


class ExtractorAlone(SingleDenoiser):
    """x − H(x): two thirds of the work of both."""

    stride, halo = IsclDenoiser.stride, Extractor.halo
    estimate_names = ("x-H",)

    def __init__(self, both: IsclDenoiser) -> None:
        super().__init__()
        self.training, self.place, self.bytes_per_pixel = both.training, both.place, both.bytes_per_pixel
        self.H = both.H

    def networks(self) -> list[nn.Module]:
        """H."""
        return [self.H]

    def estimate(self, noisy: Tensor) -> Tensor:
        """x − H(x)."""
        result: Tensor = noisy - self.H(noisy)
        return result


class Iscl(Method[IsclRecipe]):
    """Five networks, three updates a step."""

    title = "ISCL"
    reference = "Lee & Jeong, IEEE TMI 40(11), 2021; norms: Lee & Jeong, J. KCGS 27(5), 2021"
    supervision = Supervision.UNPAIRED
    kinds = ("noisy", "clean")
    recipe_type = IsclRecipe
    denoiser_type = IsclDenoiser
    shown_losses = ("cycle", "bypass", "pseudo_noise")

    denoiser: IsclDenoiser

    def __init__(self, recipe: IsclRecipe) -> None:
        super().__init__(recipe)
        self.G = Generator(recipe.width, recipe.generator)
        self.D_X = Discriminator(recipe.width, recipe.discriminator)
        self.D_Y = Discriminator(recipe.width, recipe.discriminator)
        for running in running_norms(self):
            running.momentum = min(1.0, recipe.running_rate * running.momentum)
        self.objective = objective(recipe.objective)
        self.generators = RectifiedAdam([self.F, self.G], recipe)
        self.discriminators = LookaheadRectifiedAdam([self.D_X, self.D_Y], recipe, recipe.discriminator_rate)
        self.extractor = LookaheadRectifiedAdam([self.H], recipe, recipe.extractor_rate)
        self.optimisers = {
            "generators": self.generators,
            "discriminators": self.discriminators,
            "extractor": self.extractor,
        }

    @property
    def F(self) -> Generator:
        """Noisy -> clean."""
        return self.denoiser.F

    @property
    def H(self) -> Extractor:
        """Noisy -> its noise."""
        return self.denoiser.H

    def step(self, batch: Batch, number: int) -> Losses:
        """Update the discriminators, then the generators, then the extractor; each uses those updated before it.

        F(x), G(y) and H(x) are computed once for the first two updates, which change neither F and G before the
        second nor H at all; only generators whose norm follows the mode must compute theirs again.
        """
        x, y = batch["noisy"], batch["clean"]
        shared = not follows_mode(self.F)

        self._train_only()
        with torch.no_grad():
            noise = self.H(x)
        with torch.set_grad_enabled(shared):
            clean_fake, noisy_fake = self.F(x), self.G(y)

        self._train_only(self.D_X, self.D_Y)
        losses = self.discriminator_losses(x, y, clean_fake.detach(), noisy_fake.detach(), noise)
        self.discriminators.step(_sum(losses), number)
        self.objective.limit((self.D_X, self.D_Y))

        self._train_only(self.F, self.G)
        if not shared:
            clean_fake, noisy_fake = self.F(x), self.G(y)
        losses |= (generator := self.generator_losses(x, y, clean_fake, noisy_fake, noise))
        self.generators.step(self.generator_total(generator), number)

        self._train_only(self.H)
        losses |= (extractor := self.extractor_losses(x, y))
        self.extractor.step(_sum(extractor), number)
        return {name: loss.detach() for name, loss in losses.items()}

    def discriminator_losses(
        self, x: Tensor, y: Tensor, clean_fake: Tensor, noisy_fake: Tensor, noise: Tensor
    ) -> Losses:
        """L_D: real against generated images, and against those made with H (boosting): two fakes for each real one."""
        D_X, D_Y, game = self.D_X, self.D_Y, self.objective
        share = game.share(fakes=2)

        def fake(judge: Discriminator, real: Tensor, made: Tensor) -> Tensor:
            return share * (game.fake(judge(made)) + game.penalty(judge, real, made))

        return {
            "d_noisy": game.real(D_X(x)) + fake(D_X, x, noisy_fake),
            "d_clean": game.real(D_Y(y)) + fake(D_Y, y, clean_fake),
            "boosting": fake(D_X, x, y + noise) + fake(D_Y, y, x - noise),
        }

    def generator_losses(self, x: Tensor, y: Tensor, clean_fake: Tensor, noisy_fake: Tensor, noise: Tensor) -> Losses:
        """L_G: adversarial and cycle losses, and agreement with H (bypass)."""
        F, G = self.F, self.G
        return {
            "g_noisy": self.objective.fool(self.D_X(noisy_fake)),
            "g_clean": self.objective.fool(self.D_Y(clean_fake)),
            "cycle": l1_loss(G(clean_fake), x) + l1_loss(F(noisy_fake), y),
            "bypass": l1_loss(clean_fake, x - noise) + l1_loss(F(y + noise), y),
        }

    def generator_total(self, losses: Losses) -> Tensor:
        """The total loss of F and G."""
        adversarial = losses["g_noisy"] + losses["g_clean"]
        return adversarial + self.recipe.lambda_ * (losses["cycle"] + losses["bypass"])

    def extractor_losses(self, x: Tensor, y: Tensor) -> Losses:
        """L_H: the noise that F removes from x, and the noise that G adds to y."""
        with torch.no_grad():
            clean_fake, noisy_fake = self.F(x), self.G(y)
        return {
            "pseudo_noise": l1_loss(self.H(x), x - clean_fake),
            "noise_consistency": l1_loss(self.H(noisy_fake), noisy_fake - y),
        }

    def _train_only(self, *networks: nn.Module) -> None:
        """Set training mode for these networks, evaluation mode for all others."""
        self.eval()
        for network in networks:
            network.train()


def _sum(losses: Losses) -> Tensor:
    return torch.stack(list(losses.values())).sum()

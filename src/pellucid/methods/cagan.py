"""CaGAN: cycle-consistent adversarial training with attention, from pairs (Huang et al., IEEE TCI 6, 2020).

x is noisy, y its truth, both in [0, 1].

    G1: noisy -> clean      G2: clean -> noisy      D1 (noisy), D2 (clean): is it real?

    L_D = (D1(x) − 1)² + D1(G2(y))² + (D2(y) − 1)² + D2(G1(x))²
    L_G = (D1(G2(y)) − 1)² + (D2(G1(x)) − 1)²
          + 0.1·(|x − G2(G1(x))| + |y − G1(G2(y))|)          cycle
          + 0.1·(|G2(x) − x| + |G1(y) − y|)                  identity
          + 10·(0.84·|G1(x) − y| + 0.16·(1 − SSIM))          structure

Networks, losses, order of updates and optimisers are those of the TensorFlow code of ISCL's first author, where the
criss-cross attention degenerates to a convolution (`ccsa=degenerate`) and the rate falls only every 400 steps.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from pellucid.errors import InputError
from pellucid.methods.base import Batch, Losses, Method, SingleDenoiser, Supervision
from pellucid.methods.losses.adversarial import ObjectiveName, objective
from pellucid.methods.losses.ssim import ssim
from pellucid.methods.optim.optimisers import KERAS_EPSILON, TensorFlowAdam
from pellucid.methods.optim.schedules import exponential
from pellucid.networks.cagan import Attention, CaganDiscriminator, CaganGenerator
from pellucid.recipe import LearningRecipe, paper_and_quick

BETAS = (0.5, 0.9)
ABSOLUTE_SHARE = 0.84
"""Share of the absolute error in the structural loss; the rest is 1 − SSIM."""


class CaganRecipe(LearningRecipe):
    """Settings of CaGAN."""

    presets = paper_and_quick(
        width=8,
        batch=4,
        patch=32,
        learning_rate=1e-3,
        final_learning_rate=1e-4,
    )

    steps: int = Field(40_000, ge=1, description="training steps")
    batch: int = Field(16, ge=1, description="pairs in a step")
    final_learning_rate: float = Field(6.06e-5, gt=0, description="reached at the last step, geometrically")
    width: int = Field(64, ge=1, le=512, description="channels of all networks at full resolution")
    ccsa: Attention = Field("correct", description="criss-cross attention; 'degenerate' is the published defect")
    objective: ObjectiveName = Field("lsgan", description="adversarial loss of the discriminators and G1, G2")
    cycle_weight: float = Field(0.1, ge=0, description="weight of the cycle loss")
    identity_weight: float = Field(0.1, ge=0, description="weight of the identity loss")
    structure_weight: float = Field(10.0, ge=0, description="weight of the paired loss")

    def check(self) -> list[str]:
        """Refuse patches that three halvings do not divide."""
        if self.patch % 8:
            raise InputError(f"patch={self.patch}: the discriminators need a multiple of 8")
        return []


class CaganDenoiser(SingleDenoiser):
    """G1, which works in [0, 1].

    With criss-cross attention each pixel sees its row and its column: larger images than 256×256 are denoised in tiles
    read at that size, 32 pixels of context on each side. The degenerate form sees 17 pixels far; its tiles are exact.
    """

    stride = 1

    def __init__(self, recipe: CaganRecipe) -> None:
        super().__init__()
        degenerate = recipe.ccsa == "degenerate"
        self.window = None if degenerate else 256
        self.halo = CaganGenerator.local_halo if degenerate else 32
        self.bytes_per_pixel = 4.0 * (32 * recipe.width + (0 if degenerate else 1700))
        self.G1 = CaganGenerator(recipe.width, recipe.ccsa)

    def estimate(self, noisy: Tensor) -> Tensor:
        """2·G1(x) − 1."""
        result: Tensor = 2 * self.G1((noisy + 1) / 2) - 1
        return result


class Cagan(Method[CaganRecipe]):
    """Four networks, two updates a step."""

    title = "CaGAN"
    reference = "Huang et al., IEEE Trans. Comput. Imaging 6, 2020"
    supervision = Supervision.PAIRED
    kinds = ("noisy", "pairs")
    recipe_type = CaganRecipe
    denoiser_type = CaganDenoiser
    shown_losses = ("structure", "cycle")

    denoiser: CaganDenoiser

    def __init__(self, recipe: CaganRecipe) -> None:
        super().__init__(recipe)
        self.G2 = CaganGenerator(recipe.width, recipe.ccsa)
        self.D1, self.D2 = (CaganDiscriminator(recipe.width, recipe.ccsa, recipe.patch) for _ in range(2))
        self.objective = objective(recipe.objective)

        def adam(*networks: nn.Module) -> TensorFlowAdam:
            return TensorFlowAdam(networks, exponential(recipe), betas=BETAS, eps=KERAS_EPSILON)

        self.discriminators, self.generators = adam(self.D1, self.D2), adam(self.G1, self.G2)
        self.optimisers = {"discriminators": self.discriminators, "generators": self.generators}

    @property
    def G1(self) -> CaganGenerator:
        """Noisy -> clean."""
        return self.denoiser.G1

    def step(self, batch: Batch, number: int) -> Losses:
        """Update the discriminators, then the generators; training mode makes no difference to any network."""
        x, y = (batch["noisy"] + 1) / 2, (batch["pairs"] + 1) / 2
        clean_fake, noisy_fake = self.G1(x), self.G2(y)

        losses = self.discriminator_losses(x, y, clean_fake.detach(), noisy_fake.detach())
        self.discriminators.step(losses["d_noisy"] + losses["d_clean"], number)
        self.objective.limit((self.D1, self.D2))

        losses |= (generator := self.generator_losses(x, y, clean_fake, noisy_fake))
        self.generators.step(self.generator_total(generator), number)
        return {name: loss.detach() for name, loss in losses.items()}

    def discriminator_losses(self, x: Tensor, y: Tensor, clean_fake: Tensor, noisy_fake: Tensor) -> Losses:
        """L_D: real against generated images."""
        D1, D2, game = self.D1, self.D2, self.objective
        return {
            "d_noisy": game.real(D1(x)) + game.fake(D1(noisy_fake)) + game.penalty(D1, x, noisy_fake),
            "d_clean": game.real(D2(y)) + game.fake(D2(clean_fake)) + game.penalty(D2, y, clean_fake),
        }

    def generator_losses(self, x: Tensor, y: Tensor, clean_fake: Tensor, noisy_fake: Tensor) -> Losses:
        """L_G: adversarial, cycle, identity and structural losses."""
        absolute, similar = l1_loss(clean_fake, y), ssim(y, clean_fake)
        return {
            "g_noisy": self.objective.fool(self.D1(noisy_fake)),
            "g_clean": self.objective.fool(self.D2(clean_fake)),
            "cycle": l1_loss(self.G2(clean_fake), x) + l1_loss(self.G1(noisy_fake), y),
            "identity": l1_loss(self.G2(x), x) + l1_loss(self.G1(y), y),
            "structure": ABSOLUTE_SHARE * absolute + (1 - ABSOLUTE_SHARE) * (1 - similar),
        }

    def generator_total(self, losses: Losses) -> Tensor:
        """The total loss of G1 and G2."""
        recipe = self.recipe
        return (
            losses["g_noisy"]
            + losses["g_clean"]
            + recipe.cycle_weight * losses["cycle"]
            + recipe.identity_weight * losses["identity"]
            + recipe.structure_weight * losses["structure"]
        )

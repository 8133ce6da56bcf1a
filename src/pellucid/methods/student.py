"""The student of noise transfer, trained with pairs: how good it is where the noise need not be known.

x is noisy, y its truth, S the network, and b the absolute error that it expects of itself. S may see neighbouring
slices of a volume beside x.

    L = mean |S(x) − y| + mean (log b + |S(x) − y| / b)
"""

from __future__ import annotations

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError
from torch import Tensor
from torch.nn.functional import l1_loss

from pellucid.errors import InputError
from pellucid.methods.base import Batch, Losses, Method, SingleDenoiser, Supervision
from pellucid.methods.losses.laplace import laplace_scale_loss
from pellucid.methods.optim.muon import Muon
from pellucid.methods.optim.schedules import cosine
from pellucid.methods.slices import middle
from pellucid.networks.student import PredictedError
from pellucid.networks.student import Student as Network
from pellucid.recipe import LearningRecipe, paper_and_quick


class StudentRecipe(LearningRecipe):
    """Settings of a student and its training."""

    presets = paper_and_quick(batch=4, weights="last")

    width: int = Field(32, ge=4, le=512, multiple_of=4, description="channels of the student at half resolution")
    depth: int = Field(3, ge=1, le=6, description="how often the student halves the resolution")
    batch: int = Field(32, ge=1, description="patches of each kind in a step")
    patch: int = Field(96, ge=32, le=1024, multiple_of=32, description="side of a training patch in pixels")
    learning_rate: float = Field(1e-2, gt=0, description="rate of Muon at its highest")
    final_learning_rate: float = Field(0.0, ge=0, description="rate of Muon at the last step, reached by a cosine")
    slices: int = Field(
        1, ge=1, le=15, description="neighbouring slices of a volume that it sees, an odd number; 3 for dense volumes"
    )

    def check(self) -> list[str]:
        """See `Recipe.check`."""
        if self.slices > 1 and self.pipeline == "official":
            raise InputError("slices go with pipeline=correct: the published pipeline has none")
        return super().check()

    @field_validator("slices")
    @classmethod
    def _odd(cls, slices: int) -> int:
        if slices % 2 == 0:
            raise PydanticCustomError("even", "input should be odd: the middle slice is denoised")
        return slices


class StudentDenoiser(SingleDenoiser):
    """A student, which also predicts its own error."""

    slices: int
    """How many slices it sees."""

    def __init__(self, recipe: StudentRecipe) -> None:
        super().__init__()
        self.network = Network(recipe.width, recipe.depth, recipe.slices)
        self.slices = recipe.slices
        self.error = PredictedError(recipe.width)
        self.stride, self.halo = self.network.stride, self.network.halo
        self.bytes_per_pixel = 4.0 * 3 * recipe.width

    def with_error(self, noisy: Tensor) -> tuple[Tensor, Tensor]:
        """The estimate, and the logarithm of its expected absolute error, each (N, 1, H, W), of stacks of slices."""
        estimate, coarse = self.network(noisy)
        return estimate, self.error(middle(noisy), estimate, coarse)

    def estimate(self, noisy: Tensor) -> Tensor:
        """S(x)."""
        estimate: Tensor = self.network(noisy)[0]
        return estimate


class Student(Method[StudentRecipe]):
    """One network, one regression."""

    title = "student"
    reference = "Pellucid"
    supervision = Supervision.PAIRED
    kinds = ("noisy", "pairs")
    upright = ("noisy", "pairs")
    recipe_type = StudentRecipe
    denoiser_type = StudentDenoiser
    shown_losses = ("error",)

    denoiser: StudentDenoiser

    def __init__(self, recipe: StudentRecipe) -> None:
        super().__init__(recipe)
        self.optimiser = Muon([self.denoiser], cosine(recipe))
        self.optimisers = {"denoiser": self.optimiser}

    def step(self, batch: Batch, number: int) -> Losses:
        """Learn from pairs."""
        return learn(self.denoiser, self.optimiser, batch["noisy"], batch["pairs"], number)[1]


def learn(
    denoiser: StudentDenoiser, optimiser: Muon, noisy: Tensor, truth: Tensor, number: int
) -> tuple[Tensor, Losses]:
    """One step from stacks (N, slices, P, P) and the truth of their middle (N, 1, P, P).

    Returns:
        The estimate of the middle, detached, and the losses.
    """
    estimate, log_scale = denoiser.with_error(noisy)
    error = l1_loss(estimate, truth)
    expected = laplace_scale_loss(log_scale, estimate - truth)
    optimiser.step(error + expected, number)
    return estimate.detach(), {"error": error.detach(), "expected_error": expected.detach()}

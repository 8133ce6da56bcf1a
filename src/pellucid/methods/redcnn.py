"""RED-CNN: regression of the clean image from pairs (Chen et al., IEEE TMI 36(12), 2017).

x is noisy, y its truth, both in [0, 1]; the network ends in a ReLU and so needs that range.

    x̂ = RED(x)        L = mean (x̂ − y)²

Layers, loss and torch's initial weights are those of the usual PyTorch port, which is not the authors'. Adam and its
range of rates are the paper's, recalled (as are its own weights: Gaussian, σ = 0.01). Chosen here: a geometric fall of
the rate, which the paper only calls slow.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor
from torch.nn.functional import mse_loss

from pellucid.errors import InputError
from pellucid.methods.base import Batch, Losses, Method, SingleDenoiser, Supervision
from pellucid.methods.optim.optimisers import Adam
from pellucid.methods.optim.schedules import exponential
from pellucid.networks.redcnn import RedCnn as Network
from pellucid.recipe import LearningRecipe, paper_and_quick


class RedCnnRecipe(LearningRecipe):
    """Settings of RED-CNN."""

    presets = paper_and_quick(
        width=32,
        batch=4,
        learning_rate=1e-3,
        final_learning_rate=1e-4,
    )

    width: int = Field(96, ge=1, le=512, description="channels")
    final_learning_rate: float = Field(1e-5, gt=0, description="reached at the last step, geometrically")

    def check(self) -> list[str]:
        """Refuse patches that are too small for unpadded convolutions."""
        if self.patch < Network.smallest:
            raise InputError(f"patch={self.patch}: five unpadded convolutions need {Network.smallest} pixels or more")
        return []


class RedCnnDenoiser(SingleDenoiser):
    """The network, which works in [0, 1]."""

    stride = Network.stride
    halo = Network.halo

    def __init__(self, recipe: RedCnnRecipe) -> None:
        super().__init__()
        self.network = Network(recipe.width)
        self.bytes_per_pixel = 4.0 * 13 * recipe.width

    def estimate(self, noisy: Tensor) -> Tensor:
        """2·RED(x) − 1."""
        result: Tensor = 2 * self.network((noisy + 1) / 2) - 1
        return result


class RedCnn(Method[RedCnnRecipe]):
    """One network, one regression."""

    title = "RED-CNN"
    reference = "Chen et al., IEEE TMI 36(12), 2017"
    supervision = Supervision.PAIRED
    kinds = ("noisy", "pairs")
    recipe_type = RedCnnRecipe
    denoiser_type = RedCnnDenoiser
    shown_losses = ("error",)

    denoiser: RedCnnDenoiser

    def __init__(self, recipe: RedCnnRecipe) -> None:
        super().__init__(recipe)
        self.optimiser = Adam([self.denoiser], exponential(recipe))
        self.optimisers = {"denoiser": self.optimiser}

    def step(self, batch: Batch, number: int) -> Losses:
        """Minimise the squared error in [0, 1]."""
        error = mse_loss(self.denoiser.estimate(batch["noisy"]), batch["pairs"]) / 4
        self.optimiser.step(error, number)
        return {"error": error.detach()}

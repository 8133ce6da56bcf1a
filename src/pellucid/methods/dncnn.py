"""DnCNN: regression of the noise from pairs (Zhang et al., IEEE TIP 26(7), 2017).

x is noisy, y its truth, both in [0, 1]; R is the network.

    x̂ = x − R(x)        L = mean (x̂ − y)²

Layers, initial weights (orthogonal), Adam and its first rate are those of the authors' PyTorch code. Chosen here: the
mean where the code has the sum, which Adam hardly notices; falls of the rate at 1/6, 1/3 and 1/2 of the training, the
code's epochs 30, 60 and 90 of 180; torch's momentum of batch norm, for the code's 0.95 makes it follow the last batch.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from pellucid.methods.base import Batch, Losses, Method, SingleDenoiser, Supervision
from pellucid.methods.batch_size_warning import small_batch_warnings
from pellucid.methods.optim.optimisers import Adam
from pellucid.methods.optim.schedules import stepped
from pellucid.networks.dncnn import Dncnn as Network
from pellucid.norms import norm
from pellucid.recipe import LearningRecipe, paper_and_quick


class DncnnRecipe(LearningRecipe):
    """Settings of DnCNN."""

    presets = paper_and_quick(
        depth=9,
        width=32,
        batch=8,
    )

    depth: int = Field(17, ge=3, le=100, description="convolutions; 20, as recalled from the paper, for unknown noise")
    width: int = Field(64, ge=1, le=512, description="channels")
    normalisation: str = Field("batch-torch", description="norm after all convolutions but the first and the last")
    learning_rate: float = Field(1e-3, gt=0, description="at the first step")
    final_learning_rate: float = Field(
        8e-6, ge=0, description="reached in equal steps at 1/6, 1/3 and 1/2 of the steps"
    )

    def check(self) -> list[str]:
        """Refuse a norm that cannot take the width; warn of too small a batch for its statistics."""
        norm(self.normalisation).layer(self.width, 0.0)
        return small_batch_warnings("normalisation", self.normalisation, self.batch, "instance, layer")


class DncnnDenoiser(SingleDenoiser):
    """The image minus the noise that the network finds in it."""

    stride = Network.stride

    def __init__(self, recipe: DncnnRecipe) -> None:
        super().__init__()
        self.R = Network(recipe.depth, recipe.width, recipe.normalisation)
        self.halo = self.R.halo
        self.bytes_per_pixel = 4.0 * 6 * recipe.width
        for module in self.R.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.orthogonal_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def estimate(self, noisy: Tensor) -> Tensor:
        """x − R(x), where R works in [0, 1]."""
        result: Tensor = noisy - 2 * self.R((noisy + 1) / 2)
        return result


class Dncnn(Method[DncnnRecipe]):
    """One network, one regression."""

    title = "DnCNN"
    reference = "Zhang et al., IEEE TIP 26(7), 2017"
    supervision = Supervision.PAIRED
    kinds = ("noisy", "pairs")
    recipe_type = DncnnRecipe
    denoiser_type = DncnnDenoiser
    shown_losses = ("error",)

    denoiser: DncnnDenoiser

    def __init__(self, recipe: DncnnRecipe) -> None:
        super().__init__(recipe)
        fall = (recipe.final_learning_rate / recipe.learning_rate) ** (1 / 3)
        self.optimiser = Adam([self.denoiser], stepped(recipe, (1 / 6, 1 / 3, 1 / 2), fall))
        self.optimisers = {"denoiser": self.optimiser}

    def step(self, batch: Batch, number: int) -> Losses:
        """Minimise the squared error in [0, 1]."""
        self.train()
        error = mse_loss(self.denoiser.estimate(batch["noisy"]), batch["pairs"]) / 4
        self.optimiser.step(error, number)
        return {"error": error.detach()}

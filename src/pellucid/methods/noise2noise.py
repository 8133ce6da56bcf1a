"""Noise2Noise: learn one noisy copy from another (Lehtinen et al., ICML 2018).

a and b are two noisy copies of one image with independent noise. The best guess of b from a is what a tells about
the clean image, because nothing else is common to both:

    L = mean (f(a) − b)²

Network, loss, Adam and its ramp-down are the published ones, on [−0.5, 0.5]. Chosen here: 128×128 patches, 16 a step
and 40 000 steps (published: 256×256, 4 and 300 000).
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from pellucid.methods.base import Batch, Losses, Method, SingleDenoiser, Supervision
from pellucid.methods.losses.pixelwise import PIXEL_LOSSES, PixelLossName
from pellucid.methods.optim.optimisers import TensorFlowAdam
from pellucid.methods.optim.schedules import ramped_down
from pellucid.networks.unet import Noise2NoiseUnet
from pellucid.recipe import LearningRecipe, paper_and_quick


class Noise2NoiseRecipe(LearningRecipe):
    """Settings of Noise2Noise."""

    presets = paper_and_quick(
        width=24,
        batch=8,
        patch=64,
        learning_rate=1e-3,
    )

    steps: int = Field(40_000, ge=1, description="training steps")
    batch: int = Field(16, ge=1, description="pairs of patches in a step")
    patch: int = Field(128, ge=32, le=1024, multiple_of=32, description="side of a training patch, in pixels")
    learning_rate: float = Field(3e-4, gt=0, description="of Adam; falls to 0 over the last 30 % of the steps")
    width: int = Field(48, ge=3, le=510, multiple_of=3, description="channels of the way down")
    loss: PixelLossName = Field("mse", description="'l1' for noise whose median, not mean, is the truth")


class Noise2NoiseDenoiser(SingleDenoiser):
    """A U-Net that sees the image on [−0.5, 0.5]."""

    stride = Noise2NoiseUnet.stride
    halo = Noise2NoiseUnet.halo

    def __init__(self, recipe: Noise2NoiseRecipe) -> None:
        super().__init__()
        self.bytes_per_pixel = 25.0 * recipe.width + 380.0
        self.network = Noise2NoiseUnet(recipe.width)

    def estimate(self, noisy: Tensor) -> Tensor:
        """2·f(x/2)."""
        result: Tensor = 2 * self.network(noisy / 2)
        return result


class Noise2Noise(Method[Noise2NoiseRecipe]):
    """A U-Net that predicts another noisy copy."""

    title = "Noise2Noise"
    reference = "Lehtinen et al., ICML 2018"
    supervision = Supervision.NOISY_PAIRS
    kinds = ("noisy", "pairs")
    recipe_type = Noise2NoiseRecipe
    denoiser_type = Noise2NoiseDenoiser
    shown_losses = ("loss",)

    denoiser: Noise2NoiseDenoiser

    def __init__(self, recipe: Noise2NoiseRecipe) -> None:
        super().__init__(recipe)
        self.adam = TensorFlowAdam([self.denoiser], ramped_down(recipe), betas=(0.9, 0.99))
        self.optimisers = {"adam": self.adam}

    def step(self, batch: Batch, number: int) -> Losses:
        """Minimise the distance from the other copy."""
        self.train()
        loss = self.loss(batch["noisy"], batch["pairs"])
        self.adam.step(loss, number)
        return {"loss": loss.detach()}

    def loss(self, noisy: Tensor, other: Tensor) -> Tensor:
        """Distance of f(a) from b, on [−0.5, 0.5]."""
        return PIXEL_LOSSES[self.recipe.loss](self.denoiser.network(noisy / 2), other / 2)

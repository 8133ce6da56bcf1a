"""Noise2Kernel: a network with a blind spot in its structure, no masks (Lee & Jeong, arXiv 2012.03623, 2020).

A first convolution with a hole and dilated ones after it never bring a pixel to its own place, so the noisy image
can be its own target:

    L = mean (f(x) − x)² + λ·TV(f(x))

The hole is there when denoising too: a pixel's own value is never used. This is not faithful to the paper's
adaptive loss (ADSS), whose form could not be read: mean squared error stands in for it, or `loss=l1` against
impulses. The network follows an unofficial implementation, without dropout. Chosen here: 64 channels, λ 1e-3 on
[0, 1], Adam 3e-4 at a constant rate, 8000 steps, one pass.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from pellucid.methods.base import Batch, Losses, Method, SingleDenoiser, Supervision
from pellucid.methods.losses.pixelwise import PIXEL_LOSSES, PixelLossName, to_positive, to_signed, total_variation
from pellucid.methods.optim.optimisers import Adam
from pellucid.methods.optim.schedules import constant
from pellucid.networks.donut import DonutNetwork
from pellucid.recipe import LearningRecipe, paper_and_quick


class Noise2KernelRecipe(LearningRecipe):
    """Settings of Noise2Kernel."""

    presets = paper_and_quick(
        width=16,
        batch=8,
        learning_rate=2e-3,
    )

    learning_rate: float = Field(3e-4, gt=0, description="of Adam, constant")
    depth: int = Field(8, ge=3, le=32, description="convolutions from input to output")
    width: int = Field(64, ge=1, le=512, description="channels of each branch")
    loss: PixelLossName = Field("mse", description="'l1' for impulses: its best answer is a median, not a mean")
    smoothness: float = Field(1e-3, ge=0, description="weight λ of the total variation of the output")


class Noise2KernelDenoiser(SingleDenoiser):
    """A donut network that sees the image on [0, 1]."""

    stride = DonutNetwork.stride

    def __init__(self, recipe: Noise2KernelRecipe) -> None:
        super().__init__()
        self.bytes_per_pixel = 24.0 * recipe.width + 16.0
        self.network = DonutNetwork(recipe.depth, recipe.width)
        self.halo = self.network.halo

    def estimate(self, noisy: Tensor) -> Tensor:
        """One pass; no pixel sees itself."""
        return to_signed(self.network(to_positive(noisy)))


class Noise2Kernel(Method[Noise2KernelRecipe]):
    """A blind-spot network that learns the noisy image from itself."""

    title = "Noise2Kernel (MSE)"
    reference = "Lee & Jeong, arXiv 2012.03623, 2020"
    supervision = Supervision.NOISY
    kinds = ("noisy",)
    recipe_type = Noise2KernelRecipe
    denoiser_type = Noise2KernelDenoiser
    shown_losses = ("likeness", "smoothness")

    denoiser: Noise2KernelDenoiser

    def __init__(self, recipe: Noise2KernelRecipe) -> None:
        super().__init__(recipe)
        self.adam = Adam([self.denoiser], constant(recipe))
        self.optimisers = {"adam": self.adam}

    def step(self, batch: Batch, number: int) -> Losses:
        """Minimise the distance from the noisy image itself."""
        self.train()
        losses = self.losses(to_positive(batch["noisy"]))
        self.adam.step(losses["likeness"] + self.recipe.smoothness * losses["smoothness"], number)
        return {name: loss.detach() for name, loss in losses.items()}

    def losses(self, x: Tensor) -> Losses:
        """Distance of f(x) from x on [0, 1], and the total variation of f(x), not weighted."""
        output = self.denoiser.network(x)
        return {"likeness": PIXEL_LOSSES[self.recipe.loss](output, x), "smoothness": total_variation(output)}

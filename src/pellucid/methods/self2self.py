"""Self2Self: learn from the one noisy image itself, with dropout (Quan, Chen, Pang & Ji, CVPR 2020).

Each step hides other pixels of the noisy image x and predicts them from those that are left. m is 1 for a kept pixel
and 0 for a hidden one, drawn anew for each step (Bernoulli):

    L = Σ (f(x·m) − x)²·(1 − m) / Σ (1 − m)

The noise of a hidden pixel cannot be told from the others, its clean value can. The result is the mean of many
predictions, each with another mask and other units dropped, which lowers the variance that one image leaves.

Network (`pellucid.networks.partial`), loss, Adam, masks, flips and dropout are those of the published code, except:
padding is done once (there the encoder pads twice, which shifts features by pixels), and partial convolutions are
scaled by what their window misses (there also by the number of channels, from the second layer on). Chosen here:
20 000 steps on crops of 256×256 (published: 150 000 on the whole image), so that the cost of learning does not grow
with the image. An image that does not fit into memory is learnt from once and predicted in tiles: their predictions
differ at the borders by as much as two means of so many predictions do.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from pellucid.errors import RunError
from pellucid.methods.base import Batch, Losses, Method, SingleDenoiser, Supervision, on_round
from pellucid.methods.losses.pixelwise import to_positive, to_signed
from pellucid.methods.optim.optimisers import TensorFlowAdam
from pellucid.networks.partial import PartialUnet
from pellucid.recipe import Recipe
from pellucid.seeding import Initialisation, generator, seeded

_CPU = torch.device("cpu")

TRIES, ENOUGH = 16, 0.25
"""How many crops are tried where there is padding, and the share of a crop that should be valid."""


class Self2SelfRecipe(Recipe):
    """Settings of Self2Self; they are for each image."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "quick": {"width": 12, "steps": 400, "patch": 64, "learning_rate": 3e-3, "passes": 16},
    }

    steps: int = Field(20_000, ge=1, description="training steps on each image")
    patch: int = Field(256, ge=32, multiple_of=32, description="side of the crop of each step, in pixels")
    learning_rate: float = Field(1e-4, gt=0, description="of Adam, constant")
    keep: float = Field(0.7, gt=0, lt=1, description="probability that a pixel is kept in the input")
    dropout: float = Field(0.3, ge=0, lt=1, description="dropout rate of the decoder")
    width: int = Field(48, ge=3, le=510, multiple_of=3, description="channels of the way down")
    passes: int = Field(100, ge=1, description="predictions whose mean is the result")


class Self2SelfDenoiser(SingleDenoiser):
    """Learns anew from each image; its own weights are the initial ones, or those learned from one image."""

    stride = PartialUnet.stride
    halo = PartialUnet.halo

    def __init__(self, recipe: Self2SelfRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.bytes_per_pixel = 4.0 * 16 * recipe.width
        self.rounds = recipe.steps + recipe.passes
        self.network = PartialUnet(recipe.width, recipe.dropout)
        self._taught: list[Self2SelfDenoiser] = []  # by the whole image; a list, so that its weights are not saved

    def networks(self) -> list[nn.Module]:
        """None: there are no norms whose statistics tiles would have to share."""
        return []

    def fit_image(self, image: Tensor, valid: Tensor | None = None) -> Self:
        """The denoiser that has learned from the whole image, so that its pieces need only be predicted."""
        fitted = copy.copy(self)
        fitted._taught = [self._learn(image, valid)]
        return fitted

    def estimate(self, noisy: Tensor) -> Tensor:
        """Learn from each of the images, unless the denoiser is fitted, and predict it.

        Raises:
            RunError: the loss is not a number.
        """
        return torch.cat([self._taught_by(image).predict(image) for image in noisy[:, None]])

    def predict(self, noisy: Tensor) -> Tensor:
        """Mean of `passes` predictions (1, 1, H, W) with masks, flips and dropout on, not clipped."""
        image = to_positive(noisy)
        total = torch.zeros_like(image)
        with seeded(self.recipe.seed), torch.no_grad():
            for number in range(1, self.recipe.passes + 1):
                axes = random_axes()
                flipped = image.flip(axes)
                total += self.network(flipped, self.mask(flipped)).flip(axes)
                on_round.get()(self.recipe.steps + number)
        return to_signed(total / self.recipe.passes)

    def mask(self, image: Tensor) -> Tensor:
        """1 for kept pixels, 0 for hidden ones, as large as the image."""
        return torch.empty_like(image).bernoulli_(self.recipe.keep, generator=generator(image.device))

    def _taught_by(self, noisy: Tensor) -> Self2SelfDenoiser:
        return self._taught[0] if self._taught else self._learn(noisy)

    def _learn(self, noisy: Tensor, valid: Tensor | None = None) -> Self2SelfDenoiser:
        batch = {"noisy": noisy} if valid is None else {"noisy": noisy, "valid": valid.to(noisy)}
        with seeded(self.recipe.seed), torch.enable_grad():
            with Initialisation():
                learner = Self2Self(self.recipe).to(self.device)
            for number in range(1, self.recipe.steps + 1):
                loss = float(learner.step(batch, number)["loss"])
                if not math.isfinite(loss):
                    raise RunError(f"the loss became {loss} at step {number}: lower it by --set learning_rate=...")
                on_round.get()(number)
        return learner.denoiser


class Self2Self(Method[Self2SelfRecipe]):
    """Predicts hidden pixels of one image from the others."""

    title = "Self2Self"
    reference = "Quan et al., CVPR 2020"
    supervision = Supervision.NOISY
    kinds = ("noisy",)
    recipe_type = Self2SelfRecipe
    denoiser_type = Self2SelfDenoiser
    per_image = True
    shown_losses = ("loss",)

    denoiser: Self2SelfDenoiser

    def __init__(self, recipe: Self2SelfRecipe) -> None:
        super().__init__(recipe)
        self.adam = TensorFlowAdam([self.denoiser], lambda _: recipe.learning_rate)
        self.optimisers = {"adam": self.adam}

    def step(self, batch: Batch, number: int) -> Losses:
        """Learn from one crop of the whole image (1, 1, H, W), whose sides are multiples of 32; randomly flipped.

        Where "valid" in the batch is 0 there is padding, of which nothing is learned.
        """
        noisy, valid = (each.to(self.denoiser.device) for each in self._crops(batch))
        axes = random_axes()
        image, valid = to_positive(noisy).flip(axes), valid.flip(axes)
        mask = self.denoiser.mask(image)
        loss = hidden_error(self.denoiser.network(image, mask), image, mask, valid)
        self.adam.step(loss, number)
        return {"loss": loss.detach()}

    def _crops(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """A square of the image, and its valid pixels: at least a quarter, if a few tries find such a square."""
        for _ in range(TRIES):
            corner = random_corner(batch["noisy"], self.recipe.patch)
            image = crop(batch["noisy"], corner, self.recipe.patch)
            valid = crop(batch["valid"], corner, self.recipe.patch) if "valid" in batch else torch.ones_like(image)
            if float(valid.mean()) >= ENOUGH:
                break
        return image, valid


def hidden_error(prediction: Tensor, image: Tensor, mask: Tensor, valid: Tensor) -> Tensor:
    """Mean squared error over valid hidden pixels, those whose mask is 0; 0 if there are none."""
    hidden = (1 - mask) * valid
    return ((prediction - image).square() * hidden).sum() / hidden.sum().clamp_min(1)


def random_corner(image: Tensor, side: int) -> tuple[int, int]:
    """The upper left corner of a random square in (N, C, H, W)."""
    top, left = (max(1, image.shape[axis] - side + 1) for axis in (2, 3))
    draws = generator(_CPU)
    return int(torch.randint(top, (), generator=draws)), int(torch.randint(left, (), generator=draws))


def crop(image: Tensor, corner: tuple[int, int], side: int) -> Tensor:
    """The square of (N, C, H, W) at a corner; the whole of an axis that is shorter."""
    return image[:, :, corner[0] : corner[0] + side, corner[1] : corner[1] + side]


def random_axes() -> list[int]:
    """The axes to flip: each with a probability of one half."""
    return [axis for axis, chosen in zip((2, 3), torch.rand(2, generator=generator(_CPU)) < 0.5, strict=True) if chosen]

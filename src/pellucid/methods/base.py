"""The interface of a method, which is all that the rest of Pellucid knows of it.

A method is built from a recipe, owns its networks and optimisers, and takes one training `step` at a time. The part
that denoises is a `Denoiser`, a module of its own that can be built alone: only its weights are averaged, exported and
loaded again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from enum import StrEnum
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from pellucid.errors import InputError
from pellucid.recipe import Recipe

Batch = Mapping[str, Tensor]
"""Patches by kind, each (N, 1, H, W) in [−1, 1]: those that the method names in `kinds`."""

Losses = dict[str, Tensor]
"""Each named loss of a step, detached."""

on_round: ContextVar[Callable[[int], object]] = ContextVar("called with the number of a round", default=lambda _: None)
"""What a denoiser that takes several rounds for an image calls after each, in this thread."""

R = TypeVar("R", bound=Recipe)


class Supervision(StrEnum):
    """What a method learns from."""

    PAIRED = "paired"
    UNPAIRED = "unpaired"
    NOISY = "noisy only"
    NOISY_PAIRS = "noisy pairs"
    NONE = "none"


KINDS: dict[str, str] = {
    "noisy": "noisy images",
    "clean": "clean images, unrelated to the noisy ones",
    "pairs": "a partner for each noisy image: its truth, or a second noisy copy",
    "noise": "images of noise alone",
    "flat": "the flattest of many noisy patches, less their mean",
}
"""The kinds of patches that a method may need; the last is made from the noisy images, the others must be given."""

GIVEN_AS = {"noisy": "--noisy", "clean": "--clean", "pairs": "--pairs", "noise": "--noise"}
"""How images of each kind are given on the command line."""


class Denoiser(nn.Module, ABC):
    """The part of a method that is needed to denoise."""

    stride: int
    """Height and width of an image must be multiples of it."""
    halo: int
    """How many pixels away an output pixel sees; a multiple of the stride."""
    window: int | None = None
    """Side of the squares that are denoised at once, if an output pixel sees all of its input; None: any size."""
    whole: bool = False
    """Whether it takes images only as a whole, because the result in a tile would depend on the tile."""
    bytes_per_pixel: float
    """Working memory of denoising, for each pixel of the image."""

    estimate_names: Sequence[str]
    """Names of the estimates that `estimates` gives."""
    rounds: int = 1
    """How many rounds an image takes; where that is more than one, `on_round` is called with the number of each."""

    place: Tensor

    def __init__(self, _: Recipe | None = None) -> None:  # those that need something of their recipe take it
        super().__init__()
        self.register_buffer("place", torch.empty(0), persistent=False)

    @property
    def device(self) -> torch.device:
        """The device that it is on, also if it has no weights."""
        return self.place.device

    def networks(self) -> list[nn.Module]:
        """The networks that take the noisy image itself; together they hold every norm."""
        return [self]

    def fit_image(self, image: Tensor, valid: Tensor | None = None) -> Denoiser:  # noqa: ARG002
        """The denoiser for pieces of one image: what it measures or learns in an image comes from the whole of it.

        Args:
            image: the whole, (1, 1, H, W) in [−1, 1] on the CPU.
            valid: likewise, true where it is image and not padding; everywhere if not given.

        Returns:
            This denoiser if it measures nothing, else another one.
        """
        return self

    def square(self, shape: tuple[int, int]) -> int | None:
        """Side of the squares into which a denoiser with a window cuts an image (Y, X); None: tiles of any size.

        The result in a pixel depends on the square, so the squares lie on one grid, whatever the memory.
        """
        if self.window is None:
            return None
        return self.window if max(shape) <= self.window else self.window - 2 * self.halo

    def independents(self) -> list[Denoiser]:
        """Denoisers that compute their estimates independently, each with its own halo; they share networks."""
        return [self]

    def only(self, part: str) -> Denoiser:
        """The denoiser that computes one of the estimates alone and returns it as the result.

        Raises:
            InputError: there is no such estimate, or it cannot be computed alone.
        """
        alone = {tuple(each.estimate_names): each for each in self.independents()}
        if (part,) not in alone:
            names = " or ".join(name for names in alone if len(names) == 1 for name in names) or "none"
            raise InputError(f"only {part}: of this method's estimates it can be: {names}")
        return alone[part,]

    @abstractmethod
    def estimates(self, noisy: Tensor) -> dict[str, Tensor]:
        """Estimates of the clean image by name, each (N, 1, H, W), neither averaged nor clipped."""

    @abstractmethod
    def combine(self, estimates: Mapping[str, Tensor]) -> Tensor:
        """The denoised image in [−1, 1] from its estimates."""

    def forward(self, noisy: Tensor) -> Tensor:
        """Denoise (N, 1, H, W) in [−1, 1]."""
        return self.combine(self.estimates(noisy))


class SingleDenoiser(Denoiser):
    """A denoiser with one estimate, which subclasses compute in `estimate`."""

    estimate_names = ("denoised",)

    @abstractmethod
    def estimate(self, noisy: Tensor) -> Tensor:
        """The clean image (N, 1, H, W), not clipped."""

    def estimates(self, noisy: Tensor) -> dict[str, Tensor]:
        """The estimate under its name."""
        return {self.estimate_names[0]: self.estimate(noisy)}

    def combine(self, estimates: Mapping[str, Tensor]) -> Tensor:
        """The estimate, clipped."""
        return estimates[self.estimate_names[0]].clamp(-1, 1)


class Optimiser(Protocol):
    """The part of an optimiser that a checkpoint needs."""

    def state_dict(self) -> dict[str, Any]: ...  # noqa: D102
    def load_state_dict(self, state: dict[str, Any]) -> None: ...  # noqa: D102


class Method(nn.Module, ABC, Generic[R]):
    """A denoising method: its networks, and a training step."""

    title: ClassVar[str]
    """Its name in tables."""
    reference: ClassVar[str]
    """Where it was published: authors, venue, year."""
    supervision: ClassVar[Supervision]
    kinds: ClassVar[Sequence[str]] = ()
    """Kinds of patches (`KINDS`) that a batch holds."""
    upright: ClassVar[Sequence[str]] = ()
    """Those of them that are flipped but not transposed, so that the scan's axis stays where it is."""
    recipe_type: ClassVar[type[Recipe]]
    denoiser_type: ClassVar[type[Denoiser]]
    """The class of its denoiser; it is built from the recipe alone."""
    per_image: ClassVar[bool] = False
    """Whether it learns from each image while it denoises it, without training beforehand."""
    shown_losses: ClassVar[Sequence[str]] = ()
    """The losses that the progress bar shows."""

    denoiser: Denoiser
    optimisers: Mapping[str, Optimiser]

    def __init__(self, recipe: R) -> None:
        super().__init__()
        self.recipe = recipe
        self.denoiser = self.denoiser_type(recipe)
        self.optimisers = {}

    @abstractmethod
    def step(self, batch: Batch, number: int) -> Losses:
        """Learn from one batch; `number` counts steps from 1.

        Random numbers come from `pellucid.seeding.generator`, which the loop seeds anew for every step.
        """

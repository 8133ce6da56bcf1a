"""What the rest of Pellucid knows of a method.

Loop, checkpoints, tiles and faces use only this. A method is built from a recipe, owns its networks and
its optimisers, and takes one `step` at a time. What denoises is split off as a `Denoiser`, a module of its own:
only its weights are averaged, exported and loaded again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from torch import Tensor, nn

from pellucid.recipe import Recipe

Batch = Mapping[str, Tensor]
"""Patches by kind, "clean" and "noisy" for an unpaired method, each (N, 1, H, W) in [−1, 1]."""

Losses = dict[str, Tensor]
"""Each named loss of a step, detached."""

R = TypeVar("R", bound=Recipe)


class Supervision(StrEnum):
    """What a method learns from."""

    PAIRED = "paired"
    UNPAIRED = "unpaired"
    NOISY = "noisy only"
    NOISY_PAIRS = "noisy pairs"
    NONE = "none"


class Denoiser(nn.Module, ABC):
    """The part of a method that is needed to denoise."""

    stride: int
    """Height and width of an image must be multiples of it."""
    reach: int
    """How far an output pixel sees, in pixels; a multiple of the stride."""
    bytes_per_pixel: float
    """Working memory that denoising takes for each pixel of the image."""

    part_names: Sequence[str]
    """Names of the estimates that `parts` gives."""

    def networks(self) -> list[nn.Module]:
        """The networks that take the noisy image itself; together they hold every norm."""
        return [self]

    @abstractmethod
    def parts(self, noisy: Tensor) -> dict[str, Tensor]:
        """Estimates of the clean image by name, each (N, 1, H, W), neither averaged nor clipped."""

    @abstractmethod
    def combine(self, parts: Mapping[str, Tensor]) -> Tensor:
        """The denoised image in [−1, 1] from its parts."""

    def forward(self, noisy: Tensor) -> Tensor:
        """Denoise (N, 1, H, W) in [−1, 1]."""
        return self.combine(self.parts(noisy))


class Optimiser(Protocol):
    """What a checkpoint needs of an optimiser."""

    def state_dict(self) -> dict[str, Any]: ...  # noqa: D102
    def load_state_dict(self, state: dict[str, Any]) -> None: ...  # noqa: D102


class Method(nn.Module, ABC, Generic[R]):
    """A way to learn denoising."""

    supervision: ClassVar[Supervision]
    recipe_type: ClassVar[type[Recipe]]
    shown_losses: ClassVar[Sequence[str]]
    """The losses worth watching while it trains."""

    denoiser: Denoiser
    optimisers: dict[str, Optimiser]

    def __init__(self, recipe: R) -> None:
        super().__init__()
        self.recipe = recipe

    @abstractmethod
    def step(self, batch: Batch, number: int) -> Losses:
        """Learn from one batch; `number` counts steps from 1."""

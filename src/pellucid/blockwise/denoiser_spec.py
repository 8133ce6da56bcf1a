"""What a job denoises with, whether it was trained or needs no training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pellucid.data.intensity_range import IntensityRange
from pellucid.inference import Statistics
from pellucid.methods import Denoiser


@dataclass(frozen=True)
class DenoiserSpec:
    """A denoiser with all that belongs to it.

    Attributes:
        denoiser: in evaluation mode, where it computes.
        intensity_range: of the noisy images.
        digest: tells this denoiser, its weights and its intensity range from any other.
        memory: bytes that the networks and the blocks in flight may use.
        trained: the moments that the norms saw in training; None if nobody noted them.
        name: the name of the model in messages.
    """

    denoiser: Denoiser
    intensity_range: IntensityRange
    digest: str
    memory: int
    trained: Statistics | None = None
    name: str = "the model"


Opener = Callable[[], DenoiserSpec]
"""How a process of its own comes by the cleaner: a function that can be sent to it."""

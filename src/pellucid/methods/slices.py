"""Neighbouring slices of a volume as what a denoiser sees: a stack (N, slices, H, W), of which it denoises the middle.

Most methods see single planes. One that sees stacks says so by an attribute, so that no other method need know of it.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class SeesSlices(Protocol):
    """A recipe, or a denoiser, with a number of slices; most have none."""

    slices: int
    """How many slices it sees at once, an odd number."""


def slices_of(each: object) -> int:
    """How many slices a recipe or a denoiser sees at once; 1 for those that see single planes."""
    return each.slices if isinstance(each, SeesSlices) else 1


def middle(stacks: Tensor) -> Tensor:
    """The slices to denoise, (N, 1, H, W), of stacks (N, slices, H, W); a view."""
    at = stacks.shape[1] // 2
    return stacks[:, at : at + 1]


def apart(stacks: Tensor) -> Tensor:
    """All slices of stacks (N, slices, H, W) as images of their own, (N·slices, 1, H, W)."""
    return stacks.flatten(0, 1)[:, None]


def stacked(images: Tensor, slices: int) -> Tensor:
    """The inverse of `apart`."""
    return images.reshape(-1, slices, *images.shape[2:])

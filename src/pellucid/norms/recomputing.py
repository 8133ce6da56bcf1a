"""Maps that are made again when the backward pass wants them, instead of being kept.

What a norm gives is one read and one write away from what it was given, which is kept anyway. So of the two maps that a
layer would hold on to, one is enough:

    with remaking():
        loss = ...          # convolutions remember how their input was made, not the input
    loss.backward()
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

_MAKING = "_pellucid_making"


def can_be_made_again(result: Tensor, making: Callable[[], Tensor]) -> Tensor:
    """The same map, with a note of how it is made; calling `making` must give the same numbers later."""
    setattr(result, _MAKING, making)
    return result


def made_likewise(function: Callable[[Tensor], Tensor], tensor: Tensor) -> Tensor:
    """`function(tensor)`, which can be made again if the tensor can."""
    making = _making(tensor)
    result = function(tensor)
    return result if making is None else can_be_made_again(result, lambda: function(making()))


def remaking() -> AbstractContextManager[object]:
    """Within the block nothing that can be made again is kept for the backward pass."""
    return saved_tensors_hooks(_pack, _unpack)


def _pack(tensor: Tensor) -> Tensor | Callable[[], Tensor]:
    making = _making(tensor)
    return tensor if making is None else making


def _unpack(kept: Tensor | Callable[[], Tensor]) -> Tensor:
    return kept if isinstance(kept, Tensor) else kept()


def _making(tensor: object) -> Callable[[], Tensor] | None:
    # what stands for a tensor while a network is traced has every attribute
    return getattr(tensor, _MAKING, None) if isinstance(tensor, Tensor) else None

"""Random numbers of Pellucid's own: torch's global generators belong to the program that imports it.

    with seeded(7):
        mask = torch.rand(shape, generator=generator(device))

A generator begins with the same numbers as torch's global one after `torch.manual_seed(7)`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


class _Generators(dict[torch.device, torch.Generator]):
    """A generator for each device, made when it is first used."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed = seed

    def __missing__(self, device: torch.device) -> torch.Generator:
        self[device] = torch.Generator(device).manual_seed(self._seed)
        return self[device]


_generators: ContextVar[_Generators | None] = ContextVar("generators of the innermost `seeded` block", default=None)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Within the block, in this thread, `generator` begins with this seed."""
    outside = _generators.set(_Generators(seed))
    try:
        yield
    finally:
        _generators.reset(outside)


def generator(device: torch.device) -> torch.Generator | None:
    """The generator of the innermost `seeded` block for a device; None, which is torch's global one, outside of any."""
    generators = _generators.get()
    return None if generators is None else generators[device]


class RandomLayer(nn.Module):
    """A layer that draws from `generator`, which compilers cannot follow."""


def dropout(x: Tensor, share: float) -> Tensor:
    """Set a share of the numbers to 0 and scale the others up, so that the mean stays (torch's dropout)."""
    kept = torch.empty_like(x).bernoulli_(1 - share, generator=generator(x.device))
    return x * kept.div_(1 - share)


class Initialisation(TorchFunctionMode):
    """Within the block the initial weights of all layers come from `generator`: torch's layers draw by themselves."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """The result of a function; one that draws gets the generator."""
        kwargs = dict(kwargs or {})
        if func.__name__ in _DRAWING and kwargs.get("generator") is None:
            tensor: Tensor = args[0] if args else kwargs["tensor"]
            kwargs["generator"] = generator(tensor.device)
        return func(*args, **kwargs)


_DRAWING = ("uniform_", "normal_", "kaiming_uniform_")
"""What torch's layers and `torch.nn.init` draw with; the last is met before what it calls."""

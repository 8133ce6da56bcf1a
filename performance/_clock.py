"""A clock for the parts of a program, such as the forward and backward passes of networks."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from _common import wait
from torch import Tensor, nn

BETWEEN = "between"
"""The part for all time outside of the program."""


class Clock:
    """Measures the time of the parts of a program; a part within another one interrupts it.

    Attributes:
        seconds: time of each part so far.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._part = BETWEEN
        self._since = time.perf_counter()

    def turn_to(self, part: str) -> str:
        """Count time for this part from now on; return the part before."""
        wait()
        now = time.perf_counter()
        self.seconds[self._part] += now - self._since
        before, self._part, self._since = self._part, part, now
        return before

    @contextmanager
    def on(self, part: str) -> Iterator[None]:
        """Count the time of a block for a part, and then again for the part before."""
        before = self.turn_to(part)
        try:
            yield
        finally:
            self.turn_to(before)

    def timed(self, run: Callable[..., Any], part: str) -> Callable[..., Any]:
        """Return the function with its time counted for a part."""

        def call(*args: Any, **kwargs: Any) -> Any:
            with self.on(part):
                return run(*args, **kwargs)

        return call

    def watch(self, network: nn.Module, name: str) -> None:
        """Measure a network's forward passes, and its backward passes from their beginning.

        A backward pass ends where that of another measured network begins, or at the end of the whole: the loss between
        two networks is counted for the one whose gradient it needed.
        """
        network.forward = self.timed(network.forward, f"{name} forward")

        def begin(_gradient: Tensor) -> None:
            self.turn_to(f"{name} backward")

        def watch_gradient(_module: nn.Module, _arguments: Any, result: Tensor) -> None:
            if result.requires_grad:
                result.register_hook(begin)  # type: ignore[no-untyped-call]

        network.register_forward_hook(watch_gradient)

    @contextmanager
    def watching_backward(self) -> Iterator[None]:
        """Within the block, measure backward passes outside of the measured networks as losses."""
        backward, grad = torch.autograd.backward, torch.autograd.grad
        with (
            patch.object(torch.autograd, "backward", self._timed_backward(backward)),
            patch.object(torch.autograd, "grad", self._timed_backward(grad)),
        ):
            yield

    def _timed_backward(self, run: Callable[..., Any]) -> Callable[..., Any]:
        timed = self.timed(run, "losses backward")

        def call(*args: Any, **kwargs: Any) -> Any:  # one within another belongs to the same network
            return (run if self._part.endswith("backward") else timed)(*args, **kwargs)

        return call

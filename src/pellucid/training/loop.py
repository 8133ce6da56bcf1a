"""The training loop. It knows a method only by its contract, and files not at all."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pellucid import process_group
from pellucid.errors import InputError, Interrupted, RunError
from pellucid.methods import Denoiser, Method
from pellucid.norms import follows_mode, running_norms, settle
from pellucid.ops import remaking
from pellucid.seeding import seeded
from pellucid.signals import deferred
from pellucid.training.averaging import MovingAverage
from pellucid.training.execution import Execution

Batches = Callable[[int], Mapping[str, Tensor]]
"""The batch of a step, counted from 1."""

SETTLING_BATCHES = 32


@dataclass
class Training:
    """A method on its way: all that changes with the steps.

    Attributes:
        method: what learns.
        device: where.
        execution: how it is computed.
        number: steps taken.
        average: moving average of the denoiser's weights.
    """

    method: Method[Any]
    device: torch.device
    execution: Execution = field(default_factory=Execution)
    number: int = 0
    average: MovingAverage = field(init=False)

    def __post_init__(self) -> None:
        # channels last is the faster layout for convolutions on CPU and GPU alike
        self.method.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.execution.prepare(self.method, self.device)
        self.average = MovingAverage(self.method.denoiser, self.method.recipe.average)

    def step(self, batch: Mapping[str, Tensor]) -> dict[str, float]:
        """Take one step and return its losses: those of all processes, if several share the batch.

        Raises:
            RunError: a loss is not a number; the first such is named. Or another process has ended.
        """
        number = self.number + 1
        with (
            seeded(random_seed(self.method.recipe.seed, number)),
            process_group.sharing(),
            self.execution.step(self.method, self.device),
            remaking(),
        ):
            named = self.method.step(self._place(batch), number)
            losses = dict(zip(named, process_group.mean(torch.stack(list(named.values()))).tolist(), strict=True))
            if self.execution.local_statistics:
                process_group.average_(value for norm in running_norms(self.method) for value in norm.buffers())
        self.number += 1
        for name, loss in losses.items():
            if not math.isfinite(loss):
                raise self._diverged(f"loss {name!r} became {loss}")
        self.average.update(self.number)
        return losses

    def averaged(self, batches: Batches) -> Denoiser:
        """A copy of the denoiser with the averaged weights, in evaluation mode.

        Its running statistics are measured anew on some batches: those of the steps belong to other weights.
        """
        denoiser = copy.deepcopy(self.method.denoiser)
        denoiser.load_state_dict(self.average.state_dict())
        unsettled = nn.ModuleList(network for network in denoiser.networks() if follows_mode(network))
        if unsettled:
            noisy = (self._place(batches(number))["noisy"] for number in range(1, SETTLING_BATCHES + 1))
            settle(unsettled, (partial(_send, patches, unsettled) for patches in noisy))
        return denoiser.eval()

    def state(self) -> dict[str, Any]:
        """Everything needed to go on as if never stopped: tensors and plain values only.

        Raises:
            RunError: a weight is not a number, so this state is no good.
        """
        weights = self.method.state_dict()
        for name, value in weights.items():
            if not bool(value.isfinite().all()):
                raise self._diverged(f"weight {name!r} is not finite")
        return {
            "number": self.number,
            "method": weights,
            "optimisers": {name: o.state_dict() for name, o in self.method.optimisers.items()},
            "average": self.average.state_dict(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state.

        Raises:
            InputError: it is not the state of this method with this recipe.
        """
        try:
            self.number = state["number"]
            self.method.load_state_dict(state["method"])
            for name, optimiser in self.method.optimisers.items():
                optimiser.load_state_dict(state["optimisers"][name])
            self.average.load_state_dict(state["average"])
        except (KeyError, ValueError, RuntimeError) as problem:
            raise InputError(
                "the saved training state does not fit this recipe: put the recipe back as it was, or train anew"
            ) from problem

    def _place(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {kind: patches.to(self.device, non_blocking=True) for kind, patches in batch.items()}

    def _diverged(self, what: str) -> RunError:
        return RunError(
            f"{what} at step {self.number}; the last good state is kept: "
            "train again with a lower learning_rate (--set learning_rate=...)"
        )


def random_seed(seed: int, number: int) -> int:
    """The seed of a step: a resumed training meets the same random numbers on every device, without any saved state."""
    return int(np.random.SeedSequence((seed, number)).generate_state(1, np.uint64)[0])


def fit(
    training: Training,
    batches: Batches,
    after_step: Callable[[Training, dict[str, float]], None],
    at_stop: Callable[[Training], None] = lambda _: None,
) -> None:
    """Train until the recipe's last step.

    In a program of ours a signal that asks to stop lets the step finish first. Where Pellucid is a library, signals
    belong to its host, and Ctrl-C raises KeyboardInterrupt at once.

    Args:
        training: what goes on.
        batches: what it learns from.
        after_step: sees each step and may save, draw or print.
        at_stop: called before `Interrupted` is raised, with signals still deferred: what it saves is saved.

    Raises:
        Interrupted: a signal asked to stop; the current step was finished first.
        RunError: a loss is not a number.
    """
    asked: list[int] = []
    with deferred(asked.append):
        while training.number < training.method.recipe.steps:
            losses = training.step(batches(training.number + 1))
            after_step(training, losses)
            if process_group.agreed(bool(asked)) and training.number < training.method.recipe.steps:
                at_stop(training)
                raise Interrupted(f"stopped after step {training.number}", *asked)


def _send(patches: Tensor, networks: Iterable[nn.Module]) -> None:
    """Through each of the networks."""
    for network in networks:
        network(patches)

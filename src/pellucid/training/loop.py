"""The training loop. It knows methods by their base class only, and no files."""

from __future__ import annotations

import copy
import math
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pellucid import process_group
from pellucid.errors import InputError, Interrupted, RunError
from pellucid.methods import Denoiser, Method, build
from pellucid.norms import follows_mode, recalibrate, running_norms
from pellucid.ops import recompute_activations
from pellucid.seeding import seeded
from pellucid.signals import stop_request
from pellucid.training.averaging import MovingAverage
from pellucid.training.execution import Execution

Batches = Callable[[int], Mapping[str, Tensor]]
"""Returns the batch of a step, counted from 1."""

RECALIBRATION_BATCHES = 32


@dataclass
class Training:
    """The state of a training: everything that changes from step to step.

    Attributes:
        method: the method, with its networks and optimisers.
        device: where it is computed.
        execution: how it is computed.
        number: number of steps taken.
        seconds: the part of its minutes that it has used, if the recipe has a number of minutes.
        average: moving average of the denoiser's weights.
    """

    method: Method[Any]
    device: torch.device
    execution: Execution = field(default_factory=Execution)
    number: int = 0
    seconds: float = 0.0
    average: MovingAverage = field(init=False)

    def __post_init__(self) -> None:
        self._prepare()

    def _prepare(self) -> None:
        # channels last is the faster layout for convolutions on CPU and GPU alike
        self.method.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.execution.prepare(self.method, self.device)
        self.average = MovingAverage(self.method.denoiser, self.method.recipe.average)

    def step(self, batch: Mapping[str, Tensor]) -> dict[str, float]:
        """Take one step and return its losses, averaged over the processes that share the batch.

        Raises:
            RunError: a loss is not finite (the message names the first), or another process has ended.
        """
        number = self.number + 1
        with (
            seeded(random_seed(self.method.recipe.seed, number)),
            process_group.sharing(),
            self.execution.step(self.method, self.device),
            recompute_activations(),
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
        """Return a copy of the denoiser with the averaged weights, in evaluation mode.

        Its running statistics are measured again on some batches: those of the training belong to other weights.
        """
        denoiser = copy.deepcopy(self.method.denoiser)
        denoiser.load_state_dict(self.average.state_dict())
        networks = nn.ModuleList(network for network in denoiser.networks() if follows_mode(network))
        if networks:
            noisy = (self._place(batches(number))["noisy"] for number in range(1, RECALIBRATION_BATCHES + 1))
            recalibrate(networks, (partial(_send, patches, networks) for patches in noisy))
        return denoiser.eval()

    def state(self) -> dict[str, Any]:
        """Return everything needed to resume as if never stopped, as tensors and plain values.

        Raises:
            RunError: a weight is not finite, so the state must not be saved.
        """
        weights = self.method.state_dict()
        for name, value in weights.items():
            if not bool(value.isfinite().all()):
                raise self._diverged(f"weight {name!r} is not finite")
        return {
            "number": self.number,
            "seconds": self.seconds,
            "method": weights,
            "optimisers": {name: o.state_dict() for name, o in self.method.optimisers.items()},
            "average": self.average.state_dict(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore a saved state.

        Raises:
            InputError: the state is not that of this method with this recipe.
        """
        try:
            self.number, self.seconds = state["number"], state["seconds"]
            self.method.load_state_dict(state["method"])
            for name, optimiser in self.method.optimisers.items():
                optimiser.load_state_dict(state["optimisers"][name])
            self.average.load_state_dict(state["average"])
        except (KeyError, ValueError, RuntimeError) as problem:
            raise InputError(
                "the saved training state does not match this recipe: restore the recipe, or start a new training"
            ) from problem

    def change_steps(self, steps: int) -> None:
        """Go on as if it had been stopped here and resumed with another number of steps."""
        state, recipe = self.state(), self.method.recipe
        self.method = build(recipe.with_settings({"steps": steps, "minutes": recipe.minutes}))
        self._prepare()
        self.restore(state)

    def _place(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {kind: patches.to(self.device, non_blocking=True) for kind, patches in batch.items()}

    def _diverged(self, what: str) -> RunError:
        return RunError(
            f"{what} at step {self.number}; the last good state is kept: "
            "train again with a lower learning_rate (--set learning_rate=...)"
        )


def random_seed(seed: int, number: int) -> int:
    """Return the seed of a step: a resumed training draws the same random numbers without any saved state."""
    return int(np.random.SeedSequence((seed, number)).generate_state(1, np.uint64)[0])


class Callback:
    """Observes a training. Each hook does nothing unless a subclass overrides it.

    A callback must leave the training as it is: weights, optimisers and gradients. After a step the number of steps may
    change (`Training.change_steps`), and `training.method` is then another object. `before_step` and `after_step` may
    raise `Interrupted` to stop the training between two steps; of processes that train together, all must do so.
    """

    def on_start(self, training: Training, batches: Batches) -> None:
        """Called before the first step; `batches` gives the batch of any step, whole even if processes share it."""

    def before_step(self, training: Training) -> None:
        """Called before the batch of a step is drawn."""

    def after_step(self, training: Training, losses: Mapping[str, float]) -> None:
        """Called after each step with its losses."""

    def on_stop(self, training: Training) -> None:
        """Called if the training stops early, between two steps."""

    def on_end(self) -> None:
        """Called when no more steps will come, even after an error."""


def fit(training: Training, batches: Batches, callbacks: Sequence[Callback] = ()) -> None:
    """Train until the recipe's last step.

    Within `stop_on_signals` a signal that asks to stop lets the step finish first. Elsewhere signals belong to the host
    program, and Ctrl-C raises KeyboardInterrupt at once.

    Args:
        training: what is trained.
        batches: the batches to learn from.
        callbacks: called around each step, in this order.

    Raises:
        Interrupted: a signal or a callback asked to stop; the step in progress was finished, and `on_stop` called.
        RunError: a loss is not finite.
    """
    with stop_request() as request:
        try:
            while training.number < training.method.recipe.steps:
                for callback in callbacks:
                    callback.before_step(training)
                losses = training.step(batches(training.number + 1))
                for callback in callbacks:
                    callback.after_step(training, losses)
                finished = training.number >= training.method.recipe.steps
                if process_group.any_process(request.number is not None) and not finished:
                    raise Interrupted(f"stopped after step {training.number}", request.number or signal.SIGINT)
        except Interrupted:
            for callback in callbacks:
                callback.on_stop(training)
            raise


def _send(patches: Tensor, networks: Iterable[nn.Module]) -> None:
    """Run patches through each of the networks."""
    for network in networks:
        network(patches)

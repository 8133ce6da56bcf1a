"""Fits the number of steps of a training to the minutes of its recipe."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from pellucid import process_group
from pellucid.launch import leads
from pellucid.report import terminal
from pellucid.runs.folder import Run
from pellucid.training import Callback, Training
from pellucid.training.checkpoint import save_state

Clock = Callable[[], float]
"""A clock in seconds that never goes back."""

MARKS = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9)
"""Shares of the time after which the number of steps is estimated; after the last estimate it stays."""

ENOUGH_STEPS, ENOUGH_TIME = 8, 0.05
"""An estimate needs so many steps, or steps that took this share of the time."""

FEWEST_STEPS = 20
"""With fewer, a training is warned of."""


class _Moment(NamedTuple):
    number: int
    seconds: float


class TimeBudget(Callback):
    """Estimates, a few times, how many steps fit into the minutes of the recipe, if it has any.

    Each estimate takes the steps since the one before as long as those that are left: a method may begin with cheap
    steps, and the machine may become busy. The first step after a start is slower and does not count. The new number
    goes into the run's recipe, and the state is saved with it: a run that was killed resumes with the steps that it had
    planned. Saving and drawing after the last step are given the longest time that they took between two steps. Of
    processes that train together, the clock of the first counts.

    Args:
        run: folder of the run.
        clock: what the minutes are counted with; from now on.
    """

    def __init__(self, run: Run, clock: Clock = time.monotonic) -> None:
        self._run = run
        self._clock = clock
        self._zero = clock()
        self._since: _Moment | None = None
        self._longest_pause = 0.0
        self._warned = False

    def begin(self, training: Training) -> None:
        """Add the time that a resumed training has used, and find out which estimates are left."""
        self._total = 60 * (training.method.recipe.minutes or 0)
        self._marks = [share * self._total for share in MARKS if share * self._total > training.seconds]
        self._zero -= training.seconds
        self._count(training)

    def before_step(self, training: Training) -> None:
        """Notice how long saving and drawing took after the step before."""
        if self._since:
            self._longest_pause = max(self._longest_pause, self._clock() - self._zero - training.seconds)

    def after_step(self, training: Training, _: Mapping[str, float]) -> None:
        """Count the time, and estimate the number of steps if it is time to."""
        self._count(training)
        if not self._marks:
            return
        training.seconds = process_group.of_first(training.seconds)
        self._longest_pause = process_group.of_first(self._longest_pause)
        now, since = _Moment(training.number, training.seconds), self._since
        self._since = since or now
        left = self._total - self._longest_pause - now.seconds
        if left <= 0:
            self._set_steps(training, now.number)
        elif since and self._due(training, since):
            rate = (now.number - since.number) / (now.seconds - since.seconds)
            self._set_steps(training, now.number + round(rate * left))

    def _count(self, training: Training) -> None:
        if self._total:
            training.seconds = self._clock() - self._zero

    def _due(self, training: Training, since: _Moment) -> bool:
        """Whether an estimate is due, and there were enough steps since the last one."""
        number, seconds = training.number - since.number, training.seconds - since.seconds
        if training.number >= training.method.recipe.steps:
            return seconds > 0
        enough = seconds >= ENOUGH_TIME * self._total or (number >= ENOUGH_STEPS and seconds > 0)
        return enough and training.seconds >= self._marks[0]

    def _set_steps(self, training: Training, steps: int) -> None:
        """Go on with this number of steps."""
        self._since = _Moment(training.number, training.seconds)
        self._marks = [mark for mark in self._marks if mark > training.seconds]
        if steps != training.method.recipe.steps:
            training.change_steps(steps)
        if leads():
            self._write(training)
        if steps < FEWEST_STEPS and training.seconds >= 0.1 * self._total and not self._warned:
            self._warned = True
            terminal.warn(
                f"only {steps} steps fit into {self._total:.3g} s, too few to learn much: give more time, or a smaller "
                "batch or width"
            )

    def _write(self, training: Training) -> None:
        """Write the recipe, and unless this was the last step a state that belongs to it."""
        recipe = training.method.recipe
        self._run.change(recipe)
        if training.number < recipe.steps:
            save_state(training.state(), self._run.state)

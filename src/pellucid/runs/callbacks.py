"""What a training leaves in the folder of its run: losses, the saved state, previews, curves. Each is a callback."""

from __future__ import annotations

import copy
import gc
import importlib.util
import json
import math
import socket
from collections.abc import Iterator, Mapping
from itertools import repeat
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pellucid.data.intensity_range import IntensityRange
from pellucid.files import writing
from pellucid.inference import Statistics, patch_statistics
from pellucid.methods import Denoiser
from pellucid.recipe import LearningRecipe
from pellucid.report.curves import curves_picture
from pellucid.report.terminal import Bar
from pellucid.runs.folder import Run
from pellucid.runs.previews import Images, Previews
from pellucid.runs.timer import Timer
from pellucid.training import Batches, Callback, Training
from pellucid.training.checkpoint import save_state

SAVE_AFTER = 300.0
"""Seconds after which the state is saved, whatever the number of steps."""

PREVIEW_AFTER = 60.0
"""Seconds to the first preview; the pauses double."""

CURVES_AFTER = 30.0
"""Seconds between two pictures of the losses."""

STATISTICS_PATCHES = 64
"""Number of training patches whose moments are saved beside the weights."""


def run_callbacks(
    run: Run,
    images: Mapping[str, Images],
    intensities: Mapping[str, IntensityRange],
    neighbours: NDArray[np.int64],
) -> list[Callback]:
    """Return the callbacks that fill the folder of a run.

    Args:
        run: the folder.
        images: images (Y, X) by kind, from which previews are cut.
        intensities: the intensity range of each kind.
        neighbours: for each noisy image the numbers of those around it, (images, slices).
    """
    previews = Previews(images, intensities, neighbours)
    callbacks = [LogLosses(run), SaveState(run), DrawPreviews(run, previews), DrawCurves(run)]
    return [*callbacks, WriteTensorBoard(run)] if importlib.util.find_spec("tensorboard") else callbacks


class LogLosses(Callback):
    """Appends a line to metrics.jsonl after each step."""

    def __init__(self, run: Run) -> None:
        self._file = run.metrics

    def after_step(self, training: Training, losses: Mapping[str, float]) -> None:
        """Write the losses of a step."""
        with writing(self._file), self._file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"step": training.number, **losses}) + "\n")


class Periodic(Callback):
    """Acts every so many steps, at the last step, and by the clock."""

    def __init__(self, run: Run, pauses: Iterator[float]) -> None:
        self.run = run
        self._timer = Timer(pauses)
        self._batches: Batches

    def on_start(self, _: Training, batches: Batches) -> None:
        """Keep the batches."""
        self._batches = batches

    def after_step(self, training: Training, _: Mapping[str, float]) -> None:
        """Act if it is time."""
        recipe, number = training.method.recipe, training.number
        if number == recipe.steps or number % self.period(recipe) == 0 or self._timer.due:
            with self._timer.action():
                self.act(training)

    def period(self, recipe: LearningRecipe) -> int:
        """Return the number of steps between two actions."""
        return recipe.preview_every

    def act(self, training: Training) -> None:
        """Do what is due."""
        raise NotImplementedError

    def denoisers(self, training: Training) -> dict[str, Denoiser]:
        """Return copies of the denoiser in evaluation mode, by the names of their weights: "last", "average"."""
        last = copy.deepcopy(training.method.denoiser).eval()
        return {"last": last, "average": training.averaged(self._batches)}

    def statistics(self, denoiser: Denoiser) -> Statistics:
        """Return the moments that its norms measure on training patches."""
        batch = self._batches(1)["noisy"]
        numbers = range(1, math.ceil(STATISTICS_PATCHES / len(batch)) + 1)
        patches = torch.cat([self._batches(number)["noisy"] for number in numbers])
        return patch_statistics(denoiser, patches.to(denoiser.device))


class SaveState(Periodic):
    """Saves the state to resume from, and the denoiser's weights, last and averaged."""

    def __init__(self, run: Run) -> None:
        super().__init__(run, repeat(SAVE_AFTER))

    def period(self, recipe: LearningRecipe) -> int:
        """Return the number of steps between two saved states."""
        return recipe.save_every

    def act(self, training: Training) -> None:
        """Save."""
        state = training.state()
        for which, denoiser in self.denoisers(training).items():
            self.run.save_weights(which, denoiser.state_dict(), training.number)
            self.run.save_statistics(which, self.statistics(denoiser))
        save_state(state, self.run.state)  # last: a run whose state is that of the end has its weights too

    def on_stop(self, training: Training) -> None:
        """Save before the training stops."""
        self.act(training)


class DrawPreviews(Periodic):
    """Draws the same crops at regular intervals."""

    def __init__(self, run: Run, previews: Previews) -> None:
        super().__init__(run, _doubling(PREVIEW_AFTER))
        self._previews = previews

    def act(self, training: Training) -> None:
        """Draw a preview."""
        path = self.run.preview(training.number)
        self._previews.draw(**self.denoisers(training), heading=f"step {training.number}", path=path)


class DrawCurves(Periodic):
    """Draws the losses so far."""

    def __init__(self, run: Run) -> None:
        super().__init__(run, repeat(CURVES_AFTER))

    def act(self, _: Training) -> None:
        """Draw the curves."""
        curves_picture(self.run.metrics, self.run.curves, overwrite=True)
        gc.collect()  # figures refer to themselves, and would stay in memory until Python collects them


class WriteTensorBoard(Callback):
    """Writes the losses for TensorBoard."""

    def __init__(self, run: Run) -> None:
        from torch.utils.tensorboard import SummaryWriter  # here: its import takes seconds

        self._folder = run.folder / "tensorboard"
        self._writer: Any = SummaryWriter(str(self._folder))

    def after_step(self, training: Training, losses: Mapping[str, float]) -> None:
        """Write the losses of a step."""
        for name, loss in losses.items():
            self._writer.add_scalar(name, loss, training.number)

    def on_end(self) -> None:
        """Close the files, and remove the machine's name, which TensorBoard puts into theirs."""
        self._writer.close()
        for path in self._folder.glob(f"*.{socket.gethostname()}.*"):
            path.rename(path.with_name(path.name.replace(f".{socket.gethostname()}.", ".")))


class ShowProgress(Callback):
    """Shows the steps, or the seconds of a time budget, and the main losses in the terminal."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar

    def on_start(self, training: Training, _: Batches) -> None:
        """Note when the first step begins."""
        self._first, self._began = training.number + 1, perf_counter()

    def after_step(self, training: Training, losses: Mapping[str, float]) -> None:
        """Show the step."""
        if training.execution.compile and training.number == self._first:
            self._bar.say(f"compiling: {perf_counter() - self._began:.0f} s, with the first step")
        shown = [f"{name} {losses[name]:.3f}" for name in training.method.shown_losses if name in losses]
        if not shown and "measured" in losses:
            shown = ["measuring the noise"]
        if training.method.recipe.minutes:
            self._bar.set(training.seconds, "  ".join([f"step {training.number}", *shown]))
        else:
            self._bar.set(training.number, "  ".join(shown))


def _doubling(pause: float) -> Iterator[float]:
    while True:
        yield pause
        pause *= 2

"""What a training leaves behind while it goes: losses, saved states, previews, curves."""

from __future__ import annotations

import copy
import gc
import importlib.util
import json
import math
import socket
from collections.abc import Iterator, Mapping
from itertools import repeat
from typing import Any, NamedTuple

import torch

from pellucid.data.intensity_range import IntensityRange
from pellucid.files import writing
from pellucid.inference import Statistics, patch_statistics
from pellucid.methods import Denoiser
from pellucid.report.curves import curves_picture
from pellucid.runs.folder import Run
from pellucid.runs.pace import Pace
from pellucid.runs.previews import Images, Previews
from pellucid.training import Batches, Training
from pellucid.training.checkpoint import save_state

SAVE_AFTER = 300.0
"""Seconds after which the state is saved, however many steps that are."""

PREVIEW_AFTER = 60.0
"""Seconds to the first preview; the pauses double."""

CURVES_AFTER = 30.0
"""Seconds between two pictures of the losses."""

STATISTICS_PATCHES = 64
"""Patches whose moments are noted beside the weights."""


class _Denoisers(NamedTuple):
    """What has been learned so far, in evaluation mode, by the names of its weights."""

    last: Denoiser
    average: Denoiser


class Recorder:
    """Called after each step: writes its losses, and now and then everything else.

    Nothing that it does changes what is learned: each step has random numbers of its own.

    Args:
        run: the folder.
        images: images (Y, X) by kind, from which previews are cut, the same crops each time.
        intensities: the range of each kind.
        batches: what it learns from.
        live: somebody may be watching: pictures come by the clock too, and TensorBoard gets the losses, if installed.
    """

    def __init__(
        self,
        run: Run,
        images: Mapping[str, Images],
        intensities: Mapping[str, IntensityRange],
        batches: Batches,
        *,
        live: bool = True,
    ) -> None:
        self.run = run
        self.batches = batches
        self.previews = Previews(images, intensities)
        self._saving = Pace(repeat(SAVE_AFTER))
        self._drawing = Pace(_doubling(PREVIEW_AFTER) if live else repeat(math.inf))
        self._plotting = Pace(repeat(CURVES_AFTER if live else math.inf))
        self._tensorboard = _tensorboard(run) if live else None

    def __call__(self, training: Training, losses: dict[str, float]) -> None:
        """Take in one step."""
        recipe, number = training.method.recipe, training.number
        with writing(self.run.metrics), self.run.metrics.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"step": number, **losses}) + "\n")
        if self._tensorboard:
            for name, loss in losses.items():
                self._tensorboard.add_scalar(name, loss, number)
        end = number == recipe.steps
        saving = end or number % recipe.save_every == 0 or self._saving.due
        drawing = end or number % recipe.preview_every == 0 or self._drawing.due
        if saving or drawing:
            now = self._denoisers(training)
            if saving:
                self._save(training, now)
            if drawing:
                self._draw(training, now)
        if drawing or self._plotting.due:
            with self._plotting.doing():
                curves_picture(self.run.metrics, self.run.curves, overwrite=True)
                gc.collect()  # figures hold on to themselves, and would wait in memory for Python's own turn

    def save(self, training: Training) -> None:
        """Save the state to resume from, and the denoiser's weights, last and averaged."""
        self._save(training, self._denoisers(training))

    def _denoisers(self, training: Training) -> _Denoisers:
        return _Denoisers(copy.deepcopy(training.method.denoiser).eval(), training.averaged(self.batches))

    def _save(self, training: Training, now: _Denoisers) -> None:
        with self._saving.doing():
            state = training.state()
            for which, denoiser in now._asdict().items():
                self.run.save_weights(which, denoiser.state_dict(), training.number)
                self.run.save_statistics(which, self._statistics(denoiser))
            save_state(state, self.run.state)  # last: a run whose state is that of the end has its weights too

    def _draw(self, training: Training, now: _Denoisers) -> None:
        with self._drawing.doing():
            self.previews.draw(*now, f"step {training.number}", self.run.preview(training.number))

    def close(self) -> None:
        """No more steps will come."""
        if self._tensorboard:
            self._tensorboard.close()
            _forget_machine(self.run)

    def _statistics(self, denoiser: Denoiser) -> Statistics:
        batch = self.batches(1)["noisy"]
        numbers = range(1, math.ceil(STATISTICS_PATCHES / len(batch)) + 1)
        patches = torch.cat([self.batches(number)["noisy"] for number in numbers])
        return patch_statistics(denoiser, patches.to(denoiser.device))


def _doubling(pause: float) -> Iterator[float]:
    while True:
        yield pause
        pause *= 2


def _tensorboard(run: Run) -> Any:
    """A writer for TensorBoard, if that is installed."""
    if importlib.util.find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(run.folder / "tensorboard"))


def _forget_machine(run: Run) -> None:
    """TensorBoard puts the machine's name into those of its files: take it out again."""
    for path in (run.folder / "tensorboard").glob(f"*.{socket.gethostname()}.*"):
        path.rename(path.with_name(path.name.replace(f".{socket.gethostname()}.", ".")))

"""What a training leaves behind while it goes: losses, saved states, previews, curves."""

from __future__ import annotations

import copy
import importlib.util
import json
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from pellucid.images import Intensity
from pellucid.images.atomic import writing
from pellucid.inference import Statistics, patch_statistics
from pellucid.methods import Denoiser
from pellucid.report import contact_sheet, curves_picture
from pellucid.runs.folder import Run
from pellucid.training import Batches, Training
from pellucid.training.checkpoint import save_state

PREVIEW_SIDE = 192
PREVIEW_ROWS = 3
STATISTICS_PATCHES = 64
"""Patches whose moments are noted beside the weights."""


class _Denoisers(NamedTuple):
    """What has been learned so far, in evaluation mode, by the names of its weights."""

    last: Denoiser
    average: Denoiser


class Recorder:
    """Called after each step: writes its losses, and now and then everything else.

    Args:
        run: the folder.
        noisy: images (Y, X) that previews are cut from, the same crops each time.
        intensity: the noisy images' range.
        batches: what it learns from.
        live: TensorBoard gets the losses too, if it is installed.
    """

    def __init__(
        self, run: Run, noisy: Sequence[NDArray[Any]], intensity: Intensity, batches: Batches, *, live: bool = True
    ) -> None:
        self.run = run
        self.batches = batches
        self.crops = preview_crops(noisy)
        self.intensity = intensity
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
        saving, drawing = end or number % recipe.save_every == 0, end or number % recipe.preview_every == 0
        if saving or drawing:
            now = self._denoisers(training)
            if saving:
                self._save(training, now)
            if drawing:
                self._draw(training, now)

    def save(self, training: Training) -> None:
        """Save the state to resume from, and the denoiser's weights, last and averaged."""
        self._save(training, self._denoisers(training))

    def _denoisers(self, training: Training) -> _Denoisers:
        return _Denoisers(copy.deepcopy(training.method.denoiser).eval(), training.averaged(self.batches))

    def _save(self, training: Training, now: _Denoisers) -> None:
        state = training.state()
        for which, denoiser in now._asdict().items():
            self.run.save_weights(which, denoiser.state_dict(), training.number)
            self.run.save_statistics(which, self._statistics(denoiser))
        save_state(state, self.run.state)  # last: a run whose state is that of the end has its weights too

    def _draw(self, training: Training, now: _Denoisers) -> None:
        last, average = now
        parts = last.part_names if len(last.part_names) > 1 else []
        rows = [self._row(crop, last, average, parts, training.device) for crop in self.crops]
        contact_sheet(
            rows,
            ["noisy", *parts, "denoised (last)", "denoised (average)"],
            self.run.preview(training.number),
            display_range=(self.intensity.low, self.intensity.high),
            heading=f"step {training.number}",
            overwrite=True,
        )
        curves_picture(self.run.metrics, self.run.curves, overwrite=True)

    def close(self) -> None:
        """No more steps will come."""
        if self._tensorboard:
            self._tensorboard.close()

    def _statistics(self, denoiser: Denoiser) -> Statistics:
        batch = self.batches(1)["noisy"]
        numbers = range(1, math.ceil(STATISTICS_PATCHES / len(batch)) + 1)
        patches = torch.cat([self.batches(number)["noisy"] for number in numbers])
        return patch_statistics(denoiser, patches.to(denoiser.device))

    @torch.no_grad()
    def _row(
        self, crop: NDArray[Any], last: Denoiser, average: Denoiser, parts: Sequence[str], device: torch.device
    ) -> list[NDArray[Any]]:
        noisy = self._tensor(crop, device)
        estimates = last.parts(noisy)
        shown = [*(estimates[name] for name in parts), last.combine(estimates), average(noisy)]
        return [crop, *(self.intensity.from_unit(image[0, 0].cpu().numpy()) for image in shown)]

    def _tensor(self, crop: NDArray[Any], device: torch.device) -> torch.Tensor:
        return torch.from_numpy(self.intensity.to_unit(crop))[None, None].to(device)


def preview_crops(images: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Central crops of one size from images spread over a source; the same for the same source."""
    chosen = [images[i] for i in np.unique(np.linspace(0, len(images) - 1, PREVIEW_ROWS).astype(int))]
    side = min(PREVIEW_SIDE, *(min(image.shape) for image in chosen)) // 16 * 16
    corners = [tuple((length - side) // 2 for length in image.shape) for image in chosen]
    return [np.array(image[y : y + side, x : x + side]) for image, (y, x) in zip(chosen, corners, strict=True)]


def _tensorboard(run: Run) -> Any:
    """A writer for TensorBoard, if that is installed."""
    if importlib.util.find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(run.folder / "tensorboard"))

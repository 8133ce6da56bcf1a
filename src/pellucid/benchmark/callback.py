"""Looking on while a unit trains: its computing time, and the quality on the test images if that is wanted."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import torch

from pellucid.benchmark.measure import computing_time
from pellucid.benchmark.results import CurvePoint
from pellucid.errors import Interrupted
from pellucid.files import writing
from pellucid.runs.files import write_text
from pellucid.training import Batches, Training

Judge = Callable[[Training, Batches], tuple[float, float]]
"""Mean PSNR and SSIM on the test images, of the denoiser as it is now."""


class Watch:
    """Writes a line for each step: `{"step", "seconds"}`, and now and then `"psnr"`, `"ssim"`.

    Args:
        log: the file. After a stop it goes on at the step that the training goes on at.
        judge: how good the denoiser is.
        every: steps between two judgements; 0: none.
    """

    def __init__(self, log: Path, judge: Judge, every: int) -> None:
        self.log = log
        self._judge = judge
        self._every = every
        self._seconds: float | None = None
        self._begin = 0.0
        self._device = torch.device("cpu")
        self._parent = os.getppid()

    def before_step(self) -> None:
        """Start the clock.

        Raises:
            Interrupted: the process that asked for this training is gone.
        """
        if os.getppid() != self._parent:
            raise Interrupted("the benchmark that this training belongs to has ended")
        self._begin = computing_time(self._device)

    def after_step(self, training: Training, batches: Batches) -> None:
        """Stop the clock and write the line."""
        if training.device.type != self._device.type:  # known from now on; the first step counts for nothing
            self._device = training.device
            self._begin = computing_time(self._device)
        taken = computing_time(self._device) - self._begin
        if self._seconds is None:
            self._seconds = self._forget_from(training.number)
        self._seconds += taken
        line: dict[str, float] = {"step": training.number, "seconds": round(self._seconds, 4)}
        if self._every and training.number % self._every == 0:
            line["psnr"], line["ssim"] = self._judge(training, batches)
        with writing(self.log), self.log.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(line) + "\n")

    def _forget_from(self, number: int) -> float:
        """Drop the lines of steps that are taken again; the seconds of those before."""
        kept = [line for line in read_progress(self.log) if line["step"] < number]
        write_text(self.log, "".join(json.dumps(line) + "\n" for line in kept))
        return kept[-1]["seconds"] if kept else 0.0


def read_progress(log: Path) -> list[dict[str, float]]:
    """The whole lines of a log; none if there is no log."""
    if not log.exists():
        return []
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def curve(log: Path) -> tuple[CurvePoint, ...]:
    """The judgements in a log."""
    return tuple(
        CurvePoint(int(line["step"]), line["seconds"], line["psnr"], line["ssim"])
        for line in read_progress(log)
        if "psnr" in line
    )

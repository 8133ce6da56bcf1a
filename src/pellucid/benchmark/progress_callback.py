"""The callback of a training: records its computing time and, if asked, the quality on the test images."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from pellucid.benchmark.results import CurvePoint
from pellucid.benchmark.step_time import computing_time
from pellucid.errors import Interrupted
from pellucid.files import write_text, writing
from pellucid.training import Batches, Callback, Training

Scorer = Callable[[Training, Batches], tuple[float, float]]
"""Returns mean PSNR and SSIM of the present denoiser on the test images."""


class ProgressCallback(Callback):
    """Writes a line for each step: `{"step", "seconds"}`, and every so many steps also `"psnr"` and `"ssim"`.

    Args:
        log: the file. If a training is resumed, the lines of repeated steps are removed first.
        score: scores the denoiser.
        every: steps between two scores; 0: none.
    """

    def __init__(self, log: Path, score: Scorer, every: int) -> None:
        self.log = log
        self._score = score
        self._every = every
        self._batches: Batches
        self._before = 0.0  # a resumed training was computed for so long
        self._taken = 0.0
        self._begin = 0.0
        self._parent = os.getppid()

    def clock(self) -> float:
        """Return the computing time of the steps in this process, in seconds."""
        return self._taken

    def on_start(self, training: Training, batches: Batches) -> None:
        """Keep the batches for the scorer; remove the lines of steps that are repeated."""
        self._batches = batches
        kept = [line for line in read_progress(self.log) if line["step"] <= training.number]
        write_text(self.log, "".join(json.dumps(line) + "\n" for line in kept))
        self._before = kept[-1]["seconds"] if kept else 0.0

    def before_step(self, training: Training) -> None:
        """Start the clock.

        Raises:
            Interrupted: the process of the benchmark has ended.
        """
        if os.getppid() != self._parent:
            raise Interrupted("the benchmark that this training belongs to has ended")
        self._begin = computing_time(training.device)

    def after_step(self, training: Training, _: Mapping[str, float]) -> None:
        """Stop the clock and write the line."""
        self._taken += computing_time(training.device) - self._begin
        line: dict[str, float] = {"step": training.number, "seconds": round(self._before + self._taken, 4)}
        if self._every and training.number % self._every == 0:
            line["psnr"], line["ssim"] = self._score(training, self._batches)
        with writing(self.log), self.log.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(line) + "\n")


def read_progress(log: Path) -> list[dict[str, float]]:
    """Read the complete lines of a log; none if there is no log."""
    if not log.exists():
        return []
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def read_curve(log: Path) -> tuple[CurvePoint, ...]:
    """Read the scores in a log."""
    return tuple(
        CurvePoint(int(line["step"]), line["seconds"], line["psnr"], line["ssim"])
        for line in read_progress(log)
        if "psnr" in line
    )

"""The process of one unit: train or go on, denoise the test images, score them, leave the result.

    python -m pellucid.benchmark.worker FOLDER OUT

It is a process of its own so that its memory can be measured and its failure is its own.
"""

from __future__ import annotations

import copy
import os
import platform
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pellucid.allocator import keep_freed_memory
from pellucid.benchmark.callback import Watch, curve, read_progress
from pellucid.benchmark.measure import learns, step_seconds
from pellucid.benchmark.results import Result
from pellucid.benchmark.task import PROGRESS, RESULT, TASK, TRAINING, Task
from pellucid.blockwise.lock import locked
from pellucid.data.intensity_range import IntensityRange
from pellucid.data.source import open_source
from pellucid.device import choose_device
from pellucid.errors import Interrupted, PellucidError
from pellucid.evaluation import Score, psnr, ssim
from pellucid.io.writing import write_array
from pellucid.methods import method_class
from pellucid.model import Model
from pellucid.recipe import LearningRecipe, Recipe
from pellucid.runs import trainer
from pellucid.runs.files import write_text
from pellucid.runs.folder import Run
from pellucid.signals import heeded, stop
from pellucid.training import Batches, Training
from pellucid.version import __version__

STOPPED = 3
"""Exit status of a process that was asked to stop, and can go on."""

WAIT_FOR_OTHER = 60.0
"""Seconds for a process on the same unit, whose benchmark was killed, to notice that."""


@dataclass(frozen=True)
class Tested:
    """Denoised test images (Y, X) from 0 to 255, not rounded; their scores if the truth is known; seconds."""

    images: list[NDArray[np.float32]]
    scores: tuple[Score, ...]
    seconds: float


def main(folder: Path, out: Path) -> int:
    """Do the task in `folder`; the exit status."""
    keep_freed_memory()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where it was started in the background
    task = Task.model_validate_json((folder / TASK).read_text(encoding="utf-8"))
    try:
        with heeded(stop), locked(folder / ".lock", f"{task.unit}: another process is at work on it", WAIT_FOR_OTHER):
            result = do(task, folder, out)
    except (Interrupted, KeyboardInterrupt):
        return STOPPED
    except PellucidError as problem:
        result = failed(task, str(problem))
    except Exception as problem:
        import traceback

        traceback.print_exc()  # into the log
        result = failed(task, f"{type(problem).__name__}: {problem}")
    write_text(folder / RESULT, result.model_dump_json(indent=1))
    return 0


def do(task: Task, folder: Path, out: Path) -> Result:
    """Train, test, and keep the images.

    Raises:
        PellucidError: it cannot be done, or somebody stopped it.
    """
    started = datetime.now(UTC).isoformat(timespec="seconds")
    recipe = task.make_recipe()
    if isinstance(recipe, LearningRecipe):
        run = trained(task, recipe, folder)
        recipe = run.recipe()
        model = Model.load(run.folder, device=task.device)
    else:
        recipe.check()
        model = Model.for_images(recipe, task.test, device=task.device)
    tested = test(model, task)
    steps = recipe.steps if isinstance(recipe, LearningRecipe) else 0
    progress = read_progress(folder / PROGRESS)
    return described(task, recipe).model_copy(
        update={
            "status": "done",
            "started": started,
            "scores": tested.scores,
            "steps": steps,
            "tiles": steps * recipe.batch if isinstance(recipe, LearningRecipe) else 0,
            "training_seconds": progress[-1]["seconds"] if progress else 0.0,
            "denoising_seconds": round(tested.seconds, 4),
            "peak_memory": peak_memory(task.device),
            "curve": curve(folder / PROGRESS),
            "images": keep(tested, task, out),
        }
    )


def trained(task: Task, recipe: LearningRecipe, folder: Path) -> Run:
    """The finished run, begun or gone on with.

    Raises:
        PellucidError: as `training.start`.
    """
    run_folder = folder / TRAINING
    watch = Watch(folder / PROGRESS, lambda now, batches: _judge(now, batches, task), task.curve_every)
    if (run_folder / "recipe.toml").exists():
        return trainer.resume(run_folder, task.device, watch)
    shutil.rmtree(run_folder, ignore_errors=True)  # stopped while it was laid out
    if task.seconds is not None and learns(recipe):
        steps = max(1, int(task.seconds / step_seconds(recipe, task.device)))
        recipe = recipe.with_settings({"steps": steps, "preview_every": steps})
    return trainer.start(task.sources, run_folder, recipe, task.device, watch)


def test(model: Model, task: Task) -> Tested:
    """Denoise the test images one by one, each whole, and score them on the scale 0 to 255."""
    begin = time.perf_counter()
    images = list(_denoised(model, task))
    seconds = time.perf_counter() - begin
    if not task.truth:
        return Tested(images, (), seconds)
    named = zip(task.test, images, task.truth, strict=True)
    return Tested(images, tuple(_score(name, image, truth) for name, image, truth in named), seconds)


def keep(tested: Tested, task: Task, out: Path) -> tuple[str, ...]:
    """Write the denoised images, rounded to 8 bits; their paths relative to `out`."""
    paths = [Path("images") / task.name / Path(name).name for name in task.test]
    for path, image in zip(paths, tested.images, strict=True):
        write_array(out / path, np.rint(image).astype(np.uint8), overwrite=True)
    return tuple(path.as_posix() for path in paths)


def failed(task: Task, message: str) -> Result:
    """The row of a unit that failed."""
    return described(task, None).model_copy(update={"status": "failed", "message": " ".join(message.split())})


def described(task: Task, recipe: Recipe | None) -> Result:
    """A row with all that is known beforehand."""
    method = method_class(task.recipe["method"])
    values = task.recipe if recipe is None else recipe.model_dump()
    return Result(
        unit=task.unit,
        status="failed",
        title=method.title,
        supervision=method.supervision.value,
        device=_device_name(task.device),
        threads=torch.get_num_threads(),
        machine=f"{platform.platform()}, {os.cpu_count()} cores",
        python=platform.python_version(),
        torch=torch.__version__,
        pellucid=__version__,
        commit=task.commit,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        settings=task.settings,
        recipe=values,
        weights=str(values.get("weights", "")),
        fingerprint=task.fingerprint,
        training_images={kind: len(paths) for kind, paths in task.sources.items()},
        names=tuple(Path(name).stem for name in task.test),
    )


def peak_memory(device: str) -> int:
    """Bytes: of the GPU's tensors, or of this process."""
    chosen = choose_device(device).torch
    if chosen.type == "cuda":
        return torch.cuda.max_memory_allocated(chosen)
    try:
        import resource
    except ImportError:  # not on Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _judge(now: Training, batches: Batches, task: Task) -> tuple[float, float]:
    recipe = now.method.recipe
    averaged = recipe.weights == "average"
    denoiser = now.averaged(batches) if averaged else copy.deepcopy(now.method.denoiser).eval()
    source = open_source(task.sources["noisy"])
    model = Model(recipe, denoiser, IntensityRange.from_source(source), source.dtypes[0], device=str(now.device))
    scores = test(model, task).scores
    return tuple(float(np.mean([getattr(s, name) for s in scores])) for name in ("psnr", "ssim"))  # type: ignore[return-value]


def _denoised(model: Model, task: Task) -> Iterator[NDArray[np.float32]]:
    for path in task.test:
        (image,) = open_source(path).images
        for _, done in model.planes(image):
            yield np.clip(model.intensity_range.denormalize(done.image), 0, 255)


def _score(name: str, image: NDArray[Any], truth: str) -> Score:
    (plane,) = open_source(truth).planes
    expected = plane.read()
    return Score(Path(name).stem, psnr(image, expected, 255), ssim(image, expected, 255))


def _device_name(device: str) -> str:
    chosen = choose_device(device).torch
    return torch.cuda.get_device_name(chosen) if chosen.type == "cuda" else str(chosen)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))

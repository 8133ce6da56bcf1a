"""The process of one run: train or resume, denoise the test images, score them, write the result.

    python -m pellucid.benchmark.worker FOLDER OUT

Each run has its own process, so that its memory can be measured and a failure does not affect other runs.
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
from pellucid.benchmark.filter_tuning import tune
from pellucid.benchmark.image_score import ImageScore, score_image
from pellucid.benchmark.progress_callback import ProgressCallback, read_curve, read_progress
from pellucid.benchmark.results import Result
from pellucid.benchmark.run_spec import PROGRESS, RESULT, SPEC, TRAINING, RunSpec
from pellucid.blockwise.blocks import denoise_planes
from pellucid.blockwise.lock import locked
from pellucid.blockwise.plan import DENOISED
from pellucid.data.intensity_range import IntensityRange
from pellucid.data.source import open_source
from pellucid.device import choose_device
from pellucid.errors import Interrupted, PellucidError
from pellucid.files import write_text
from pellucid.io.writing import write_array
from pellucid.methods import method_class
from pellucid.model import Model
from pellucid.recipe import LearningRecipe, Recipe
from pellucid.runs import trainer
from pellucid.runs.folder import Run
from pellucid.signals import stop_on_signals
from pellucid.training import Batches, Training
from pellucid.version import __version__

STOPPED = 3
"""Exit status of a process that was asked to stop; the run can be resumed."""

WAIT_FOR_OTHER = 60.0
"""Seconds to wait for another process of the same run, which ends when it notices that its benchmark was killed."""


@dataclass(frozen=True)
class Tested:
    """Denoised test images (Y, X) from 0 to 255, not rounded; their scores if the truth is known; time in seconds."""

    images: list[NDArray[np.float32]]
    scores: tuple[ImageScore, ...]
    seconds: float


def main(folder: Path, out: Path) -> int:
    """Do the run in `folder`; return the exit status."""
    keep_freed_memory()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where it was started in the background
    spec = RunSpec.model_validate_json((folder / SPEC).read_text(encoding="utf-8"))
    try:
        busy = f"{spec.run}: another process is doing it"
        with stop_on_signals(), locked(folder / ".lock", busy, WAIT_FOR_OTHER):
            result = do_run(spec, folder, out)
    except (Interrupted, KeyboardInterrupt):
        return STOPPED
    except PellucidError as problem:
        result = failed(spec, str(problem))
    except Exception as problem:
        import traceback

        traceback.print_exc()  # into the log
        result = failed(spec, f"{type(problem).__name__}: {problem}")
    write_text(folder / RESULT, result.model_dump_json(indent=1))
    return 0


def do_run(spec: RunSpec, folder: Path, out: Path) -> Result:
    """Train, test, and save the images.

    Raises:
        PellucidError: it cannot be done, or was stopped.
    """
    started = datetime.now(UTC).isoformat(timespec="seconds")
    recipe = spec.make_recipe()
    if isinstance(recipe, LearningRecipe):
        run = trained(spec, recipe, folder)
        recipe = run.recipe()
        model = Model.load(run.folder, device=spec.device)
    else:
        recipe.check()
        if spec.tuned:
            recipe = tune(recipe, spec.sources["noisy"], spec.sources["pairs"], spec.device)
        model = Model.for_images(recipe, spec.test, device=spec.device)
    tested = test(model, spec)
    steps = recipe.steps if isinstance(recipe, LearningRecipe) else 0
    progress = read_progress(folder / PROGRESS)
    return _described(spec, recipe).model_copy(
        update={
            "status": "done",
            "started": started,
            "scores": tested.scores,
            "steps": steps,
            "patches": steps * recipe.batch if isinstance(recipe, LearningRecipe) else 0,
            "training_seconds": progress[-1]["seconds"] if progress else 0.0,
            "denoising_seconds": round(tested.seconds, 4),
            "peak_memory": peak_memory(spec.device),
            "curve": read_curve(folder / PROGRESS),
            "images": save_images(tested, spec, out),
        }
    )


def trained(spec: RunSpec, recipe: LearningRecipe, folder: Path) -> Run:
    """Train, or resume a training, to its end.

    Raises:
        PellucidError: as `trainer.train`.
    """
    run_folder = folder / TRAINING
    callback = ProgressCallback(
        folder / PROGRESS, lambda training, batches: _score_now(training, batches, spec), spec.curve_every
    )
    if (run_folder / "recipe.toml").exists():
        return trainer.resume(run_folder, spec.device, callbacks=[callback], clock=callback.clock)
    shutil.rmtree(run_folder, ignore_errors=True)  # stopped while it was being made
    return trainer.train(spec.sources, run_folder, recipe, spec.device, callbacks=[callback], clock=callback.clock)


def test(model: Model, spec: RunSpec) -> Tested:
    """Denoise the test images one by one, and score them with data range 255."""
    begin = time.perf_counter()
    images = list(_denoised(model, spec))
    seconds = time.perf_counter() - begin
    if not spec.truth:
        return Tested(images, (), seconds)
    named = zip(spec.test, images, spec.truth, strict=True)
    return Tested(images, tuple(score_image(name, image, _read(truth)) for name, image, truth in named), seconds)


def save_images(tested: Tested, spec: RunSpec, out: Path) -> tuple[str, ...]:
    """Write the denoised images, rounded to 8 bits; return their paths relative to `out`."""
    paths = [Path("images") / spec.name / Path(name).name for name in spec.test]
    for path, image in zip(paths, tested.images, strict=True):
        write_array(out / path, np.rint(image).astype(np.uint8), overwrite=True)
    return tuple(path.as_posix() for path in paths)


def failed(spec: RunSpec, message: str) -> Result:
    """The row of a run that failed."""
    return _described(spec, None).model_copy(update={"status": "failed", "message": " ".join(message.split())})


def _described(spec: RunSpec, recipe: Recipe | None) -> Result:
    """The row of a run without its scores and cost."""
    method = method_class(spec.recipe["method"])
    values = spec.recipe if recipe is None else recipe.model_dump()
    return Result(
        run=spec.run,
        status="failed",
        title=method.title,
        supervision=method.supervision.value,
        device=_device_name(spec.device),
        threads=torch.get_num_threads(),
        machine=f"{platform.platform()}, {os.cpu_count()} cores",
        python=platform.python_version(),
        torch=torch.__version__,
        pellucid=__version__,
        commit=spec.commit,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        settings=spec.settings,
        recipe=values,
        weights=str(values.get("weights", "")),
        fingerprint=spec.fingerprint,
        planned=spec.planned,
        code=spec.code,
        training_images={kind: len(paths) for kind, paths in spec.sources.items()},
        names=tuple(Path(name).stem for name in spec.test),
    )


def peak_memory(device: str) -> int:
    """Peak memory of the tensors on the GPU, or of this process, in bytes."""
    chosen = choose_device(device).torch
    if chosen.type == "cuda":
        return torch.cuda.max_memory_allocated(chosen)
    try:
        import resource
    except ImportError:  # not on Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _score_now(training: Training, batches: Batches, spec: RunSpec) -> tuple[float, float]:
    """Mean PSNR and SSIM of the present denoiser on the test images."""
    recipe = training.method.recipe
    averaged = recipe.weights == "average"
    denoiser = training.averaged(batches) if averaged else copy.deepcopy(training.method.denoiser).eval()
    source = open_source(spec.sources["noisy"])
    model = Model(recipe, denoiser, IntensityRange.from_source(source), source.dtypes[0], device=str(training.device))
    scores = test(model, spec).scores
    return tuple(float(np.mean([getattr(s, name) for s in scores])) for name in ("psnr", "ssim"))  # type: ignore[return-value]


def _denoised(model: Model, spec: RunSpec) -> Iterator[NDArray[np.float32]]:
    images = [open_source(path).images[0] for path in spec.test]
    for image in images:
        for done in denoise_planes(model.spec, image, np.float32, source=images):
            yield np.clip(done.results[DENOISED].reshape(image.shape[-2:]), 0, 255)


def _read(path: str) -> NDArray[Any]:
    (plane,) = open_source(path).planes
    return plane.read()


def _device_name(device: str) -> str:
    chosen = choose_device(device).torch
    return torch.cuda.get_device_name(chosen) if chosen.type == "cuda" else str(chosen)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))

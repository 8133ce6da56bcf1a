"""From two sources of images to a run's folder, and on from there after a stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pellucid.device import Device, choose_device, free_memory
from pellucid.errors import InputError
from pellucid.images import Intensity, Source, hold, open_source
from pellucid.methods import build
from pellucid.recipe import Recipe
from pellucid.report import terminal
from pellucid.runs.folder import Run, machine
from pellucid.runs.inventory import show_inventory
from pellucid.runs.recorder import Recorder
from pellucid.sampling import OfficialBatches, Patches, UnpairedBatches
from pellucid.training import Batches, Interrupted, Training, fit
from pellucid.training.checkpoint import load_state

PIPELINES: dict[str, Callable[[Patches, Patches, int, int], Batches]] = {
    "correct": UnpairedBatches,
    "official": OfficialBatches,
}


def start(sources: Mapping[str, Any], folder: str | Path, recipe: Recipe, device: str = "auto") -> Run:
    """Train from the beginning and leave everything in a new folder.

    Args:
        sources: "clean" and "noisy": files, folders, globs, lists or arrays.
        folder: of the run; must not exist, or be empty.
        recipe: what to do.
        device: "auto", "cpu", "cuda", ...

    Raises:
        InputError: recipe, images or folder cannot be used.
        RunError: training failed, or somebody stopped it.
    """
    for warning in recipe.check():
        terminal.warn(warning)
    chosen = choose_device(device)
    run = Run(folder)
    run.refuse_used()
    opened = {kind: open_source(spec) for kind, spec in sources.items()}
    warnings = show_inventory(opened)
    intensities = {kind: Intensity.of_source(source) for kind, source in opened.items()}
    dtypes = {kind: source.dtypes[0] for kind, source in opened.items()}
    run.start(recipe, intensities, dtypes, {**machine(), "sources": describe(sources, opened), "warnings": warnings})
    _train(run, Training(build(recipe), chosen.torch), opened, chosen)
    return run


def resume(folder: str | Path, device: str = "auto") -> Run:
    """Go on with a run as if it had never stopped.

    Raises:
        InputError: no such run, or its images are gone or have changed.
        RunError: training failed, or somebody stopped it.
    """
    run = Run(folder)
    recipe = run.recipe()
    chosen = choose_device(device)
    training = Training(build(recipe), chosen.torch)
    if run.state.exists():  # else it was stopped before its first save, and begins again
        training.restore(load_state(run.state))
    if training.number >= recipe.steps:
        terminal.say(f"{run.folder}: finished already, {training.number} steps")
        return run
    opened = {kind: _same_source(kind, known) for kind, known in run.sources().items()}
    run.forget_metrics_after(training.number)
    _train(run, training, opened, chosen)
    return run


def describe(specs: Mapping[str, Any], sources: Mapping[str, Source]) -> dict[str, Any]:
    """Where each source is, and a fingerprint to know it again."""
    return {
        kind: {
            "path": _absolute(specs[kind]),
            "images": len(source.images),
            "pixels": source.pixels,
            "fingerprint": source.fingerprint(),
        }
        for kind, source in sources.items()
    }


def _train(run: Run, training: Training, sources: Mapping[str, Source], device: Device) -> None:
    recipe = training.method.recipe
    terminal.say(f"recipe {recipe.name} ({recipe.preset}), {recipe.steps} steps, on {device}; run folder {run.folder}")
    intensities = run.intensities()
    budget = free_memory() // 2 // len(sources)
    images = {kind: hold(source.planes, budget) for kind, source in sources.items()}
    patches = {kind: Patches(images[kind], intensities[kind].to_unit, recipe.patch) for kind in images}
    batches = PIPELINES[recipe.pipeline](patches["clean"], patches["noisy"], recipe.batch, recipe.seed)
    recorder = Recorder(run, images["noisy"], intensities["noisy"], batches)
    try:
        with terminal.progress_bar("training", recipe.steps, training.number) as bar:

            def after_step(training: Training, losses: dict[str, float]) -> None:
                recorder(training, losses)
                shown = (f"{name} {losses[name]:.3f}" for name in training.method.shown_losses)
                bar.set(training.number, "  ".join(shown))

            fit(training, batches, after_step)
    except Interrupted as stop:
        recorder.save(training)
        raise Interrupted(f"{stop}; saved. Go on with: pellucid train --resume {run.folder}") from None
    finally:
        recorder.close()


def _same_source(kind: str, known: Mapping[str, Any]) -> Source:
    if known["path"] is None:
        raise InputError(
            f"the {kind} images of this run were arrays, which no folder can remember: train from files to resume"
        )
    source = open_source(known["path"])
    if source.fingerprint() != known["fingerprint"]:
        raise InputError(
            f"the {kind} images at {known['path']} have changed since the run began: put them back or train anew"
        )
    return source


def _absolute(spec: Any) -> Any:
    if isinstance(spec, str | Path):
        return str(Path(spec).absolute())
    if isinstance(spec, list | tuple) and all(isinstance(item, str | Path) for item in spec):
        return [_absolute(item) for item in spec]
    return None

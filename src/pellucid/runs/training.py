"""From sources of images to a run's folder, and on from there after a stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from pellucid.device import Device, choose_device, free_memory
from pellucid.errors import InputError
from pellucid.evaluation import match_planes
from pellucid.images import Intensity, Plane, Source, hold, open_source
from pellucid.methods import KINDS, Method, build, method_class
from pellucid.recipe import LearningRecipe, Recipe
from pellucid.report import terminal
from pellucid.runs.folder import Run, machine
from pellucid.runs.inventory import show_inventory
from pellucid.runs.recorder import Recorder
from pellucid.sampling import Flattest, OfficialBatches, Patches, RandomBatches
from pellucid.training import Batches, Interrupted, Training, fit
from pellucid.training.checkpoint import load_state

GIVEN_AS = {"noisy": "--noisy", "clean": "--clean", "pairs": "--pairs", "noise": "--noise"}
"""How a source of each kind is given on the command line."""


class Observer(Protocol):
    """Somebody who looks on instead of TensorBoard; changes nothing in the training, but may raise `Interrupted`."""

    def before_step(self) -> None:
        """A step begins: its batch is asked for."""

    def after_step(self, training: Training, batches: Batches) -> None:
        """It is taken; nothing of it is on disk yet."""


def start(
    sources: Mapping[str, Any],
    folder: str | Path,
    recipe: Recipe,
    device: str = "auto",
    observer: Observer | None = None,
) -> Run:
    """Train from the beginning and leave everything in a new folder.

    Args:
        sources: files, folders, globs, lists or arrays by kind: "noisy", "clean", "pairs", "noise".
        folder: of the run; must not exist, or be empty.
        recipe: what to do.
        device: "auto", "cpu", "cuda", ...
        observer: who looks on.

    Raises:
        InputError: recipe, images or folder cannot be used.
        RunError: training failed, or somebody stopped it.
    """
    learning = check_sources(recipe, set(sources))
    for warning in learning.check():
        terminal.warn(warning)
    chosen = choose_device(device)
    run = Run(folder)
    run.refuse_used()
    opened = {kind: open_source(sources[kind]) for kind in GIVEN_AS if kind in sources}
    planes_of(opened)  # refuses pairs that do not fit
    warnings = show_inventory(opened)
    intensities = intensities_of(opened)
    dtypes = {kind: source.dtypes[0] for kind, source in opened.items()}
    run.start(learning, intensities, dtypes, {**machine(), "sources": describe(sources, opened), "warnings": warnings})
    _train(run, Training(build(learning), chosen.torch), opened, chosen, observer)
    return run


def resume(folder: str | Path, device: str = "auto", observer: Observer | None = None) -> Run:
    """Go on with a run as if it had never stopped.

    Args:
        folder: of the run.
        device: "auto", "cpu", "cuda", ...
        observer: who looks on.

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
    _train(run, training, opened, chosen, observer)
    return run


def check_sources(recipe: Recipe, given: set[str]) -> LearningRecipe:
    """The recipe, if it can learn from sources of these kinds.

    Raises:
        InputError: it learns nothing, a source is missing, or one is of no use to it.
    """
    method = method_class(recipe.method)
    if not isinstance(recipe, LearningRecipe):
        how = "learns from each image while it denoises" if method.per_image else "learns nothing"
        raise InputError(f"{method.title} {how}: pellucid denoise IN OUT --recipe {recipe.name}")
    wanted = {kind for kind in method.kinds if kind in GIVEN_AS}
    for kind in GIVEN_AS:  # in this order
        if kind in wanted - given:
            raise InputError(f"{method.title} needs {GIVEN_AS[kind]}: {KINDS[kind]}")
        if kind in given - wanted:
            needed = " and ".join(GIVEN_AS[other] for other in GIVEN_AS if other in wanted)
            raise InputError(f"{method.title} does not use {GIVEN_AS[kind]}: leave it away, it learns from {needed}")
    if recipe.pipeline == "official" and set(method.kinds) != {"noisy", "clean"}:
        raise InputError(f"pipeline=official serves methods that take --noisy and --clean, not {method.title}")
    return recipe


def planes_of(sources: Mapping[str, Source]) -> dict[str, Sequence[Plane]]:
    """The planes of each source; "pairs" in the order of the "noisy" ones, by name where they share names.

    Raises:
        InputError: pairs whose counts, names, types or sizes do not fit together.
    """
    planes: dict[str, Sequence[Plane]] = {kind: source.planes for kind, source in sources.items()}
    if "pairs" in planes:
        couples = match_planes(planes["noisy"], planes["pairs"], ("noisy image", "partner"))
        for noisy, partner in couples:
            if noisy.shape != partner.shape or noisy.dtype != partner.dtype:
                raise InputError(
                    f"{partner.name} ({_looks(partner)}) does not fit {noisy.name} ({_looks(noisy)}): "
                    "pairs have one size and one pixel type"
                )
        planes["pairs"] = [partner for _, partner in couples]
    return planes


def intensities_of(sources: Mapping[str, Source]) -> dict[str, Intensity]:
    """The intensity range of each source; partners and noise are measured on the scale of the noisy images."""
    noisy = Intensity.of_source(sources["noisy"])
    return {kind: Intensity.of_source(source) if kind == "clean" else noisy for kind, source in sources.items()}


def make_batches(method: Method[Any], patches: Mapping[str, Patches]) -> Batches:
    """Where the batches of a method come from."""
    recipe = method.recipe
    if recipe.pipeline == "official":
        return OfficialBatches(patches["clean"], patches["noisy"], recipe.batch, recipe.seed)
    sources = {kind: Flattest(patches["noisy"]) if kind == "flat" else patches[kind] for kind in method.kinds}
    return RandomBatches(sources, recipe.batch, recipe.seed)


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


def _train(
    run: Run, training: Training, sources: Mapping[str, Source], device: Device, observer: Observer | None
) -> None:
    recipe = training.method.recipe
    terminal.say(f"recipe {recipe.name} ({recipe.preset}), {recipe.steps} steps, on {device}; run folder {run.folder}")
    intensities = run.intensities()
    budget = free_memory() // 2 // len(sources)
    images = {kind: hold(planes, budget) for kind, planes in planes_of(sources).items()}
    patches = {kind: Patches(images[kind], intensities[kind].to_unit, recipe.patch) for kind in images}
    batches = make_batches(training.method, patches)
    recorder = Recorder(run, images["noisy"], intensities["noisy"], batches, live=observer is None)
    try:
        with terminal.progress_bar("training", recipe.steps, training.number) as bar:

            def batch_of(number: int) -> Mapping[str, Tensor]:
                if observer:
                    observer.before_step()
                return batches(number)

            def after_step(training: Training, losses: dict[str, float]) -> None:
                if observer:
                    observer.after_step(training, batches)
                recorder(training, losses)
                shown = (f"{name} {losses[name]:.3f}" for name in training.method.shown_losses)
                bar.set(training.number, "  ".join(shown))

            fit(training, batch_of, after_step)
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


def _looks(plane: Plane) -> str:
    return f"{plane.shape[0]}×{plane.shape[1]}, {plane.dtype.name}"


def _absolute(spec: Any) -> Any:
    if isinstance(spec, str | Path):
        return str(Path(spec).absolute())
    if isinstance(spec, list | tuple) and all(isinstance(item, str | Path) for item in spec):
        return [_absolute(item) for item in spec]
    return None

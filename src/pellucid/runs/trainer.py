"""From sources of images to the folder of a run, and on from there after a stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Any

from pellucid import process_group
from pellucid.data.held_out import hold_out
from pellucid.data.intensity_range import IntensityRange
from pellucid.data.neighbours import neighbours_among
from pellucid.data.patches import prefetch
from pellucid.data.plane_cache import cache_planes
from pellucid.data.slice_checks import check_slices
from pellucid.data.source import Source
from pellucid.data.structure_statistics import StructureStatistics, structure_statistics_with_spread
from pellucid.device import Device, choose_device, free_memory
from pellucid.errors import InputError, Interrupted
from pellucid.io.image import Plane
from pellucid.launch import WHOLE, leads, local_share, share
from pellucid.methods import Method, build
from pellucid.methods.slices import slices_of
from pellucid.recipe import LearningRecipe, Recipe
from pellucid.report import terminal
from pellucid.runs.callbacks import ShowProgress, run_callbacks
from pellucid.runs.folder import Run
from pellucid.runs.inventory import Shown, show_inventory
from pellucid.runs.patches import make_batches, make_patches
from pellucid.runs.provenance import describe, machine, path_of, without_folders
from pellucid.runs.remarks import show_remarks
from pellucid.runs.resume_settings import changed_recipe, differences, learning_rates
from pellucid.runs.sources import (
    TrainingFrames,
    check_share,
    check_sources,
    intensities_of,
    open_sources,
    planes_of,
    reopen_sources,
    with_copies,
)
from pellucid.runs.stored_model import StoredModel
from pellucid.runs.time_budget import Clock, TimeBudget
from pellucid.training import Callback, Execution, Training, fit
from pellucid.training.checkpoint import load_state, save_state

Judge = Callable[[Run, LearningRecipe, Mapping[str, Sequence[Plane]], Mapping[str, IntensityRange]], Callback | None]
"""Returns what judges a training, from its folder, recipe, held-out planes and intensity ranges by kind."""


def train(
    sources: Mapping[str, Any],
    folder: str | Path,
    recipe: Recipe,
    device: str = "auto",
    *,
    execution: Execution | None = None,
    callbacks: Sequence[Callback] = (),
    judge: Judge | None = None,
    start: StoredModel | None = None,
    clock: Clock = monotonic,
    frames: TrainingFrames = "separate",
) -> Run:
    """Train from the beginning and write everything into a new folder.

    Processes started by torchrun train together, each with its share of every batch; the first of them writes.

    Args:
        sources: files, folders, globs, lists or arrays by kind: "noisy", "clean", "pairs", "noise".
        folder: folder of the run; must not exist, or be empty.
        recipe: the method and its settings.
        device: "auto", "cpu", "cuda", ...
        execution: how the training is computed; by default in float32, not compiled.
        callbacks: called at each step, before those that write the run's folder.
        start: a model whose weights the denoiser begins with; by default it begins with random ones.
        judge: makes what judges the training on parts of the images that are then held out; by default there is none.
        clock: counts the recipe's minutes, if it has any.
        frames: "separate", "average", or "copies": noisy copies of one another, in the place of "pairs".

    Raises:
        InputError: recipe, images or folder cannot be used.
        RunError: the training failed or was stopped.
    """
    sources = with_copies(recipe, sources, frames)
    learning = check_sources(recipe, set(sources))
    for warning in learning.check():
        terminal.warn(warning)
    chosen, execution = choose_device(device), execution or Execution()
    run = Run(folder)
    budget = TimeBudget(run, clock)
    with process_group.together(chosen.torch):
        if leads():
            run.refuse_busy()
            run.refuse_used()
        opened = open_sources(sources, frames)
        slice_warnings = check_slices(planes_of(opened), slices_of(learning))  # refuses pairs that do not fit
        training = Training(_begun(learning, start), chosen.torch, execution)
        shown = show_inventory(opened) if leads() else Shown([], {})
        for warning in slice_warnings if leads() else ():
            terminal.warn(warning)
        intensities = intensities_of(opened)  # refuses blank images
        with run.held() if leads() else nullcontext():
            if leads():
                run.refuse_used()  # another process may have used it meanwhile
                dtypes = {kind: source.dtypes[0] for kind, source in opened.items()}
                warnings = without_folders([*shown.warnings, *slice_warnings], opened.values())
                origin = {
                    "sources": describe(sources, opened),
                    "frames": frames,
                    "judged": judge is not None,
                    "warnings": warnings,
                }
                run.note_paths({kind: path_of(spec) for kind, spec in sources.items()})
                run.start(learning, intensities, dtypes, {**_environment(chosen, execution), **origin})
                run.save_structure(_with_spread(shown.structure, opened))
                if start is not None:  # a training that is killed early begins with the same weights again
                    save_state(training.state(), run.state)
            process_group.meet()  # now the folder exists
            budget.begin(training)
            _train(run, training, opened, chosen, [*callbacks, budget], judge)
    return run


def resume(
    folder: str | Path,
    device: str = "auto",
    *,
    execution: Execution | None = None,
    callbacks: Sequence[Callback] = (),
    judge: Judge | None = None,
    settings: Mapping[str, Any] | None = None,
    moved: Mapping[str, Any] | None = None,
    clock: Clock = monotonic,
) -> Run:
    """Resume a run as if it had never stopped, or continue it for more steps.

    Learning rates that fall towards the last step follow the new number of steps: from here on they are those of a
    training that had this number from the start.

    Args:
        folder: folder of the run.
        device: "auto", "cpu", "cuda", ...
        execution: how the training is computed from now on; by default in float32, not compiled.
        callbacks: called at each step, before those that write the run's folder.
        judge: as for `train`; it is used if the run was begun with one.
        settings: settings of the recipe to change; `MAY_CHANGE` lists those that may.
        moved: sources that have moved, by kind.
        clock: counts the recipe's minutes, if it has any; those of before are kept.

    Raises:
        InputError: no such run, another process is training it, its images are gone or have changed, or settings that
            may not change.
        RunError: the training failed or was stopped.
    """
    run = Run(folder)
    budget = TimeBudget(run, clock)
    original = run.recipe()
    check_share(original)
    chosen, execution = choose_device(device), execution or Execution()
    with process_group.together(chosen.torch), run.held() if leads() else nullcontext():
        process_group.meet()  # from here on no other process writes the state
        state = load_state(run.state) if run.state.exists() else None
        recipe = changed_recipe(original, settings or {}, *_used(state))
        training = Training(build(recipe), chosen.torch, execution)
        if state:  # else it was stopped before its first save, and begins again
            training.restore(state)
        changes = differences(original, recipe)
        finished = training.number >= recipe.steps
        opened = {} if finished else reopen_sources(run.sources(), moved or {}, run.frames())
        if leads():
            if changes:
                run.change(recipe)
            _report_resumption(run, training, changes)
        if finished:
            return run
        if leads():
            run.forget_metrics_after(training.number)
            changed = {"changed": changes} if changes else {}
            run.note_resumption({"step": training.number, **changed, **_environment(chosen, execution)})
            if moved:
                run.note_paths({kind: path_of(spec) for kind, spec in moved.items()})
        budget.begin(training)
        _train(run, training, opened, chosen, [*callbacks, budget], judge if run.judged() else None)
    return run


def _used(state: Mapping[str, Any] | None) -> tuple[int, float]:
    """Return the number of steps and the seconds of its minutes that a run has used, by its saved state."""
    return (state["number"], state["seconds"]) if state else (0, 0.0)


def _train(
    run: Run,
    training: Training,
    sources: Mapping[str, Source],
    device: Device,
    callbacks: Sequence[Callback],
    judge: Judge | None,
) -> None:
    recipe, number_of_processes = training.method.recipe, share().size
    where = f"{device}, {number_of_processes} processes" if number_of_processes > 1 else str(device)
    terminal.say(f"recipe {recipe.name} ({recipe.preset}), {_amount(recipe)}, on {where}; run folder {run.folder}")
    intensities, planes = run.intensities(), planes_of(sources)
    judging = None
    if judge is not None:
        planes, held = hold_out_of(planes, slices_of(recipe))
        judging = judge(run, recipe, held, intensities) if leads() else None
    memory = free_memory() // 2 // len(sources) // local_share().size
    images = {kind: cache_planes(planes[kind], memory) for kind in planes}
    neighbours = {kind: neighbours_among(of_kind, slices_of(recipe)) for kind, of_kind in planes.items()}
    patches = make_patches(planes, images, intensities, recipe.patch, device, neighbours)
    batches, own_batches = (make_batches(training.method, patches, part, neighbours) for part in (WHOLE, share()))
    on_disk = any(of_kind.mapped for of_kind in patches.values())
    with (
        _progress_bar(training) as bar,
        prefetch(own_batches) if on_disk else nullcontext(own_batches) as drawn,
    ):
        writers = run_callbacks(run, images, intensities, neighbours["noisy"]) if leads() else []
        everyone = [*callbacks, *([judging] if judging else []), *writers, ShowProgress(bar)]
        for callback in everyone:
            callback.on_start(training, batches)
        try:
            fit(training, drawn, everyone)
        except Interrupted as stop:
            process_group.meet()  # torchrun ends all as soon as one has ended
            raise Interrupted(f"{stop}; saved", stop.number, resume=f"pellucid resume {run.folder}") from None
        finally:
            for callback in everyone:
                callback.on_end()
    if leads():
        show_remarks(training)


def _begun(recipe: LearningRecipe, start: StoredModel | None) -> Method[Any]:
    """A method before its first step, whose denoiser has the weights of a model if there is one.

    Raises:
        InputError: the model's denoiser is another one.
    """
    method = build(recipe)
    if start is None:
        return method
    try:
        method.denoiser.load_state_dict(start.denoiser.state_dict())
    except RuntimeError:
        raise InputError(
            f"{recipe.name} cannot begin with the weights of this model ({start.recipe.name}): its denoiser is another "
            "one; leave out --from, or choose a recipe and settings with the same networks"
        ) from None
    return method


def hold_out_of(
    planes: Mapping[str, Sequence[Plane]], slices: int = 1
) -> tuple[dict[str, Sequence[Plane]], dict[str, Sequence[Plane]]]:
    """Split the planes of each kind into those to learn from and those to judge by; noise alone is not split.

    Without clean images or partners nothing can be judged, and nothing is held out.
    """
    if not planes.keys() & {"clean", "pairs"}:
        return dict(planes), {}
    splits = {kind: hold_out(of_kind, slices) for kind, of_kind in planes.items() if kind != "noise"}
    if not all(split.held for split in splits.values()):
        return dict(planes), {}
    kept = {kind: split.kept for kind, split in splits.items()}
    return {**planes, **kept}, {kind: split.held for kind, split in splits.items()}


def _amount(recipe: LearningRecipe) -> str:
    """Describe how much training a recipe asks for."""
    if not recipe.minutes:
        return f"{recipe.steps} steps"
    return f"{recipe.minutes:.3g} minute{'s' * (recipe.minutes != 1)}"


def _progress_bar(training: Training) -> AbstractContextManager[terminal.Bar]:
    """A bar of the steps, or of the seconds of a time budget."""
    recipe = training.method.recipe
    if recipe.minutes:
        return terminal.progress_bar("training, seconds", 60 * recipe.minutes, training.seconds)
    return terminal.progress_bar("training", recipe.steps, training.number)


def _report_resumption(run: Run, training: Training, changes: Mapping[str, Any]) -> None:
    recipe, taken = training.method.recipe, training.number
    for key, (before, now) in changes.items():
        if now is not None:  # minutes that a number of steps replaces
            terminal.say(f"{run.folder}: {key}={now} from now on, {before} so far")
    if taken >= recipe.steps:
        more = f"--minutes {2 * recipe.minutes:.3g}" if recipe.minutes else f"--set steps={2 * taken}"
        longer = f"to train for longer: pellucid resume {run.folder} {more}"
        terminal.say(f"{run.folder}: already finished after {taken} steps; {longer}")
        return
    where = f"resumes after step {taken}" if taken else "begins again, as nothing was saved"
    terminal.say(f"{run.folder}: {where}; {_amount(recipe)} in total")
    if "steps" in changes:
        for line in learning_rates(training.method, taken):
            terminal.say(line)


def _environment(device: Device, execution: Execution) -> dict[str, Any]:
    """Return what a run is computed on, and how."""
    return {**machine(), "device": str(device), "processes": share().size, **asdict(execution)}


def _with_spread(
    structure: Mapping[str, StructureStatistics], sources: Mapping[str, Source]
) -> dict[str, StructureStatistics]:
    """Add how far the noisy images differ from each other: images to be denoised are compared with them."""
    closely = structure_statistics_with_spread(sources["noisy"].planes) if "noisy" in structure else None
    return {**structure, **({"noisy": closely} if closely else {})}

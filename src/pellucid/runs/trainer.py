"""From sources of images to a run's folder, and on from there after a stop."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

from torch import Tensor

from pellucid import process_group
from pellucid.data.patches import Flattest, GpuPatches, OfficialBatches, Patches, RandomBatches, on_gpu, prefetch
from pellucid.data.plane_cache import cache_planes
from pellucid.data.source import Source, open_source
from pellucid.data.structure_statistics import StructureStatistics, structure_statistics_with_spread
from pellucid.device import Device, choose_device, free_memory
from pellucid.errors import Interrupted
from pellucid.launch import WHOLE, Share, leads, local_share, share
from pellucid.methods import GIVEN_AS, Method, build
from pellucid.recipe import Recipe
from pellucid.report import terminal
from pellucid.runs.extension import differences, extended, rates_in_words
from pellucid.runs.folder import Run
from pellucid.runs.inventory import Shown, show_inventory
from pellucid.runs.padding import covers_of, refuse_covered
from pellucid.runs.provenance import describe, found_again, machine, open_known, path_of, without_folders
from pellucid.runs.recorder import Recorder
from pellucid.runs.sources import check_share, check_sources, intensities_of, planes_of
from pellucid.training import Batches, Execution, Training, fit
from pellucid.training.checkpoint import load_state


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
    execution: Execution | None = None,
) -> Run:
    """Train from the beginning and leave everything in a new folder.

    Processes that torchrun started do this together, each with its share of every batch; the first of them writes.

    Args:
        sources: files, folders, globs, lists or arrays by kind: "noisy", "clean", "pairs", "noise".
        folder: of the run; must not exist, or be empty.
        recipe: what to do.
        device: "auto", "cpu", "cuda", ...
        observer: who looks on.
        execution: how it is computed, as a plain training in float32 if not given.

    Raises:
        InputError: recipe, images or folder cannot be used.
        RunError: training failed, or somebody stopped it.
    """
    learning = check_sources(recipe, set(sources))
    for warning in learning.check():
        terminal.warn(warning)
    chosen, execution = choose_device(device), execution or Execution()
    run = Run(folder)
    with process_group.together(chosen.torch):
        if leads():
            run.refuse_busy()
            run.refuse_used()
        opened = {kind: open_source(sources[kind]) for kind in GIVEN_AS if kind in sources}
        planes_of(opened)  # refuses pairs that do not fit
        training = Training(build(learning), chosen.torch, execution)
        shown = show_inventory(opened) if leads() else Shown([], {})
        intensities = intensities_of(opened)  # refuses blank images
        with run.held() if leads() else nullcontext():
            if leads():
                run.refuse_used()  # by now
                dtypes = {kind: source.dtypes[0] for kind, source in opened.items()}
                warnings = without_folders(shown.warnings, opened.values())
                origin = {"sources": describe(sources, opened), "warnings": warnings}
                run.note_paths({kind: path_of(spec) for kind, spec in sources.items()})
                run.start(learning, intensities, dtypes, {**_how(chosen, execution), **origin})
                run.save_looks(_known_by(shown.looks, opened))
            process_group.meet()  # the folder is there
            _train(run, training, opened, chosen, observer)
    return run


def resume(
    folder: str | Path,
    device: str = "auto",
    observer: Observer | None = None,
    execution: Execution | None = None,
    *,
    settings: Mapping[str, Any] | None = None,
    moved: Mapping[str, Any] | None = None,
) -> Run:
    """Go on with a run as if it had never stopped, or for more steps than it was begun for.

    Learning rates that fall towards the last step follow the new number of steps: from here on they are those of a
    training that was begun with it.

    Args:
        folder: of the run.
        device: "auto", "cpu", "cuda", ...
        observer: who looks on.
        execution: how it is computed from now on, as a plain training in float32 if not given.
        settings: of the recipe that shall differ from now on: `MAY_CHANGE` tells which may.
        moved: sources that are elsewhere now, by kind.

    Raises:
        InputError: no such run, another process is training it, its images are gone or have changed, or settings that
            may not change.
        RunError: training failed, or somebody stopped it.
    """
    run = Run(folder)
    begun_with = run.recipe()
    check_share(begun_with)
    chosen, execution = choose_device(device), execution or Execution()
    with process_group.together(chosen.torch), run.held() if leads() else nullcontext():
        process_group.meet()  # the state is that of nobody else
        state = load_state(run.state) if run.state.exists() else None
        recipe = extended(begun_with, settings or {}, state["number"] if state else 0)
        training = Training(build(recipe), chosen.torch, execution)
        if state:  # else it was stopped before its first save, and begins again
            training.restore(state)
        changes = differences(begun_with, recipe)
        finished = training.number >= recipe.steps
        opened = {} if finished else _opened_again(run, moved or {})
        if leads():
            run.change(recipe, changes)
            _tell_of_resumption(run, training, changes)
        if finished:
            return run
        if leads():
            run.forget_metrics_after(training.number)
            changed = {"changed": changes} if changes else {}
            run.note_resumption({"step": training.number, **changed, **_how(chosen, execution)})
            if moved:
                run.note_paths({kind: path_of(spec) for kind, spec in moved.items()})
        _train(run, training, opened, chosen, observer)
    return run


def make_batches(method: Method[Any], patches: Mapping[str, Patches | GpuPatches], part: Share = WHOLE) -> Batches:
    """Where the batches of a method come from, or such a part of each."""
    recipe = method.recipe
    if recipe.pipeline == "official":
        return OfficialBatches(patches["clean"], patches["noisy"], recipe.batch, recipe.seed, part)
    sources = {kind: Flattest(patches["noisy"]) if kind == "flat" else patches[kind] for kind in method.kinds}
    return RandomBatches(sources, recipe.batch, recipe.seed, part)


def _train(
    run: Run, training: Training, sources: Mapping[str, Source], device: Device, observer: Observer | None
) -> None:
    recipe = training.method.recipe
    where = f"{device}, {share().size} processes" if share().size > 1 else str(device)
    terminal.say(f"recipe {recipe.name} ({recipe.preset}), {recipe.steps} steps, on {where}; run folder {run.folder}")
    intensities = run.intensities()
    budget = free_memory() // 2 // len(sources) // local_share().size
    planes = planes_of(sources)
    images = {kind: cache_planes(planes[kind], budget) for kind in planes}
    room = free_memory(device.torch) // 4 // len(sources)
    covers = covers_of(planes, images, recipe.patch)
    patches = {
        kind: Patches(images[kind], intensities[kind].network_input, recipe.patch, covers.get(kind, {}))
        for kind in images
    }
    refuse_covered(patches, planes)
    drawn_from = {kind: on_gpu(of_a_kind, device.torch, room) for kind, of_a_kind in patches.items()}
    batches = make_batches(training.method, drawn_from)
    own_batches = make_batches(training.method, drawn_from, share())
    mapped = any(of_a_kind.mapped for of_a_kind in drawn_from.values())
    recorder = Recorder(run, images, intensities, batches, live=observer is None) if leads() else None
    first, begun = training.number + 1, perf_counter()
    try:
        with (
            terminal.progress_bar("training", recipe.steps, training.number) as bar,
            prefetch(own_batches) if mapped else nullcontext(own_batches) as drawn,
        ):

            def batch_of(number: int) -> Mapping[str, Tensor]:
                if observer:
                    observer.before_step()
                return drawn(number)

            def after_step(training: Training, losses: dict[str, float]) -> None:
                if observer:
                    observer.after_step(training, batches)
                if training.execution.compile and training.number == first:
                    bar.say(f"compiling: {perf_counter() - begun:.0f} s, with the first step")
                if recorder:
                    recorder(training, losses)
                shown = (f"{name} {losses[name]:.3f}" for name in training.method.shown_losses)
                bar.set(training.number, "  ".join(shown))

            def at_stop(training: Training) -> None:
                if recorder:
                    recorder.save(training)

            fit(training, batch_of, after_step, at_stop)
    except Interrupted as stop:
        process_group.meet()  # torchrun ends all as soon as one has ended
        raise Interrupted(f"{stop}; saved", stop.number, resume=f"pellucid train --resume {run.folder}") from None
    finally:
        if recorder:
            recorder.close()


def _opened_again(run: Run, moved: Mapping[str, Any]) -> dict[str, Source]:
    known = run.sources()
    places = found_again(known, moved)
    return {kind: open_known(kind, place, known[kind]["fingerprint"]) for kind, place in places.items()}


def _tell_of_resumption(run: Run, training: Training, changes: Mapping[str, Any]) -> None:
    recipe, taken = training.method.recipe, training.number
    for key, (before, now) in changes.items():
        terminal.say(f"{run.folder}: {key}={now} from now on, {before} so far")
    if taken >= recipe.steps:
        more = f"pellucid train --resume {run.folder} --set steps={2 * taken}"
        terminal.say(f"{run.folder}: finished already, {taken} steps; for more: {more}")
        return
    where = f"goes on after step {taken}" if taken else "begins again, nothing was saved"
    terminal.say(f"{run.folder}: {where}; {recipe.steps} steps in all")
    if "steps" in changes:
        for line in rates_in_words(training.method, taken):
            terminal.say(line)


def _how(device: Device, execution: Execution) -> dict[str, Any]:
    """What a run is computed on, and how."""
    return {**machine(), "device": str(device), "processes": share().size, **asdict(execution)}


def _known_by(
    looks: Mapping[str, StructureStatistics], sources: Mapping[str, Source]
) -> dict[str, StructureStatistics]:
    """What others are to be known by: of the noisy images, which are what will be denoised, how far they differ too."""
    closely = structure_statistics_with_spread(sources["noisy"].planes) if "noisy" in looks else None
    return {**looks, **({"noisy": closely} if closely else {})}

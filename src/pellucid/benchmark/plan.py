"""The runs of a benchmark (methods × datasets × folds × seeds), and the training images of each."""

from __future__ import annotations

import hashlib
import math
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pellucid.benchmark.code_fingerprint import code_fingerprint
from pellucid.benchmark.condition import Condition, prepare_clean
from pellucid.benchmark.dataset_files import prepare
from pellucid.benchmark.dataset_folder import DatasetFiles
from pellucid.benchmark.datasets import Dataset
from pellucid.benchmark.folds import Fold, dropped, make_folds
from pellucid.benchmark.method_spec import MethodSpec
from pellucid.benchmark.results import RunId, Scheme
from pellucid.benchmark.run_spec import RunSpec
from pellucid.benchmark.sources import is_filter, lacking, sources_of
from pellucid.benchmark.step_time import learns
from pellucid.errors import InputError
from pellucid.io.registry import open_image
from pellucid.methods import make_recipe, method_class
from pellucid.recipe import LearningRecipe, Recipe
from pellucid.report import terminal

PAPER_PATCHES = 512_000
"""The number of patches in a full training: 8000 steps of 64."""


@dataclass(frozen=True)
class Budget:
    """The amount of training of every method.

    Attributes:
        preset: the preset of the recipes, "quick" or "paper".
        steps: number of steps; None: as many as make `PAPER_PATCHES`, or as fit into `seconds`.
        seconds: computing time; each method takes as many steps as fit.
    """

    preset: str = "quick"
    steps: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.steps is not None and self.seconds is not None:
            raise InputError("--steps and --seconds are two budgets: give one of them")
        if (self.steps is not None and self.steps < 1) or (self.seconds is not None and not self.seconds > 0):
            raise InputError("the budget is zero: give --steps or --seconds above 0")

    @property
    def label(self) -> str:
        """The budget in tables and file names."""
        if self.steps is not None:
            return f"{self.preset} steps={self.steps}"
        return f"{self.preset} seconds={self.seconds:g}" if self.seconds is not None else self.preset

    def apply(self, recipe: Recipe) -> Recipe:
        """Return the recipe with the steps or minutes of this budget, if it learns."""
        if not isinstance(recipe, LearningRecipe):
            return recipe
        amount: dict[str, Any] = {"steps": recipe.steps}
        if learns(recipe):
            if self.seconds is not None:
                amount = {"minutes": self.seconds / 60}
            else:
                amount = {"steps": self.steps or math.ceil(PAPER_PATCHES / recipe.batch)}
        return recipe.with_settings({**amount, "preview_every": amount.get("steps", recipe.steps)})


@dataclass(frozen=True)
class Benchmark:
    """Everything that a benchmark compares.

    Attributes:
        methods: the methods.
        datasets: the datasets.
        budget: the amount of training of every method.
        folds: numbers of folds, from 0 on; None: all.
        scheme: how the folds are made.
        seeds: seeds of the trainings.
        condition: how the training images differ from those of the folds.
        curve_every: steps between points of the quality curve; 0: no curve.
        device: "auto", "cpu", ...
    """

    methods: Sequence[MethodSpec]
    datasets: Sequence[Dataset]
    budget: Budget
    folds: Sequence[int] | None = (0,)
    scheme: Scheme = "published"
    seeds: Sequence[int] = (0,)
    condition: Condition = field(default_factory=Condition)
    curve_every: int = 0
    device: str = "auto"


def make_plan(benchmark: Benchmark, out: Path) -> list[RunSpec]:
    """Return all runs in order: first those of the first seed and fold, dataset by dataset.

    Filters, which learn nothing, have a run for the first seed only. Makes the files of the datasets in `out`. Methods
    that a dataset has no training images for are left out, with a warning.

    Raises:
        InputError: methods, settings, images or folds that cannot be used.
    """
    recipes = {
        (method.name, seed): _recipe(method, seed, benchmark.budget)
        for method in benchmark.methods
        for seed in benchmark.seeds
    }
    files = {dataset.name: prepare(dataset, out) for dataset in benchmark.datasets}
    clean = {name: prepare_clean(benchmark.condition, files[name], out) for name in files}
    folds = {name: _folds(name, files[name], benchmark) for name in files}
    methods = {name: _usable(name, files[name], benchmark.methods) for name in files}
    for name, usable in methods.items():
        for method in usable:
            _check_noise(method, recipes[method.name, benchmark.seeds[0]], name, files[name])
    numbers = sorted({number for chosen in folds.values() for number in chosen})
    commit = _commit()
    return [
        _run_spec(
            benchmark,
            method,
            recipes[method.name, seed],
            (name, files[name], clean[name]),
            (number, folds[name][number]),
            commit,
        )
        for seed in benchmark.seeds
        for number in numbers
        for name in files
        if number in folds[name]
        for method in methods[name]
        if seed == benchmark.seeds[0] or not is_filter(method.method)
    ]


def _usable(name: str, files: DatasetFiles, methods: Sequence[MethodSpec]) -> list[MethodSpec]:
    """The methods that can be trained on a dataset; a warning for each of the others."""
    usable = []
    for method in methods:
        if why := lacking(method_class(method.method), files, pairs=method.tuned):
            terminal.warn(f"{method.name} is left out of dataset {name}: {why}")
        else:
            usable.append(method)
    return usable


def _folds(name: str, files: DatasetFiles, benchmark: Benchmark) -> dict[int, Fold]:
    """The chosen folds by number. Real noisy images have one fold, in which all are trained on and all are denoised."""
    if not files.truth:
        everything = tuple(range(files.count))
        return {0: Fold(everything, tuple(range(len(files.names["clean"]))), everything)}
    try:
        folds = make_folds(benchmark.scheme, files.count)
    except InputError as problem:
        raise InputError(f"dataset {name}: {problem}") from None
    if lost := dropped(benchmark.scheme, files.count):
        terminal.warn(
            f"dataset {name}: the published folds need a multiple of 4 images, but there are {files.count}: the last "
            f"{lost} are not used (--fold-scheme blocks uses all)"
        )
    chosen = range(len(folds)) if benchmark.folds is None else benchmark.folds
    for number in chosen:
        if not 0 <= number < len(folds):
            raise InputError(f"--folds {number}: folds are numbered from 0 to {len(folds) - 1}")
    return {number: folds[number] for number in chosen}


def _run_spec(
    benchmark: Benchmark,
    method: MethodSpec,
    recipe: Recipe,
    dataset: tuple[str, DatasetFiles, DatasetFiles],
    fold: tuple[int, Fold],
    commit: str | None,
) -> RunSpec:
    (name, files, clean), (number, images) = dataset, fold
    training = benchmark.condition.training(images)
    clean_paths = benchmark.condition.clean_paths(clean, training)
    return RunSpec(
        run=RunId(
            method=method.name,
            dataset=name,
            condition=benchmark.condition.label,
            scheme=benchmark.scheme,
            fold=number,
            seed=recipe.seed,
            budget=benchmark.budget.label,
        ),
        recipe=recipe.model_dump(),
        settings=dict(method.settings),
        sources=_sources(method, files, images, training, clean_paths),
        tuned=method.tuned,
        test=files.paths("noisy", images.test),
        truth=files.paths("clean", images.test) if files.truth else [],
        curve_every=benchmark.curve_every if files.truth else 0,
        fingerprint=_fingerprint(files, clean if "clean" in method_class(recipe.method).kinds else files),
        commit=commit,
        code=code_fingerprint(recipe),
        device=benchmark.device,
    )


def _sources(
    method: MethodSpec, files: DatasetFiles, fold: Fold, training: Fold, clean: list[str]
) -> dict[str, list[str]]:
    if method.tuned:  # whatever the condition: the bar for other methods stays the same
        return {"noisy": files.paths("noisy", fold.noisy), "pairs": files.paths("clean", fold.noisy)}
    return sources_of(method_class(method.method), files, training, clean, half=method.half)


def _fingerprint(files: DatasetFiles, clean: DatasetFiles) -> str:
    """The fingerprint of the dataset, and of the clean images if they are others."""
    if clean is files:
        return files.fingerprint
    return hashlib.sha256(f"{files.fingerprint} {clean.fingerprint}".encode()).hexdigest()


def _recipe(method: MethodSpec, seed: int, budget: Budget) -> Recipe:
    try:
        recipe = make_recipe(method.recipe, budget.preset, {**method.settings, "seed": seed})
        recipe.check()
    except InputError as problem:
        raise InputError(f"method {method.name}: {problem}") from None
    return budget.apply(recipe)


def _check_noise(method: MethodSpec, recipe: Recipe, name: str, files: DatasetFiles) -> None:
    """Refuse images of noise alone that are smaller than a patch."""
    if "noise" not in method_class(recipe.method).kinds or not isinstance(recipe, LearningRecipe):
        return
    for path in files.paths("noise"):
        height, width = open_image(path).shape[-2:]
        if min(height, width) < recipe.patch:
            raise InputError(
                f"dataset {name}: the image of noise {Path(path).name} has {height}×{width} pixels, less than a patch "
                f"of {method.name} ({recipe.patch}): give larger images, or --set {method.recipe}.patch=..."
            )


def _commit() -> str | None:
    """The commit of the source code, marked if files differ from it; None outside of a repository."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None

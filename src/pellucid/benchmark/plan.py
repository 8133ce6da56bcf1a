"""Which units a benchmark has: methods × cases × folds × seeds, and what each learns from."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pellucid.benchmark.dataset_files import CaseFiles, materialise
from pellucid.benchmark.datasets import Case
from pellucid.benchmark.folds import Fold, dropped, make_folds
from pellucid.benchmark.measure import learns
from pellucid.benchmark.results import Scheme, Unit
from pellucid.benchmark.sources import lacking, sources_of
from pellucid.benchmark.task import Task
from pellucid.errors import InputError, nearest
from pellucid.io.registry import open_image
from pellucid.methods import RECIPES, make_recipe, method_class
from pellucid.recipe import LearningRecipe, Recipe
from pellucid.report import terminal

PAPER_TILES = 512_000
"""What every method sees in a full training: 8000 steps of 64 tiles."""


@dataclass(frozen=True)
class Entry:
    """A line of the table: a recipe with settings of its own.

    Attributes:
        label: how rows are named.
        recipe: its name.
        settings: where it differs.
        half: whether a method that learns from pairs gets those of the noisy half alone.
    """

    label: str
    recipe: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    half: bool = False


@dataclass(frozen=True)
class Budget:
    """How long every method trains.

    Attributes:
        preset: of the recipes: "quick" or "paper".
        steps: for all; None: the exposure of the paper (preset "paper"), or `seconds`.
        seconds: of computing time for all; each method takes as many steps as fit.
    """

    preset: str = "quick"
    steps: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.steps is not None and self.seconds is not None:
            raise InputError("--steps and --seconds are two budgets: give one of them")
        if (self.steps is not None and self.steps < 1) or (self.seconds is not None and not self.seconds > 0):
            raise InputError("a budget of no steps or no time: give --steps or --seconds above 0")

    @property
    def label(self) -> str:
        """For units."""
        if self.steps is not None:
            return f"{self.preset} steps={self.steps}"
        return f"{self.preset} seconds={self.seconds:g}" if self.seconds is not None else self.preset

    def apply(self, recipe: Recipe) -> Recipe:
        """The recipe with the steps of this budget, where it learns."""
        if not isinstance(recipe, LearningRecipe):
            return recipe
        steps = recipe.steps
        if learns(recipe):
            if self.steps is not None:
                steps = self.steps
            elif self.seconds is None:
                steps = math.ceil(PAPER_TILES / recipe.batch)
        return recipe.with_settings({"steps": steps, "preview_every": steps})


@dataclass(frozen=True)
class Request:
    """What was asked for.

    Attributes:
        entries: methods.
        cases: data sets.
        folds: numbers from 0 on; None: all.
        scheme: how folds are made.
        seeds: of the trainings.
        budget: for all.
        curve_every: steps between points of the curve; 0: no curve.
        device: "auto", "cpu", ...
    """

    entries: Sequence[Entry]
    cases: Sequence[Case]
    budget: Budget
    folds: Sequence[int] | None = (0,)
    scheme: Scheme = "published"
    seeds: Sequence[int] = (0,)
    curve_every: int = 0
    device: str = "auto"


def entries_of(names: Sequence[str], pairs: Sequence[str] = (), *, half: bool = False) -> list[Entry]:
    """Recipes by name, with settings `key=value` for all or `NAME.key=value` for one.

    Raises:
        InputError: an unknown or repeated name, or a setting of a method that is not asked for.
    """
    for number, name in enumerate(names):
        if name not in RECIPES:
            raise InputError(f"unknown method {name!r}: {nearest(name, RECIPES)}")
        if name in names[:number]:
            raise InputError(f"method {name!r} is given twice: leave one out")
    settings: dict[str, dict[str, Any]] = {name: {} for name in names}
    for pair in sorted(pairs, key=lambda text: "." in text.partition("=")[0]):  # those for one come after those for all
        key, equals, value = pair.partition("=")
        name, dot, own = key.rpartition(".")
        if not equals:
            raise InputError(f"--set {pair}: write key=value or METHOD.key=value, as in --set iscl.width=16")
        if dot and name not in settings:
            raise InputError(f"--set {pair}: {name!r} is not among the methods: {nearest(name, settings)}")
        for each in [name] if dot else settings:
            settings[each][own] = value
    return [
        Entry(f"{name} (half the pairs)" if half and _paired(name) else name, name, settings[name], half)
        for name in names
    ]


def make_plan(request: Request, out: Path) -> list[Task]:
    """All units in their order: everything of the first seed and fold first, case by case.

    Makes the cases' files under `out`. Methods that a case has nothing for are left out, with a warning.

    Raises:
        InputError: methods, settings, images or folds that cannot be used.
    """
    recipes = {
        (entry.label, seed): _recipe(entry, seed, request.budget) for entry in request.entries for seed in request.seeds
    }
    cases = {case.name: materialise(case, out) for case in request.cases}
    folds = {name: _folds(name, files, request) for name, files in cases.items()}
    for name, files in cases.items():
        for entry in request.entries:
            _check_noise(entry, recipes[entry.label, request.seeds[0]], name, files)
    numbers = sorted({number for chosen in folds.values() for number in chosen})
    places = [(seed, number, name) for seed in request.seeds for number in numbers for name in cases]
    commit = _commit()
    return [
        _task(request, entry, recipes[entry.label, seed], (name, cases[name]), (number, folds[name][number]), commit)
        for seed, number, name in places
        if number in folds[name]
        for entry in request.entries
        if lacking(method_class(_method(entry)), cases[name]) is None
    ]


def left_out(request: Request, out: Path) -> Iterator[str]:
    """A line for each method that a case has nothing for."""
    for case in request.cases:
        files = materialise(case, out)
        for entry in request.entries:
            if why := lacking(method_class(_method(entry)), files):
                yield f"{entry.label} is left out of case {case.name}: {why}"


def _folds(name: str, files: CaseFiles, request: Request) -> dict[int, Fold]:
    """The folds asked for, by number; real noisy images have but one: everything is learned from, all is denoised."""
    if not files.truth:
        everything = tuple(range(files.count))
        return {0: Fold(everything, tuple(range(len(files.names["clean"]))), everything)}
    try:
        folds = make_folds(request.scheme, files.count)
    except InputError as problem:
        raise InputError(f"case {name}: {problem}") from None
    if lost := dropped(request.scheme, files.count):
        terminal.warn(
            f"case {name}: {files.count} images do not divide by 4 as the published folds must: the last {lost} "
            "are left out (--fold-scheme blocks uses all)"
        )
    wanted = range(len(folds)) if request.folds is None else request.folds
    for number in wanted:
        if not 0 <= number < len(folds):
            raise InputError(f"--folds {number}: folds are numbered from 0 to {len(folds) - 1}")
    return {number: folds[number] for number in wanted}


def _task(
    request: Request,
    entry: Entry,
    recipe: Recipe,
    case: tuple[str, CaseFiles],
    fold: tuple[int, Fold],
    commit: str | None,
) -> Task:
    (name, files), (number, images) = case, fold
    unit = Unit(
        method=entry.label,
        case=name,
        scheme=request.scheme,
        fold=number,
        seed=recipe.seed,
        budget=request.budget.label,
    )
    return Task(
        unit=unit,
        recipe=recipe.model_dump(),
        settings=dict(entry.settings),
        seconds=request.budget.seconds,
        sources=sources_of(method_class(recipe.method), files, images, half=entry.half),
        test=files.paths("noisy", images.test),
        truth=files.paths("clean", images.test) if files.truth else [],
        curve_every=request.curve_every if files.truth else 0,
        fingerprint=files.fingerprint,
        commit=commit,
        device=request.device,
    )


def _recipe(entry: Entry, seed: int, budget: Budget) -> Recipe:
    try:
        recipe = make_recipe(entry.recipe, budget.preset, {**entry.settings, "seed": seed})
        recipe.check()
    except InputError as problem:
        raise InputError(f"method {entry.label}: {problem}") from None
    return budget.apply(recipe)


def _check_noise(entry: Entry, recipe: Recipe, name: str, files: CaseFiles) -> None:
    """Refuse images of noise alone that no patch can be cut from."""
    method = method_class(recipe.method)
    if "noise" not in method.kinds or lacking(method, files) or not isinstance(recipe, LearningRecipe):
        return
    for path in files.paths("noise"):
        height, width = open_image(path).shape[-2:]
        if min(height, width) < recipe.patch:
            raise InputError(
                f"case {name}: the image of noise {Path(path).name} is {height}×{width} pixels, smaller than the "
                f"patches of {entry.label} ({recipe.patch}): give larger ones, or --set {entry.recipe}.patch=..."
            )


def _method(entry: Entry) -> str:
    return str({**RECIPES[entry.recipe], **entry.settings}["method"])


def _paired(name: str) -> bool:
    return "pairs" in method_class(RECIPES[name]["method"]).kinds


def _commit() -> str | None:
    """The commit of the source code, marked where files differ from it; None outside of a repository."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None

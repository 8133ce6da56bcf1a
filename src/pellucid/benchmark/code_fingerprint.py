"""A fingerprint of the source code that decides the result of a method, so that rows of other versions can be used.

It covers the modules that the method and the training loop import, directly or not, from the rooms that learn, and
those of the scores. Comments and docstrings do not count, nor do other methods, documentation, reports, reading of
files and denoising in tiles: tests hold that they do not change a score.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pellucid.methods.registry import METHODS, RECIPES, method_class
from pellucid.recipe import LearningRecipe, Recipe

ROOT = Path(__file__).parent.parent
"""The folder of the package."""

LEARNING = ("methods", "networks", "norms", "ops", "training", "data.patches", "recipe", "seeding")
"""Rooms and modules below `pellucid` that train."""

SCORING = ("benchmark.image_score", "benchmark.filter_tuning", "evaluation.metrics")
"""Modules that score, and choose by scores."""

LOOP = ("pellucid.training.loop", "pellucid.data.patches.batches")
"""What trains every method that learns."""

TUNING = ("pellucid.benchmark.filter_tuning",)
"""What chooses the strength of filters."""

SCORES = "pellucid.benchmark.image_score"

APART = ("pellucid.methods.registry",)
"""The table of all methods and their recipes: a row has the settings of its own."""

DIGITS = 16


def code_fingerprint(recipe: Recipe) -> str:
    """First digits of the SHA-256 of the code that trains and scores a recipe, and those that its settings name."""
    named = (value for value in recipe.model_dump().values() if isinstance(value, str) and value in RECIPES)
    return _fingerprint(frozenset({recipe.method} | {str(RECIPES[name]["method"]) for name in named}))


@cache
def _fingerprint(methods: frozenset[str]) -> str:
    found: dict[str, Path] = {}
    waiting = [SCORES, *(METHODS[method].partition(":")[0] for method in methods)]
    learns = any(issubclass(method_class(method).recipe_type, LearningRecipe) for method in methods)
    waiting += LOOP if learns else TUNING
    while waiting:
        name = waiting.pop()
        if name not in found and _counts(name) and (path := _path(name)):
            found[name] = path
            waiting += _imports(path)
    digest = hashlib.sha256()
    for name in sorted(found):
        digest.update(f"{name}\n{_code(found[name])}\n".encode())
        if (kernels := found[name].with_suffix(".c")).exists():
            digest.update(kernels.read_bytes())
    return digest.hexdigest()[:DIGITS]


def _counts(name: str) -> bool:
    rooms = (f"pellucid.{room}" for room in (*LEARNING, *SCORING))
    return name not in APART and any(name == room or name.startswith(f"{room}.") for room in rooms)


def _path(name: str) -> Path | None:
    """The file of a module; None for a package or anything else."""
    path = ROOT.joinpath(*name.split(".")[1:]).with_suffix(".py")
    return path if path.exists() else None


def _imports(path: Path) -> Iterator[str]:
    """The modules that a file imports; of a package only those that give the names asked for."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (_home(node.module, alias.name) for alias in node.names)


def _home(module: str, name: str) -> str:
    """The module that a name comes from: a submodule, or where the package's own file has it from."""
    if _path(f"{module}.{name}"):
        return f"{module}.{name}"
    package = ROOT.joinpath(*module.split(".")[1:], "__init__.py")
    if not module.startswith("pellucid") or not package.exists():
        return module
    for node in ast.parse(package.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and any((alias.asname or alias.name) == name for alias in node.names):
            return _home(node.module or "", name)
    return module


def _code(path: Path) -> str:
    """The code of a file without its comments and docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [part for part in node.body if not _is_text(part)] or [ast.Pass()]
    return ast.unparse(tree)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)

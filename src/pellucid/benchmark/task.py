"""One unit as work to do: all that its process needs to know, in a file."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from pellucid.benchmark.results import Unit
from pellucid.methods import method_class
from pellucid.recipe import Recipe

TASK, RESULT, LOG, PROGRESS, TRAINING = "task.json", "result.json", "log.txt", "progress.jsonl", "training"
"""What lies in the folder of a unit."""


class Task(BaseModel):
    """What to train on, what to test on, and where results go.

    Attributes:
        unit: which.
        recipe: every setting.
        settings: those that were asked for.
        seconds: computing time that the steps shall take; None: the recipe's steps stand.
        sources: files to learn from, by kind.
        test: noisy files to denoise.
        truth: of each of them; empty if nobody knows it.
        curve_every: steps between points of the curve; 0: no curve.
        fingerprint: of the case.
        commit: of the source code, if it is known.
        device: "auto", "cpu", "cuda:1", ...
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: Unit
    recipe: dict[str, Any]
    settings: dict[str, Any]
    seconds: float | None
    sources: dict[str, list[str]]
    test: list[str]
    truth: list[str]
    curve_every: int
    fingerprint: str
    commit: str | None
    device: str

    @property
    def name(self) -> str:
        """For folders: readable, and different for each unit."""
        readable = re.sub(r"[^\w.]+", "-", "_".join(str(part) for part in self.unit.key)).strip("-")
        return f"{readable}_{hashlib.sha256(repr(self.unit.key).encode()).hexdigest()[:6]}"

    def folder(self, out: Path) -> Path:
        """Where the unit is at work."""
        return out / "runs" / self.name

    def make_recipe(self) -> Recipe:
        """The recipe as an object.

        Raises:
            InputError: another Pellucid's.
        """
        values = {key: value for key, value in self.recipe.items() if value is not None}
        return method_class(self.recipe["method"]).recipe_type.from_values(values, self.name)

    def same_work(self, other: Task) -> bool:
        """Whether a training begun for `other` can be gone on with for this one."""
        changing = {"device": "", "commit": None}
        return self.model_copy(update=changing) == other.model_copy(update=changing)

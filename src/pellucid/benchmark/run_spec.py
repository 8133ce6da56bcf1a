"""One run as its process needs it, in a file."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from pellucid.benchmark.results import RunId
from pellucid.methods import method_class
from pellucid.recipe import Recipe

SPEC, RESULT, LOG, PROGRESS, TRAINING = "run.json", "result.json", "log.txt", "progress.jsonl", "training"
"""Files in the folder of a run."""


class RunSpec(BaseModel):
    """What a run is trained on, what it is tested on, and where its results go.

    Attributes:
        run: which run.
        recipe: every setting of the recipe.
        settings: the settings given with `--set`.
        sources: training files by kind.
        tuned: whether the strength of a filter is chosen on the training files.
        test: noisy files to denoise.
        truth: the clean file of each; empty if the truth is not known.
        curve_every: steps between points of the quality curve; 0: no curve.
        fingerprint: fingerprint of the dataset.
        commit: commit of the source code, if known.
        code: fingerprint of the code that decides the result.
        device: "auto", "cpu", "cuda:1", ...
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: RunId
    recipe: dict[str, Any]
    settings: dict[str, Any]
    sources: dict[str, list[str]]
    tuned: bool = False
    test: list[str]
    truth: list[str]
    curve_every: int
    fingerprint: str
    commit: str | None
    code: str
    device: str

    @property
    def planned(self) -> str:
        """Fingerprint of the recipe as planned, without its seed and without steps that will be fitted to a time."""
        settings = json.dumps(self.recipe | {"seed": 0}, sort_keys=True)
        return hashlib.sha256(settings.encode()).hexdigest()[:16]

    @property
    def name(self) -> str:
        """A readable folder name, different for each run."""
        readable = re.sub(r"[^\w.]+", "-", "_".join(str(part) for part in self.run.key)).strip("-")
        return f"{readable}_{hashlib.sha256(repr(self.run.key).encode()).hexdigest()[:6]}"

    def folder(self, out: Path) -> Path:
        """The folder of the run in a benchmark's folder."""
        return out / "runs" / self.name

    def make_recipe(self) -> Recipe:
        """The recipe as an object.

        Raises:
            InputError: the settings are those of another version.
        """
        values = {key: value for key, value in self.recipe.items() if value is not None}
        return method_class(self.recipe["method"]).recipe_type.from_values(values, self.name)

    def same_training(self, other: RunSpec) -> bool:
        """Whether a training that was started for `other` can be resumed for this run."""
        ignored = {"device": "", "commit": None}
        return self.model_copy(update=ignored) == other.model_copy(update=ignored)

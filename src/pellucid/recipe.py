"""Everything a run depends on, as one typed object that can be read from and written to a text file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pellucid.errors import InputError, nearest


class Recipe(BaseModel):
    """What every method shares; each method adds its own settings in a subclass.

    The defaults are those of the preset `paper`. A recipe is frozen: `with_settings` makes a changed copy.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"paper": {}}
    """Named sets of settings for one kind of machine."""

    name: str = Field("proposed", description="name of the recipe this one started from")
    method: str = Field("iscl", description="which method it is for")
    preset: str = Field("paper", description="which set of settings it started from")
    seed: int = Field(0, ge=0, lt=2**63, description="start of every random number")

    def check(self) -> list[str]:
        """Warnings, in plain words, about settings that can work but rarely do.

        Raises:
            InputError: settings that cannot work together.
        """
        return []

    def with_settings(self, settings: Mapping[str, Any]) -> Self:
        """A copy with some settings changed; text values are understood as on the command line.

        Raises:
            InputError: unknown key (the nearest known one is named) or a value out of range.
        """
        known = type(self).model_fields
        for key in settings:
            if key not in known:
                raise InputError(f"unknown setting {key!r}: {nearest(key, known)}")
        try:
            return type(self).model_validate({**self.model_dump(), **settings})
        except ValidationError as problem:
            raise InputError(_sentence(problem)) from None

    def to_toml(self) -> str:
        """The recipe as text; reading it gives an equal recipe."""
        return tomli_w.dumps(self.model_dump(exclude_none=True))

    @classmethod
    def from_values(cls, values: Mapping[str, Any], where: str | Path) -> Self:
        """The recipe with the values that stand in a file.

        Raises:
            InputError: unknown keys or values out of range; the message names the file.
        """
        try:
            return cls().with_settings(values)
        except InputError as problem:
            raise InputError(f"{where}: {problem}") from None


def paper_and_quick(**settings: Any) -> Mapping[str, Mapping[str, Any]]:
    """The two presets of a method that learns: its source's sizes, and these settings for a machine without a GPU.

    In a quick training the weights of a single step would sway: their average denoises.
    """
    shared = {"steps": 1500, "average": 0.997, "weights": "average", "save_every": 250, "preview_every": 500}
    return {"paper": {}, "quick": {**shared, **settings}}


class LearningRecipe(Recipe):
    """What every method shares that learns before it denoises."""

    steps: int = Field(8000, ge=1, description="training steps")
    batch: int = Field(64, ge=1, description="patches of each kind in a step")
    patch: int = Field(64, ge=16, le=1024, description="side of a training patch, in pixels")
    learning_rate: float = Field(1e-4, gt=0, description="of every optimiser at the first step")
    final_learning_rate: float = Field(1e-7, ge=0, description="reached at the last step, linearly")
    pipeline: Literal["correct", "official"] = Field(
        "correct", description="'official' reproduces the published augmentation and shuffle defects"
    )
    average: float = Field(0.999, ge=0, lt=1, description="decay of the moving average of the weights")
    weights: Literal["last", "average"] = Field("last", description="which weights denoise")
    save_every: int = Field(500, ge=1, description="steps between saved states")
    preview_every: int = Field(500, ge=1, description="steps between preview pictures")


def _sentence(problem: ValidationError) -> str:
    first = problem.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    return f"setting {key}={first['input']!r}: {first['msg'][0].lower()}{first['msg'][1:]}"

"""Recipes: all settings of a method as one typed object that is read from and written to a text file.

Each file in `pellucid.methods` has the settings of its own method, and hands them to the networks that it builds.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pellucid.errors import InputError, nearest


class Recipe(BaseModel):
    """Settings of every method; each method adds its own in a subclass.

    The defaults are those of the preset `paper`. A recipe is frozen: `with_settings` returns a changed copy.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"paper": {}}
    """Settings by the name of the preset, each for one kind of machine."""

    name: str = Field("proposed", description="name of the recipe that this one was made from")
    method: str = Field("iscl", description="the method")
    preset: str = Field("paper", description="the preset that this one was made from")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of all random numbers")

    def check(self) -> list[str]:
        """Return warnings about settings that can work but rarely do.

        Raises:
            InputError: the settings cannot work together.
        """
        return []

    def with_settings(self, settings: Mapping[str, Any]) -> Self:
        """Return a copy with some settings changed; values may be text, as on the command line.

        Raises:
            InputError: an unknown setting (the message names the nearest known one), or a value out of range.
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
        """Return the recipe as text; reading it gives an equal recipe."""
        return tomli_w.dumps(self.model_dump(exclude_none=True))

    @classmethod
    def from_values(cls, values: Mapping[str, Any], where: str | Path) -> Self:
        """Return the recipe with the values of a file.

        Raises:
            InputError: unknown settings or values out of range; the message names the file.
        """
        try:
            return cls().with_settings(values)
        except InputError as problem:
            raise InputError(f"{where}: {problem}") from None


def paper_and_quick(**settings: Any) -> Mapping[str, Mapping[str, Any]]:
    """Return the presets "paper", with the defaults, and "quick", with these settings for a machine without a GPU.

    A quick training takes ten minutes. Its weights vary much from step to step, so their average denoises.
    """
    return {"paper": {}, "quick": {"minutes": 10.0, "average": 0.997, "weights": "average", **settings}}


class LearningRecipe(Recipe):
    """Settings of every method that learns before it denoises."""

    steps: int = Field(8000, ge=1, description="training steps; with minutes: as many as fit, found while training")
    minutes: float | None = Field(None, gt=0, description="minutes of training; not given: all of the steps")
    batch: int = Field(64, ge=1, description="patches of each kind in a step")
    patch: int = Field(64, ge=16, le=1024, description="side of a training patch in pixels")
    learning_rate: float = Field(1e-4, gt=0, description="learning rate of every optimiser at the first step")
    final_learning_rate: float = Field(1e-7, ge=0, description="learning rate at the last step, reached linearly")
    pipeline: Literal["correct", "official"] = Field(
        "correct", description="'official' reproduces the published augmentation and shuffle defects"
    )
    average: float = Field(0.999, ge=0, lt=1, description="decay of the moving average of the weights")
    weights: Literal["last", "average"] = Field("last", description="weights used to denoise")
    save_every: int = Field(500, ge=1, description="steps between saved states")
    preview_every: int = Field(500, ge=1, description="steps between preview pictures")

    def with_settings(self, settings: Mapping[str, Any]) -> Self:
        """Return a copy with some settings changed; a number of steps replaces a number of minutes.

        Raises:
            InputError: an unknown setting (the message names the nearest known one), or a value out of range.
        """
        return super().with_settings({"minutes": None, **settings} if "steps" in settings else settings)


def refuse_two_budgets(settings: Mapping[str, Any]) -> None:
    """Raise InputError if both steps and minutes are asked for."""
    if "steps" in settings and "minutes" in settings:
        raise InputError("steps and minutes are two budgets: give one of them")


def _sentence(problem: ValidationError) -> str:
    first = problem.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    return f"setting {key}={first['input']!r}: {first['msg'][0].lower()}{first['msg'][1:]}"

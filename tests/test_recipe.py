from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from pellucid.errors import InputError, nearest
from pellucid.methods.iscl import IsclRecipe
from pellucid.recipe import LearningRecipe, Recipe


class Example(LearningRecipe):
    """A recipe with every kind of setting."""

    flag: bool = Field(False, description="yes or no")
    limit: float | None = Field(None, description="a number, or none")


positive = st.floats(1e-12, 1e6, allow_nan=False)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "seed": st.integers(0, 2**63 - 1),
            "steps": st.integers(1, 10**9),
            "batch": st.integers(1, 4096),
            "learning_rate": positive,
            "final_learning_rate": st.floats(0, 1),
            "pipeline": st.sampled_from(["correct", "official"]),
            "weights": st.sampled_from(["last", "average"]),
            "average": st.floats(0, 1, exclude_max=True),
            "name": st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
            "gamma": st.floats(0, 1),
            "objective": st.sampled_from(["hinge-published", "hinge", "lsgan", "wgan", "wgan-gp"]),
            "lambda_": positive,
        },
    )
)
def test_toml_there_and_back(settings):
    recipe = IsclRecipe(**settings)
    assert IsclRecipe.from_values(tomllib.loads(recipe.to_toml()), "recipe.toml") == recipe


def test_toml_holds_every_setting_by_its_name():
    assert set(tomllib.loads(IsclRecipe(minutes=5).to_toml())) == set(IsclRecipe.model_fields)
    assert "limit" not in tomllib.loads(Example().to_toml())
    assert Example.from_values(tomllib.loads(Example().to_toml()), "recipe.toml") == Example()


def test_frozen():
    recipe = LearningRecipe()
    with pytest.raises(ValidationError, match="frozen"):
        recipe.steps = 3


def test_changed_copy_leaves_the_recipe():
    recipe = LearningRecipe()
    changed = recipe.with_settings({"steps": 5})
    assert (recipe.steps, changed.steps, changed.batch) == (8000, 5, recipe.batch)
    assert type(IsclRecipe().with_settings({})) is IsclRecipe


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("batch", "16", 16),
        ("learning_rate", "3e-4", 3e-4),
        ("flag", "true", True),
        ("flag", "no", False),
        ("limit", "2.5", 2.5),
        ("pipeline", "official", "official"),
    ],
)
def test_text_is_understood_as_on_the_command_line(key, text, value):
    assert getattr(Example().with_settings({key: text}), key) == value


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch": "0"}, "setting batch='0': input should be greater than or equal to 1"),
        ({"batch": "many"}, "setting batch='many': input should be a valid integer"),
        ({"batch": 2.5}, "setting batch=2.5: input should be a valid integer"),
        ({"patch": 8}, "setting patch=8: input should be greater than or equal to 16"),
        ({"average": 1}, "setting average=1: input should be less than 1"),
        ({"learning_rate": "nan"}, "setting learning_rate='nan': input should be a finite number"),
        ({"learning_rate": "inf"}, "setting learning_rate='inf': input should be a finite number"),
        ({"learning_rate": -1}, "setting learning_rate=-1: input should be greater than 0"),
        ({"seed": 2**70}, "setting seed=1180591620717411303424: input should be less than"),
        ({"weights": "best"}, "setting weights='best': input should be 'last' or 'average'"),
        ({"bacth": 3}, "unknown setting 'bacth': did you mean 'batch'"),
        ({"zzzzzz": 3}, "unknown setting 'zzzzzz': known are name, method"),
    ],
)
def test_wrong_settings_give_one_clear_line(settings, message):
    with pytest.raises(InputError) as problem:
        LearningRecipe().with_settings(settings)
    assert str(problem.value).startswith(message)
    assert "\n" not in str(problem.value)


def test_wrong_settings_of_a_file_name_the_file():
    with pytest.raises(InputError, match=r"run/recipe\.toml: unknown setting 'stesp': did you mean 'steps'"):
        LearningRecipe.from_values({"stesp": 3}, Path("run/recipe.toml"))
    with pytest.raises(InputError, match=r"run/recipe\.toml: setting steps=0: input should be"):
        LearningRecipe.from_values({"steps": 0}, "run/recipe.toml")


@pytest.mark.parametrize("recipe_type", [Recipe, LearningRecipe, IsclRecipe])
def test_every_setting_is_described(recipe_type):
    assert all(field.description for field in recipe_type.model_fields.values())


def test_nearest_known_word():
    assert nearest("instanse", ["batch", "instance"]) == "did you mean 'instance'?"
    assert nearest("q", ["batch", "instance"]) == "known are batch, instance"


def test_nothing_is_wrong_with_the_defaults():
    assert Recipe().check() == []

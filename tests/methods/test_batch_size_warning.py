from __future__ import annotations

import re

import pytest

from pellucid.methods import METHODS, make_recipe, method_class

NORMALISED = [name for name in METHODS if "normalisation" in method_class(name).recipe_type.model_fields]


def test_all_methods_with_one_norm_are_looked_at():
    assert set(NORMALISED) == {"dncnn", "noise2void", "noise2self"}


@pytest.mark.parametrize("name", NORMALISED)
def test_a_norm_of_the_batch_is_warned_of_where_the_batch_is_small_and_every_remedy_works(name):
    settings = {"batch": 7, "width": 48}  # no width for group norm
    (warning,) = make_recipe(name, settings=settings).check()
    assert "which 7 patches hardly give" in warning
    (enough,) = re.findall(r"batch=(\d+)", warning)
    assert make_recipe(name, settings={**settings, "batch": enough}).check() == []
    norms = warning[warning.rindex("(") + 1 : -1].split(", ")
    assert norms == ["instance", "layer"]
    for norm in norms:
        assert make_recipe(name, settings={**settings, "normalisation": norm}).check() == []


@pytest.mark.parametrize("name", NORMALISED)
@pytest.mark.parametrize("preset", ["paper", "quick"])
def test_presets_have_batches_that_are_large_enough(name, preset):
    assert make_recipe(name, preset).check() == []

from __future__ import annotations

import shutil

import pytest

from pellucid.assessment.clean_images import clean_kind, find_clean
from pellucid.methods import make_recipe
from pellucid.model import Model

pytestmark = pytest.mark.usefixtures("hasty")


def test_those_that_are_given_come_first(trained, pictures):
    found = find_clean(str(pictures / "truth"), trained)
    assert [plane.name for plane in found.planes] == [str(pictures / "truth" / f"b{n}.png") for n in range(3)]
    assert found.origin == "those you gave"


def test_then_those_of_the_training(trained, pictures):
    found = find_clean(None, trained)
    assert [plane.name for plane in found.planes] == [str(pictures / "clean" / f"a{n}.png") for n in range(3)]
    assert found.origin == "those of the training"


@pytest.mark.parametrize("kind", ["no run", "saved folder", "saved zip", "images are gone"])
def test_else_the_phantom(kind, trained, tmp_path):
    place = None
    if kind.startswith("saved"):
        place = Model.load(trained, device="cpu").save(tmp_path / ("model.zip" if kind == "saved zip" else "model"))
    if kind == "images are gone":
        place = shutil.copytree(trained, tmp_path / "run")
        (place / "paths.json").unlink()
    found = find_clean(None, place)
    assert found.origin == "phantom tissue, because no others are known"
    assert {plane.shape for plane in found.planes} == {(96, 96)}


@pytest.mark.parametrize(
    ("recipe", "kinds", "expected"),
    [
        ("noise-transfer", {"noisy", "clean"}, "clean"),
        ("student", {"noisy", "pairs"}, "pairs"),
        ("noise2noise", {"noisy", "pairs"}, None),
        ("noise2void", {"noisy"}, None),
    ],
)
def test_partners_are_clean_if_they_are_the_truth(recipe, kinds, expected):
    assert clean_kind(make_recipe(recipe, "quick"), kinds) == expected

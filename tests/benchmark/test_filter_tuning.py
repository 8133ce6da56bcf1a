from __future__ import annotations

import numpy as np
import pytest

from pellucid.benchmark.condition import Condition
from pellucid.benchmark.datasets import PhantomSize, find_dataset
from pellucid.benchmark.filter_tuning import STRENGTHS, top, tune
from pellucid.benchmark.method_spec import parse_methods
from pellucid.benchmark.plan import Benchmark, Budget, make_plan
from pellucid.io.writing import write_array
from pellucid.methods import make_recipe
from pellucid.methods.classical.filters import FilterRecipe
from pellucid.methods.registry import METHODS, method_class
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue

PHANTOM = find_dataset("phantom-film", None, None, PhantomSize(8, 64))


@pytest.mark.parametrize("peak", range(7))
def test_the_top_is_found_with_few_tries(peak):
    tried = []

    def height(value):
        tried.append(value)
        return -((value - 10 * peak) ** 2)

    assert top([10 * number for number in range(7)], height) == 10 * peak
    assert len(tried) == len(set(tried)) <= 6


def test_every_filter_with_a_strength_can_be_tuned():
    filters = {name for name in METHODS if issubclass(method_class(name).recipe_type, FilterRecipe)}
    assert filters - STRENGTHS.keys() == {"noisy"}
    for name, (setting, values) in STRENGTHS.items():
        assert list(values) == sorted(values)
        for value in (values[0], values[-1]):
            make_recipe(name, "quick", {setting: value})


@pytest.mark.parametrize(("noise", "least", "most"), [(0.03, 0.4, 1.0), (0.3, 1.4, 4.0)])
def test_more_noise_wants_more_strength(noise, least, most, tmp_path):
    paths = {"noisy": [], "clean": []}
    for number in range(3):
        image = tissue((96, 96), number)
        for kind, pixels in (("clean", image), ("noisy", simulate(image, "gaussian", noise, number))):
            path = tmp_path / kind / f"{number}.tif"
            write_array(path, pixels.astype(np.uint8))
            paths[kind].append(str(path))
    tuned = tune(make_recipe("gaussian", "quick"), paths["noisy"], paths["clean"], "cpu")
    assert least <= tuned.sigma <= most


def test_filters_are_tuned_on_the_noisy_half_whatever_the_condition(tmp_path):
    methods = parse_methods(["gaussian", "noisy", "dncnn"], tuned=True)
    assert [method.name for method in methods] == ["gaussian (tuned)", "noisy", "dncnn"]
    benchmark = Benchmark(
        methods, [PHANTOM], Budget("quick", steps=3), seeds=(0, 1), condition=Condition(noisy_images=1)
    )
    specs = make_plan(benchmark, tmp_path)
    assert [(spec.run.method, spec.run.seed) for spec in specs] == [
        ("gaussian (tuned)", 0),
        ("noisy", 0),
        ("dncnn", 0),
        ("dncnn", 1),
    ]
    assert [spec.tuned for spec in specs] == [True, False, False, False]
    assert {kind: len(paths) for kind, paths in specs[0].sources.items()} == {"noisy": 3, "pairs": 3}
    assert {kind: len(paths) for kind, paths in specs[2].sources.items()} == {"noisy": 4, "pairs": 4}


def test_without_a_truth_nothing_is_tuned(tmp_path, capsys):
    for kind, seed in (("clean", 0), ("noisy", 50)):
        write_array(tmp_path / "mine/a" / kind / "x.tif", tissue((64, 64), seed))
    methods = parse_methods(["gaussian", "noisy"], tuned=True)
    benchmark = Benchmark(methods, [find_dataset("a", tmp_path / "mine")], Budget("quick", steps=3))
    (spec,) = make_plan(benchmark, tmp_path)
    assert spec.run.method == "noisy"
    assert "gaussian (tuned) is left out of dataset a: it needs pairs" in capsys.readouterr().err

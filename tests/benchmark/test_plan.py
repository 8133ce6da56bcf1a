from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from pellucid.benchmark.datasets import PhantomSize, find_dataset
from pellucid.benchmark.method_spec import parse_methods
from pellucid.benchmark.plan import Benchmark, Budget, make_plan
from pellucid.benchmark.resources import Resources
from pellucid.errors import InputError
from pellucid.io.writing import write_array
from pellucid.simulation.phantom import tissue

EIGHT = PhantomSize(8, 64)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Where the datasets' files are made once for all tests."""
    return tmp_path_factory.mktemp("made")


@pytest.fixture
def film():
    return find_dataset("phantom-film", None, None, EIGHT)


@pytest.fixture
def benchmark_of(film):
    def make(*methods, **changes):
        benchmark = Benchmark(parse_methods(methods), [film], Budget("quick", steps=3))
        return dataclasses.replace(benchmark, **changes)

    return make


def numbers(paths):
    return [int(Path(path).stem.split("_")[1]) for path in paths]


def test_every_method_dataset_fold_and_seed_is_a_run(benchmark_of, film, made):
    charge = find_dataset("phantom-charge", None, None, EIGHT)
    benchmark = benchmark_of("iscl", "noisy", datasets=[film, charge], folds=None, seeds=(0, 7))
    specs = make_plan(benchmark, made)
    runs = [spec.run for spec in specs]
    assert len(set(runs)) == 2 * 4 * (2 + 1)  # a filter, which learns nothing, once for both seeds
    assert [(u.seed, u.fold, u.dataset, u.method) for u in runs[:5]] == [
        (0, 0, "phantom-film", "iscl"),
        (0, 0, "phantom-film", "noisy"),
        (0, 0, "phantom-charge", "iscl"),
        (0, 0, "phantom-charge", "noisy"),
        (0, 1, "phantom-film", "iscl"),
    ]
    assert {spec.recipe["seed"] for spec in specs} == {0, 7}
    assert len({spec.name for spec in specs}) == len(runs)


def test_what_each_kind_of_method_learns_from(benchmark_of, made):
    """Fold 0 of eight images tests 1 and 4; 0, 2, 3 are clean, 5, 6, 7 noisy."""
    specs = {t.run.method: t for t in make_plan(benchmark_of("iscl", "dncnn", "noise2noise", "noise2void"), made)}
    expected = {
        "iscl": {"noisy": [5, 6, 7], "clean": [0, 2, 3]},
        "dncnn": {"noisy": [0, 2, 3, 5, 6, 7], "pairs": [0, 2, 3, 5, 6, 7]},
        "noise2noise": {"noisy": [0, 2, 3, 5, 6, 7], "pairs": [0, 2, 3, 5, 6, 7]},
        "noise2void": {"noisy": [5, 6, 7]},
    }
    for method, sources in expected.items():
        assert {kind: numbers(paths) for kind, paths in specs[method].sources.items()} == sources
        assert numbers(specs[method].test) == numbers(specs[method].truth) == [1, 4]
    folders = {m: Path(specs[m].sources["pairs"][0]).parent.name for m in ("dncnn", "noise2noise")}
    assert folders == {"dncnn": "clean", "noise2noise": "copy"}
    assert Path(specs["dncnn"].test[0]).parent.name == "noisy"
    assert Path(specs["dncnn"].truth[0]).parent.name == "clean"


def test_half_the_pairs_are_those_of_the_noisy_half(benchmark_of, made):
    methods = parse_methods(["dncnn", "iscl"], half=True)
    half, unpaired = make_plan(benchmark_of("iscl", methods=methods), made)
    assert half.run.method == "dncnn (half the pairs)"
    assert numbers(half.sources["noisy"]) == numbers(half.sources["pairs"]) == [5, 6, 7]
    assert unpaired.run.method == "iscl"


def test_noise_alone_is_of_no_test_image(benchmark_of, made):
    (spec,) = make_plan(benchmark_of(methods=parse_methods(["quan"], ["patch=64"])), made)
    assert numbers(spec.sources["noise"]) == [0, 2, 3, 5, 6, 7]


def test_captured_noise_of_test_images_is_held_back(benchmark_of, tmp_path):
    for kind, count in (("clean", 8), ("noise", 4)):
        for number in range(count):
            write_array(tmp_path / "mine/a" / kind / f"x_{number}.tif", tissue((64, 64), number))
    methods, datasets = parse_methods(["quan"], ["patch=64"]), [find_dataset("a-captured", tmp_path / "mine")]
    (spec,) = make_plan(benchmark_of(methods=methods, datasets=datasets), tmp_path)
    assert numbers(spec.test) == [1, 4]  # which hold noise 0 and 2
    assert numbers(spec.sources["noise"]) == [1, 3]


def test_real_noisy_images_are_all_learned_from_and_all_denoised(benchmark_of, tmp_path, capsys):
    for kind, count in (("clean", 3), ("noisy", 2)):
        for number in range(count):
            write_array(tmp_path / "mine/a" / kind / f"x_{number}.tif", tissue((64, 64), number))
    benchmark = benchmark_of(
        "iscl", "dncnn", "noise2noise", "quan", datasets=[find_dataset("a", tmp_path / "mine")], folds=None
    )
    (spec,) = make_plan(benchmark, tmp_path)
    assert (numbers(spec.sources["clean"]), numbers(spec.sources["noisy"])) == ([0, 1, 2], [0, 1])
    assert numbers(spec.test) == [0, 1]
    assert spec.truth == []
    told = capsys.readouterr().err
    for method, reason in (
        ("dncnn", "it needs pairs, and the truth of real noisy images is not known"),
        ("noise2noise", "it needs pairs, and the truth of real noisy images is not known"),
        ("quan", "it needs images of noise alone, and there is no noise/"),
    ):
        assert f"warning: {method} is left out of dataset a: {reason}" in told


def test_budgets(benchmark_of, made):
    def steps(budget, *methods):
        specs = make_plan(benchmark_of(*methods, budget=budget), made)
        return [(spec.recipe["steps"], spec.recipe["batch"], spec.recipe["minutes"]) for spec in specs]

    assert steps(Budget("paper"), "iscl") == [(8000, 64, None)]
    assert all(taken * batch >= 512_000 for taken, batch, _ in steps(Budget("paper"), "dncnn", "noise2void"))
    assert [taken for taken, _, _ in steps(Budget("quick", steps=77), "iscl", "dncnn")] == [77, 77]
    assert {minutes for _, _, minutes in steps(Budget("quick", seconds=9), "iscl", "dncnn")} == {0.15}
    assert steps(Budget("paper"), "mean-matched")[0][0] == 100  # nothing that more steps would make better
    labels = [Budget("paper"), Budget("quick", steps=5), Budget("quick", seconds=60)]
    assert [budget.label for budget in labels] == ["paper", "quick steps=5", "quick seconds=60"]


def test_shares_are_disjoint_and_whole(benchmark_of, made):
    specs = make_plan(benchmark_of("iscl", "noisy", "dncnn", folds=None), made)
    shares = [Resources(shard=(number, 5)).share(specs) for number in range(1, 6)]
    assert sorted(spec.name for share in shares for spec in share) == sorted(spec.name for spec in specs)
    assert {len(share) for share in shares} == {2, 3}


def test_images_that_do_not_divide_are_left_out_with_a_warning(benchmark_of, tmp_path, capsys):
    dataset = find_dataset("phantom-film", None, None, PhantomSize(10, 64))
    specs = make_plan(benchmark_of("noisy", datasets=[dataset], folds=None), tmp_path)
    assert sorted(number for spec in specs for number in numbers(spec.test)) == list(range(8))
    assert (
        "the published folds need a multiple of 4 images, but there are 10: the last 2 are not used"
        in capsys.readouterr().err
    )
    specs = make_plan(benchmark_of("noisy", datasets=[dataset], folds=None, scheme="blocks"), tmp_path)
    assert sorted(number for spec in specs for number in numbers(spec.test)) == list(range(10))


def test_fewer_images_than_folds_are_refused(benchmark_of, tmp_path):
    dataset = find_dataset("phantom-film", None, None, PhantomSize(3, 64))
    with pytest.raises(InputError, match="dataset phantom-film: 3 images are fewer than the 4 folds"):
        make_plan(benchmark_of("noisy", datasets=[dataset]), tmp_path)


def test_noise_smaller_than_a_patch_is_refused(benchmark_of, tmp_path):
    for kind, side in (("clean", 128), ("simulated", 128), ("noise", 40)):
        for number in range(4):
            write_array(tmp_path / "mine/a" / kind / f"x_{number}.tif", tissue((side, side), number))
    with pytest.raises(InputError, match=r"x_0.tif has 40×40 pixels, less than a patch of quan \(128\)"):
        make_plan(benchmark_of("quan", datasets=[find_dataset("a", tmp_path / "mine")]), tmp_path)


def test_wrong_settings_and_folds_are_refused(benchmark_of, made):
    with pytest.raises(InputError, match="method iscl: unknown setting 'widht': did you mean 'width'"):
        make_plan(benchmark_of("iscl", methods=parse_methods(["iscl"], ["widht=3"])), made)
    with pytest.raises(InputError, match="--folds 4: folds are numbered from 0 to 3"):
        make_plan(benchmark_of("iscl", folds=(4,)), made)
    with pytest.raises(InputError, match="--steps and --seconds are two budgets"):
        Budget("quick", 5, 5.0)
    with pytest.raises(InputError, match="the budget is zero"):
        Budget("quick", 0)

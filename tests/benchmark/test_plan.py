from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from pellucid.benchmark.datasets import PhantomSize, find_case
from pellucid.benchmark.plan import Budget, Entry, Request, entries_of, left_out, make_plan
from pellucid.benchmark.resources import Effort
from pellucid.errors import InputError
from pellucid.io.writing import write_array
from pellucid.simulation.phantom import tissue

EIGHT = PhantomSize(8, 64)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Where the cases' files are made once for all tests."""
    return tmp_path_factory.mktemp("made")


@pytest.fixture
def film():
    return find_case("phantom-film", None, None, EIGHT)


@pytest.fixture
def request_of(film):
    def make(*methods, **changes):
        request = Request(entries_of(methods), [film], Budget("quick", steps=3))
        return dataclasses.replace(request, **changes)

    return make


def numbers(paths):
    return [int(Path(path).stem.split("_")[1]) for path in paths]


def test_every_method_case_fold_and_seed_is_a_unit(request_of, film, made):
    charge = find_case("phantom-charge", None, None, EIGHT)
    request = request_of("iscl", "noisy", cases=[film, charge], folds=None, seeds=(0, 7))
    units = [task.unit for task in make_plan(request, made)]
    assert len(set(units)) == 2 * 2 * 4 * 2
    assert [(u.seed, u.fold, u.case, u.method) for u in units[:5]] == [
        (0, 0, "phantom-film", "iscl"),
        (0, 0, "phantom-film", "noisy"),
        (0, 0, "phantom-charge", "iscl"),
        (0, 0, "phantom-charge", "noisy"),
        (0, 1, "phantom-film", "iscl"),
    ]
    assert {task.recipe["seed"] for task in make_plan(request, made)} == {0, 7}
    assert len({task.name for task in make_plan(request, made)}) == len(units)


def test_what_each_kind_of_method_learns_from(request_of, made):
    """Fold 0 of eight images tests 1 and 4; 0, 2, 3 are clean, 5, 6, 7 noisy."""
    tasks = {t.unit.method: t for t in make_plan(request_of("iscl", "dncnn", "noise2noise", "noise2void"), made)}
    expected = {
        "iscl": {"noisy": [5, 6, 7], "clean": [0, 2, 3]},
        "dncnn": {"noisy": [0, 2, 3, 5, 6, 7], "pairs": [0, 2, 3, 5, 6, 7]},
        "noise2noise": {"noisy": [0, 2, 3, 5, 6, 7], "pairs": [0, 2, 3, 5, 6, 7]},
        "noise2void": {"noisy": [5, 6, 7]},
    }
    for method, sources in expected.items():
        assert {kind: numbers(paths) for kind, paths in tasks[method].sources.items()} == sources
        assert numbers(tasks[method].test) == numbers(tasks[method].truth) == [1, 4]
    folders = {m: Path(tasks[m].sources["pairs"][0]).parent.name for m in ("dncnn", "noise2noise")}
    assert folders == {"dncnn": "clean", "noise2noise": "copy"}
    assert Path(tasks["dncnn"].test[0]).parent.name == "noisy"
    assert Path(tasks["dncnn"].truth[0]).parent.name == "clean"


def test_half_the_pairs_are_those_of_the_noisy_half(request_of, made):
    entries = entries_of(["dncnn", "iscl"], half=True)
    half, unpaired = make_plan(request_of("iscl", entries=entries), made)
    assert half.unit.method == "dncnn (half the pairs)"
    assert numbers(half.sources["noisy"]) == numbers(half.sources["pairs"]) == [5, 6, 7]
    assert unpaired.unit.method == "iscl"


def test_noise_alone_is_of_no_test_image(request_of, made):
    (task,) = make_plan(request_of(entries=entries_of(["quan"], ["patch=64"])), made)
    assert numbers(task.sources["noise"]) == [0, 2, 3, 5, 6, 7]


def test_captured_noise_of_test_images_is_held_back(request_of, tmp_path):
    for kind, count in (("clean", 8), ("noise", 4)):
        for number in range(count):
            write_array(tmp_path / "mine/a" / kind / f"x_{number}.tif", tissue((64, 64), number))
    entries, cases = entries_of(["quan"], ["patch=64"]), [find_case("a-captured", tmp_path / "mine")]
    (task,) = make_plan(request_of(entries=entries, cases=cases), tmp_path)
    assert numbers(task.test) == [1, 4]  # which hold noise 1 and 0
    assert numbers(task.sources["noise"]) == [2, 3]


def test_real_noisy_images_are_all_learned_from_and_all_denoised(request_of, tmp_path):
    for kind, count in (("clean", 3), ("noisy", 2)):
        for number in range(count):
            write_array(tmp_path / "mine/a" / kind / f"x_{number}.tif", tissue((64, 64), number))
    request = request_of("iscl", "dncnn", "noise2noise", "quan", cases=[find_case("a", tmp_path / "mine")], folds=None)
    (task,) = make_plan(request, tmp_path)
    assert (numbers(task.sources["clean"]), numbers(task.sources["noisy"])) == ([0, 1, 2], [0, 1])
    assert numbers(task.test) == [0, 1]
    assert task.truth == []
    lines = list(left_out(request, tmp_path))
    assert lines == [
        "dncnn is left out of case a: it learns from pairs, and real noisy images have no truth",
        "noise2noise is left out of case a: it learns from pairs, and real noisy images have no truth",
        "quan is left out of case a: it learns from images of noise alone, and there is no noise/",
    ]


def test_budgets(request_of, made):
    def steps(budget, *methods):
        tasks = make_plan(request_of(*methods, budget=budget), made)
        return [(task.recipe["steps"], task.recipe["batch"], task.seconds) for task in tasks]

    assert steps(Budget("paper"), "iscl") == [(8000, 64, None)]
    assert all(taken * batch >= 512_000 for taken, batch, _ in steps(Budget("paper"), "dncnn", "noise2void"))
    assert [taken for taken, _, _ in steps(Budget("quick", steps=77), "iscl", "dncnn")] == [77, 77]
    assert {seconds for _, _, seconds in steps(Budget("quick", seconds=9), "iscl", "dncnn")} == {9}
    assert steps(Budget("paper"), "mean-matched")[0][0] == 100  # nothing that more steps would make better
    labels = [Budget("paper"), Budget("quick", steps=5), Budget("quick", seconds=60)]
    assert [budget.label for budget in labels] == ["paper", "quick steps=5", "quick seconds=60"]


def test_settings_for_all_and_for_one():
    pairs = ["dncnn.depth=5", "batch=2", "iscl.batch=4"]
    assert entries_of(["iscl", "dncnn"], pairs) == [
        Entry("iscl", "iscl", {"batch": "4"}),
        Entry("dncnn", "dncnn", {"batch": "2", "depth": "5"}),
    ]


def test_shares_are_disjoint_and_whole(request_of, made):
    tasks = make_plan(request_of("iscl", "noisy", "dncnn", folds=None), made)
    shares = [Effort(shard=(number, 5)).share(tasks) for number in range(1, 6)]
    assert sorted(task.name for share in shares for task in share) == sorted(task.name for task in tasks)
    assert {len(share) for share in shares} == {2, 3}


def test_images_that_do_not_divide_are_left_out_with_a_warning(request_of, tmp_path, capsys):
    case = find_case("phantom-film", None, None, PhantomSize(10, 64))
    tasks = make_plan(request_of("noisy", cases=[case], folds=None), tmp_path)
    assert sorted(number for task in tasks for number in numbers(task.test)) == list(range(8))
    assert (
        "10 images do not divide by 4 as the published folds must: the last 2 are left out" in capsys.readouterr().err
    )
    tasks = make_plan(request_of("noisy", cases=[case], folds=None, scheme="blocks"), tmp_path)
    assert sorted(number for task in tasks for number in numbers(task.test)) == list(range(10))


def test_fewer_images_than_folds_are_refused(request_of, tmp_path):
    case = find_case("phantom-film", None, None, PhantomSize(3, 64))
    with pytest.raises(InputError, match="case phantom-film: 3 images are fewer than the 4 folds"):
        make_plan(request_of("noisy", cases=[case]), tmp_path)


def test_noise_smaller_than_a_patch_is_refused(request_of, tmp_path):
    for kind, side in (("clean", 128), ("simulated", 128), ("noise", 40)):
        for number in range(4):
            write_array(tmp_path / "mine/a" / kind / f"x_{number}.tif", tissue((side, side), number))
    with pytest.raises(InputError, match=r"x_0.tif is 40×40 pixels, smaller than the patches of quan \(128\)"):
        make_plan(request_of("quan", cases=[find_case("a", tmp_path / "mine")]), tmp_path)


@pytest.mark.parametrize(
    ("names", "pairs", "expected"),
    [
        (["propsed"], [], "unknown method 'propsed': did you mean 'proposed'"),
        (["iscl", "iscl"], [], "method 'iscl' is given twice"),
        (["iscl"], ["width"], "--set width: write key=value or METHOD.key=value"),
        (["iscl"], ["dncnn.depth=5"], "'dncnn' is not among the methods"),
    ],
)
def test_wrong_methods_are_refused(names, pairs, expected):
    with pytest.raises(InputError, match=expected):
        entries_of(names, pairs)


def test_wrong_settings_and_folds_are_refused(request_of, made):
    with pytest.raises(InputError, match="method iscl: unknown setting 'widht': did you mean 'width'"):
        make_plan(request_of("iscl", entries=entries_of(["iscl"], ["widht=3"])), made)
    with pytest.raises(InputError, match="--folds 4: folds are numbered from 0 to 3"):
        make_plan(request_of("iscl", folds=(4,)), made)
    with pytest.raises(InputError, match="--steps and --seconds are two budgets"):
        Budget("quick", 5, 5.0)
    with pytest.raises(InputError, match="a budget of no steps or no time"):
        Budget("quick", 0)

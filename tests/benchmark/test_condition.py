from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pellucid.benchmark.condition import Condition, prepare_clean
from pellucid.benchmark.dataset_files import prepare
from pellucid.benchmark.datasets import PhantomSize, find_dataset
from pellucid.benchmark.folds import Fold
from pellucid.benchmark.method_spec import parse_methods
from pellucid.benchmark.plan import Benchmark, Budget, make_plan
from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.io.writing import write_array
from pellucid.simulation.phantom import tissue

PHANTOM = find_dataset("phantom-film", None, None, PhantomSize(8, 64))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return tmp_path_factory.mktemp("made")


def plan(condition, made, *methods):
    names = methods or ("iscl",)
    return make_plan(Benchmark(parse_methods(names), [PHANTOM], Budget("quick", steps=3), condition=condition), made)


def read(paths):
    return [plane.read() for plane in open_source(paths).planes]


def stems(paths):
    return [Path(path).stem for path in paths]


def test_a_row_says_how_its_training_images_differ(made):
    condition = Condition(Path("/data/liver/clean"), 0.7, 1.15, 5, 1)
    assert condition.label == "clean=liver clean-scale=0.7 clean-brightness=1.15 clean-images=5 noisy-images=1"
    assert Condition().label == ""
    (spec,) = plan(Condition(noisy_images=1), made)
    assert spec.run.condition == "noisy-images=1"
    assert str(spec.run) == "iscl, phantom-film noisy-images=1, fold 0, seed 0"


def test_test_images_and_noisy_ones_stay_whatever_is_clean(made):
    plain, changed = plan(Condition(), made) + plan(Condition(scale=0.7, brightness=0.5), made)
    assert (plain.test, plain.truth) == (changed.test, changed.truth)
    assert plain.sources["noisy"] == changed.sources["noisy"]
    assert stems(plain.sources["clean"]) == stems(changed.sources["clean"])
    assert plain.sources["clean"] != changed.sources["clean"]
    assert plain.fingerprint != changed.fingerprint
    assert plain.name != changed.name
    before, after = read(plain.sources["clean"]), read(changed.sources["clean"])
    assert [image.shape for image in after] == [(45, 45)] * len(before)
    for one, other in zip(before, after, strict=True):
        assert other.mean() == pytest.approx(0.5 * one.mean(), rel=0.05)


def test_larger_images_keep_their_structure_and_bright_ones_end_at_white(made):
    plain, large = plan(Condition(), made)[0], plan(Condition(scale=1.5), made)[0]
    before, after = read(plain.sources["clean"])[0], read(large.sources["clean"])[0]
    assert after.shape == (96, 96)
    assert np.corrcoef(after[::3, ::3].ravel()[:100], before[::2, ::2].ravel()[:100])[0, 1] > 0.5
    bright = read(plan(Condition(brightness=3.0), made)[0].sources["clean"])[0]
    np.testing.assert_array_equal(bright, np.minimum(before.astype(int) * 3, 255))


def test_another_specimen_replaces_the_clean_half_alone(made, tmp_path):
    for number in range(6):
        write_array(tmp_path / "liver/clean" / f"liver_{number}.tif", tissue((48, 48), number))
    unpaired, paired = plan(Condition(clean=tmp_path / "liver", clean_images=3), made, "iscl", "dncnn")
    assert unpaired.run.condition == "clean=liver clean-images=3"
    assert stems(unpaired.sources["clean"]) == ["liver_0", "liver_2", "liver_5"]
    assert all(name.startswith("tissue") for name in stems(paired.sources["pairs"]))
    assert len(paired.sources["pairs"]) == 6  # the pairs of the fold stay
    files = prepare(PHANTOM, made)
    write_array(tmp_path / "liver/clean/more.tif", tissue((48, 48), 9))
    with pytest.raises(InputError, match=r"was made from other sources or settings \(clean\)"):
        prepare_clean(Condition(clean=tmp_path / "liver"), files, made)


def test_the_truth_of_the_test_images_is_never_learned_from(tmp_path):
    for number in range(4):
        write_array(tmp_path / "mine/cells/clean" / f"{number}.tif", tissue((48, 48), number))
    files = prepare(find_dataset("cells-film", tmp_path / "mine"), tmp_path)
    with pytest.raises(InputError, match="has the clean images of the dataset itself"):
        prepare_clean(Condition(clean=tmp_path / "mine/cells"), files, tmp_path)


def test_fewer_images_are_evenly_spread(made):
    fold = Fold((0, 1), (2, 3, 4, 5, 6), (7, 8, 9))
    assert Condition(clean_images=3).training(fold) == Fold((0, 1), (2, 4, 6), (7, 8, 9))
    assert Condition(noisy_images=1).training(fold) == Fold((0, 1), (2, 3, 4, 5, 6), (7,))
    assert Condition(clean_images=50).training(fold) == fold
    (plain,), (one,) = plan(Condition(), made), plan(Condition(noisy_images=1), made)
    assert one.sources["noisy"] == plain.sources["noisy"][:1]
    assert one.fingerprint == plain.fingerprint  # the same files; the condition says how many


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"scale": 0}, "--clean-scale 0: give a number above 0"),
        ({"brightness": float("nan")}, "--clean-brightness nan"),
        ({"clean_images": 0}, "--clean-images 0"),
        ({"noisy_images": 0}, "--noisy-images 0: give at least 1"),
    ],
)
def test_impossible_conditions_are_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        Condition(**wrong)

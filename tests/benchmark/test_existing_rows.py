"""Rows that are taken over; rows that are not say why. The plans are real, the scores are invented."""

from __future__ import annotations

import pytest

from pellucid.benchmark.condition import Condition
from pellucid.benchmark.datasets import PhantomSize, find_dataset
from pellucid.benchmark.dry_run import show_dry_run
from pellucid.benchmark.existing_rows import take_over
from pellucid.benchmark.method_spec import MethodSpec, parse_methods
from pellucid.benchmark.plan import Benchmark, Budget, make_plan
from pellucid.benchmark.resources import Resources
from pellucid.benchmark.results import Result, ResultsFile

from .made import score

PHANTOM = find_dataset("phantom-film", None, None, PhantomSize(4, 64))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return tmp_path_factory.mktemp("made")


def plan(made, *methods, **changes):
    return make_plan(Benchmark(parse_methods(methods), [PHANTOM], Budget("quick", steps=3), **changes), made)


def row_of(spec, **changes):
    values = {"planned": spec.planned, "fingerprint": spec.fingerprint, "code": spec.code, "commit": "1234567890ab"}
    values |= {"status": "done", "scores": (score("a", 24.0, 0.6),), "started": "2026-11-23T10:00"}
    return Result(run=spec.run, **{**values, **changes})


def taken(specs, rows, folder):
    with ResultsFile(folder / "results.sqlite") as results:
        take_over(specs, rows, results)
        return list(results)


def test_a_row_of_the_same_run_settings_images_and_code_is_taken_over(made, tmp_path, capsys):
    (spec,) = plan(made, "iscl")
    (row,) = taken([spec], [row_of(spec)], tmp_path)
    assert (row.run, row.psnr) == (spec.run, 24.0)
    told = capsys.readouterr().err
    assert "iscl, phantom-film, fold 0, seed 0: taken over, of 2026-11-23, commit 123456789" in told
    assert taken([spec], [row_of(spec)], tmp_path) == [row]  # once


def test_a_default_that_is_given_again_is_the_same_setting(made, tmp_path):
    (spec,) = plan(made, "iscl")
    width = {"width": str(spec.recipe["width"])}
    (given,) = make_plan(Benchmark([MethodSpec("iscl", "iscl", width)], [PHANTOM], Budget("quick", steps=3)), made)
    (row,) = taken([given], [row_of(spec)], tmp_path)
    assert row.settings == width  # as the next call will ask for


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"planned": "x"}, "settings"),
        ({"fingerprint": "x"}, "images"),
        ({"code": "x"}, "code"),
        ({"planned": "x", "code": "x"}, "settings and code"),
    ],
)
def test_a_row_that_does_not_hold_is_told_and_left(changes, why, made, tmp_path, capsys):
    (spec,) = plan(made, "iscl")
    assert taken([spec], [row_of(spec, **changes)], tmp_path) == []
    assert f"is of other {why}, and not taken over" in capsys.readouterr().err.replace("\n", " ")


def test_rows_of_other_runs_are_no_matter(made, tmp_path, capsys):
    first, second = plan(made, "iscl", seeds=(0, 1))
    assert first.planned == second.planned
    assert taken([second], [row_of(first), row_of(first, status="failed")], tmp_path) == []
    assert capsys.readouterr().err == ""


def test_a_filter_s_row_holds_for_every_seed_budget_and_condition(made, tmp_path):
    (plain,) = plan(made, "gaussian")
    others = plan(made, "gaussian", "iscl", seeds=(3,), condition=Condition(scale=0.7))
    rows = taken(others, [row_of(plain)], tmp_path)
    assert [row.run for row in rows] == [others[0].run]
    assert rows[0].run.condition == "clean-scale=0.7"


def test_a_dry_run_does_not_count_runs_that_are_taken_over(made, tmp_path, capsys):
    benchmark = Benchmark(parse_methods(["gaussian", "noisy"]), [PHANTOM], Budget("quick", steps=3))
    rows = [row_of(spec) for spec in make_plan(benchmark, made) if spec.run.method == "gaussian"]
    show_dry_run(benchmark, made, Resources(), rows)
    shown = capsys.readouterr()
    assert "1 of 2 runs would be taken over" in shown.err
    assert "gaussian" not in shown.out

from __future__ import annotations

import math
import sqlite3

import pytest

from pellucid.benchmark.results import (
    CurvePoint,
    Result,
    ResultsFile,
    RunId,
    filters_everywhere,
    of_datasets,
    read_results,
    results_path,
)
from pellucid.errors import InputError

from .made import score

FIRST = RunId(method="dncnn", dataset="phantom-film", scheme="published", fold=0, seed=0, budget="paper")


def run(**changes):
    return FIRST.model_copy(update=changes)


def done(**changes):
    scores = (score("a.png", 27.5, 0.9), score("b.png", 26.5, 0.8))
    curve = (CurvePoint(10, 1.5, 20.0, 0.5),)
    more = {"scores": scores, "curve": curve, "images": ("images/x/a.tif",), "recipe": {"width": 8, "average": 0.5}}
    return Result(run=run(**changes), status="done", **more)


def test_a_row_comes_back_as_it_was(tmp_path):
    perfect = done(fold=1).model_copy(update={"scores": (score("a.png", math.inf, 1.0),)})
    with ResultsFile(tmp_path / "results.sqlite") as results:
        results.add(done())
        results.add(perfect)
        assert list(results) == [done(), perfect]
    assert done().psnr == 27.0
    assert done().ssim == pytest.approx(0.85)
    assert perfect.psnr == math.inf


def test_a_finished_run_is_never_written_twice(tmp_path):
    with ResultsFile(tmp_path / "results.sqlite") as results:
        results.add(done())
        for again in (done(), Result(run=run(), status="failed", message="x")):
            with pytest.raises(ValueError, match="has its row already"):
                results.add(again)
        assert list(results) == [done()]


def test_a_failed_run_gives_way(tmp_path):
    with ResultsFile(tmp_path / "results.sqlite") as results:
        results.add(Result(run=run(), status="failed", message="first"))
        results.add(Result(run=run(), status="failed", message="second"))
        assert [row.message for row in results] == ["second"]
        results.add(done())
        assert list(results) == [done()]


def test_runs_differ_by_each_part_of_their_key(tmp_path):
    others = {
        "method": "b",
        "dataset": "b",
        "condition": "b",
        "scheme": "blocks",
        "fold": 1,
        "seed": 1,
        "budget": "quick",
    }
    changes = [{}, *({key: value} for key, value in others.items())]
    with ResultsFile(tmp_path / "results.sqlite") as results:
        for change in changes:
            results.add(done(**change))
        assert len(list(results)) == len(changes)


def test_shards_and_folders_are_read_as_one(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    for path, row in (
        (results_path(first, (1, 2)), Result(run=run(), status="failed", message="x")),
        (results_path(first, (2, 2)), done(fold=1)),
        (results_path(second), done()),
    ):
        with ResultsFile(path) as results:
            results.add(row)
    assert sorted(path.name for path in first.iterdir()) == ["results-1of2.sqlite", "results-2of2.sqlite"]
    for folders in ((first, second), (second, first)):
        rows = read_results(*folders)
        assert [(row.run.fold, row.status) for row in rows] == [(0, "done"), (1, "done")]
        assert rows[0].images == (str(second / "images/x/a.tif"),)


def test_datasets_are_chosen_with_their_condition():
    rows = [done(), done(dataset="cells-film"), done(condition="clean-scale=0.7")]
    assert of_datasets(rows, ()) == rows
    assert of_datasets(rows, ["phantom-film"]) == rows[:1]
    assert of_datasets(rows, ["phantom-film clean-scale=0.7", "cells-film"]) == rows[1:]
    with pytest.raises(InputError, match="no results of dataset 'cell-film': did you mean 'cells-film'"):
        of_datasets(rows, ["cell-film"])


@pytest.mark.parametrize("version", [0, 2])
def test_a_file_of_another_version_is_refused(version, tmp_path):
    path = tmp_path / "results.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE results (method)")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.commit()
    connection.close()
    for use in (lambda: read_results(tmp_path), lambda: ResultsFile(path)):
        with pytest.raises(InputError, match=f"has version {version}, this Pellucid .* reads 3"):
            use()


def test_what_is_no_results_file_is_refused(tmp_path):
    (tmp_path / "results.sqlite").write_bytes(b"something else" * 100)
    with pytest.raises(InputError, match="is damaged or not a results file"):
        read_results(tmp_path)
    with pytest.raises(InputError, match="has no results"):
        read_results(tmp_path / "nowhere")


def test_a_row_cut_off_by_a_kill_is_not_there(tmp_path):
    """A copy of the files in the middle of a transaction is what a kill leaves: the journal brings the old state."""
    path = tmp_path / "results.sqlite"
    with ResultsFile(path) as results:
        results.add(done())
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA cache_size = 1")  # changed pages go to the file before the end
    connection.execute("BEGIN")
    rows = [(str(number), "{}" * 2000) for number in range(99)]
    connection.executemany("INSERT INTO results VALUES (?, 'x', '', 'x', 1, 1, 'x', 'done', 0, 0, ?)", rows)
    killed = tmp_path / "killed"
    killed.mkdir()
    for file in tmp_path.glob("results.sqlite*"):
        (killed / file.name).write_bytes(file.read_bytes())
    connection.rollback()
    connection.close()
    assert (killed / "results.sqlite-journal").exists()
    assert (killed / "results.sqlite").stat().st_size > 200_000
    assert [row.run for row in read_results(killed)] == [run()]


def test_filters_stand_beside_every_training_on_the_same_images():
    def filtered(**changes):
        return done(method="bm3d", **changes).model_copy(update={"supervision": "none"})

    fast, slow, changed = "quick seconds=60", "quick seconds=900", "clean-images=1"
    trained = [done(budget=fast), done(budget=slow, seed=1), done(budget=fast, condition=changed), done(fold=1)]
    filters = [filtered(budget="quick steps=5"), filtered(budget="paper"), filtered(dataset="phantom-line")]
    rows = filters_everywhere(trained + filters)
    assert rows[: len(trained)] == trained
    found = {(row.run.dataset, row.run.condition, row.run.fold, row.run.budget) for row in rows[len(trained) :]}
    assert found == {
        ("phantom-film", "", 0, fast),
        ("phantom-film", "", 0, slow),
        ("phantom-film", changed, 0, fast),
        ("phantom-film", "", 0, "paper"),
        ("phantom-line", "", 0, "paper"),
    }
    assert all(row.psnr == done().psnr for row in rows)
    assert filters_everywhere(rows) == rows

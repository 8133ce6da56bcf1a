from __future__ import annotations

import csv
import math

import pytest

from pellucid.benchmark.results import CurvePoint, ResultsFile
from pellucid.benchmark.run_records import read_all, read_records, write_records
from pellucid.benchmark.table import tables
from pellucid.errors import InputError

from .made import done, failed

RICH = done("iscl", [25.12345678, 26.0], [0.7, 0.8]).model_copy(
    update={
        "names": ("image-0", "image-1"),
        "settings": {"width": "16"},
        "recipe": {"name": "iscl", "method": "iscl", "width": 16, "average": None},
        "training_images": {"noisy": 3},
        "commit": None,
        "planned": "12ab",
        "code": "34cd",
        "machine": "Linux, 2 cores",
        "curve": (CurvePoint(100, 12.5, 21.5, 0.5), CurvePoint(200, 25.0, 23.25, 0.625)),
    }
)


def named(result):
    return result.model_copy(update={"names": tuple(score.name for score in result.scores)})


def test_a_file_of_runs_gives_the_same_table(tmp_path):
    results = [RICH, named(done("noisy", 19.0)), named(done("iscl", [24.0, math.inf], seed=1)), failed("dncnn")]
    write_records(results, tmp_path / "runs.csv")
    back = read_records(tmp_path / "runs.csv")
    assert [row.run for row in back] == [results[n].run for n in (0, 2, 1)]
    (whole,), (again,) = tables([each for each in results if each.status == "done"]), tables(back)
    assert [row.method for row in whole.rows] == [row.method for row in again.rows]
    for one, other in zip(whole.rows, again.rows, strict=True):
        for metric, value in one.scores["cells-charge"].values.items():
            assert other.scores["cells-charge"].values[metric].mean == pytest.approx(value.mean, rel=1e-5)


def test_everything_but_pictures_comes_back(tmp_path):
    write_records([RICH], tmp_path / "runs.csv")
    (back,) = read_records(tmp_path / "runs.csv")
    assert back.scores[0].psnr == 25.1235  # six digits are kept
    assert back.model_copy(update={"scores": RICH.scores}) == RICH


def test_a_file_from_before_curves_were_kept_is_read(tmp_path):
    path = tmp_path / "runs.csv"
    write_records([RICH], path)
    header, line = csv.reader(path.read_text().splitlines())
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header[:-1], line[:-1]])
    assert read_records(path)[0].curve == ()


def test_files_of_runs_and_folders_are_read_as_one(tmp_path):
    write_records([RICH], tmp_path / "runs.csv")
    with ResultsFile(tmp_path / "bench/results.sqlite") as results:
        results.add(failed("iscl"))
        results.add(done("proposed", 25.0))
    rows = read_all([tmp_path / "bench", tmp_path / "runs.csv"])
    assert [(row.run.method, row.status) for row in rows] == [("iscl", "done"), ("proposed", "done")]


def test_a_file_that_was_cut_off_is_refused(tmp_path):
    path = tmp_path / "runs.csv"
    write_records([RICH], path)
    text = path.read_text()
    path.write_text(text[: text.index("\n") + 20])
    with pytest.raises(InputError, match=r"runs.csv: is not a file of runs \(the row of .* is cut off\)"):
        read_all([path])
    path.write_text("")
    with pytest.raises(InputError, match=r"runs.csv: is not a file of runs \(no column"):
        read_all([path])


def test_what_is_no_file_of_runs_is_refused(tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("name,psnr\nISCL,25.0\n")
    with pytest.raises(InputError, match=r"table.csv: is not a file of runs .*no column"):
        read_records(table)
    with pytest.raises(InputError, match=r"nowhere.csv: cannot be read \(No such file"):
        read_records(tmp_path / "nowhere.csv")
    with pytest.raises(InputError, match="exists already"):
        write_records([RICH], table)

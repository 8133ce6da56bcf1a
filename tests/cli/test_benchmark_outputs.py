"""`pellucid benchmark table`, `figures` and `norms`: what a benchmark's folder is made into."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image as Picture

from pellucid.benchmark.image_score import ImageScore
from pellucid.benchmark.results import CurvePoint, Result, ResultsFile, RunId, results_path
from pellucid.io.writing import write_array

METHODS = {
    "noisy": ("none", 15.0),
    "dncnn": ("paired", 24.0),
    "iscl": ("unpaired", 20.0),
    "proposed": ("unpaired", 21.5),
}
NAMES = ("a", "b", "c")


def results_of(folder, dataset, fold, truth):
    random = np.random.default_rng(fold)
    for method, (supervision, psnr) in METHODS.items():
        images = []
        for name in NAMES:
            images.append(f"images/{dataset}_{method}_{fold}/{name}.tif")
            write_array(folder / images[-1], random.integers(0, 255, (48, 64)).astype(np.uint8))
        scores = [ImageScore(name, psnr + fold + i / 10, 0.5, 0.0, 1.0, 1.0) for i, name in enumerate(NAMES)]
        yield Result(
            run=RunId(method=method, dataset=dataset, scheme="published", fold=fold, seed=0, budget="quick steps=9"),
            status="done",
            scores=tuple(scores) if truth else (),
            title=method.upper(),
            supervision=supervision,
            steps=9 if supervision != "none" else 0,
            recipe={"name": method, "method": "iscl", "generator": "instance"} if supervision == "unpaired" else {},
            images=tuple(images),
            names=NAMES,
            curve=(CurvePoint(4, 1.0, psnr - 2, 0.4), CurvePoint(9, 2.0, psnr, 0.5)) if truth else (),
        )


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """The folder of a finished benchmark: two folds with truth, and real noise without."""
    folder = tmp_path_factory.mktemp("bench")
    random = np.random.default_rng(0)
    for dataset in ("cells-film", "sem"):
        for kind in ("clean", "noisy"):
            for name in NAMES:
                image = random.integers(0, 255, (48, 64)).astype(np.uint8)
                write_array(folder / "datasets" / dataset / kind / f"{name}.tif", image)
    with ResultsFile(results_path(folder)) as results:
        for dataset, fold in (("cells-film", 0), ("cells-film", 1), ("sem", 0)):
            for result in results_of(folder, dataset, fold, truth=dataset != "sem"):
                results.add(result)
    return folder


def test_the_table_is_shown_and_written_in_every_format(bench, tmp_path, command, refused):
    paths = [tmp_path / f"table{extension}" for extension in (".md", ".tex", ".html", ".csv")]
    result = command("benchmark", "table", bench, "--out", *paths)
    assert result.status == 0, result.err
    lines = {cells[2].strip(): cells for line in result.out.splitlines() if len(cells := line.split("│")) > 3}
    assert lines["proposed"][3].strip() == "22.10 ± 0.71 ★"
    assert lines["iscl"][3].strip() == "20.60 ± 0.71 ☆"
    assert "The truth of sem is not known" in result.out
    assert "**22.10 ± 0.71**" in paths[0].read_text()
    assert r"\textbf{22.10 $\pm$ 0.71}" in paths[1].read_text()
    assert "<strong>22.10 ± 0.71</strong>" in paths[2].read_text()
    rows = {row["method"]: row for row in csv.DictReader(paths[3].read_text().splitlines())}
    assert float(rows["proposed"]["psnr"]) == pytest.approx(22.1)
    before = paths[0].read_bytes()
    assert "table.md: exists already" in refused("benchmark", "table", bench, "--out", paths[0])
    assert paths[0].read_bytes() == before
    assert command("benchmark", "table", bench, "--out", *paths, "--overwrite").status == 0


def test_two_methods_are_compared(bench, tmp_path, command, refused):
    path = tmp_path / "difference.csv"
    result = command("benchmark", "table", bench, "--compare", "proposed", "iscl", "--out", path)
    assert result.status == 0, result.err
    assert "proposed against iscl" in result.out
    (row,) = csv.DictReader(path.read_text().splitlines())
    assert (row["dataset"], row["images"], row["runs"]) == ("cells-film", "6", "2")
    assert [float(row[name]) for name in ("psnr", "psnr_low", "psnr_high")] == pytest.approx([1.5, 1.5, 1.5])
    line = refused("benchmark", "table", bench, "--compare", "propsed", "iscl")
    assert "no scores of 'propsed': did you mean 'proposed'" in line


def test_an_overview_has_a_row_for_each_dataset(bench, tmp_path, command, refused):
    path = tmp_path / "overview.csv"
    result = command("benchmark", "table", bench, "--overview", "proposed", "iscl", "--out", path)
    assert result.status == 0, result.err
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [(row["dataset"], row["method"]) for row in rows] == [("cells-film", "proposed"), ("cells-film", "iscl")]
    assert "no results of 'propsed': did you mean 'proposed'" in refused(
        "benchmark", "table", bench, "--overview", "propsed"
    )


def test_a_ranking_says_what_another_seed_would_turn(bench, command):
    result = command("benchmark", "table", bench, "--ranking")
    assert result.status == 0, result.err
    assert "another seed turns it" in result.out


def test_the_first_method_is_compared_with_each_other_one(bench, command, refused):
    result = command("benchmark", "table", bench, "--compare", "proposed", "iscl", "dncnn")
    assert result.status == 0, result.err
    assert "proposed against iscl" in result.out
    assert "proposed against dncnn" in result.out
    assert "name two methods" in refused("benchmark", "table", bench, "--compare", "proposed")


def test_norms_have_columns_of_their_own(bench, command):
    result = command("benchmark", "table", bench, "--norms")
    assert result.status == 0, result.err
    rows = [[cell.strip() for cell in line.split("│")[1:3]] for line in result.out.splitlines() if "│" in line]
    assert ["Proposed", "instance"] in rows
    assert not any("DnCNN" in row for row in rows)


def test_figures_of_every_dataset(bench, tmp_path, command, refused):
    arguments = ("benchmark", "figures", bench, "--out", tmp_path / "figures")
    result = command(*arguments)
    assert result.status == 0, result.err
    names = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert names == [
        "cells-film_crops.png", "cells-film_errors.png", "cells-film_quality.png",
        "sem_crops.png", "sem_differences.png",
    ]  # fmt: skip
    assert all(name in result.err for name in names)
    for name in names:
        assert len(np.unique(np.asarray(Picture.open(tmp_path / "figures" / name)))) > 20
    assert "cells-film_crops.png: exists already" in refused(*arguments)
    chosen = command(
        *arguments, "--overwrite", "--datasets", "cells-film", "--baseline", "iscl", "--methods", "iscl", "dncnn"
    )
    assert chosen.status == 0, chosen.err
    assert (tmp_path / "figures" / "cells-film_differences.png").exists()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--crop", "1,2"], "--crop 1,2: write top,left,side in pixels"),
        (["--crop", "0,0,500"], "crop 0,0,500 (y,x,side) is not inside"),
        (["--methods", "iscll"], "no images of 'iscll': did you mean 'iscl'"),
        (["--datasets", "cells"], "no results of dataset 'cells'"),
        (["--baseline", "isc", "--datasets", "sem"], "--baseline isc: did you mean 'iscl'"),
    ],
)
def test_figures_that_cannot_be_made_are_one_line(options, expected, bench, tmp_path, refused):
    assert expected in refused("benchmark", "figures", bench, "--out", tmp_path / "figures", *options)
    assert not (tmp_path / "figures").exists()


def test_a_folder_without_results_is_one_line(tmp_path, refused):
    for arguments in (["table", tmp_path], ["figures", tmp_path, "--out", tmp_path / "f"]):
        assert "has no results" in refused("benchmark", *arguments)


def test_norms_asks_for_every_variant_with_its_options(tmp_path, command, refused, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "pellucid.benchmark.runner.run_benchmark", lambda benchmark, out, *_: asked.append((benchmark, out))
    )
    options = ["--set", "width=4", "--steps", 7, "--folds", 1, 2, "--datasets", "phantom-charge", "--images", 4]
    assert command("benchmark", "norms", *options, "--out", tmp_path / "b").status == 0
    ((benchmark, out),) = asked
    assert out == tmp_path / "b"
    assert len({method.name for method in benchmark.methods}) == 13
    assert all(method.settings["width"] == "4" for method in benchmark.methods)
    assert (benchmark.budget.label, benchmark.folds, benchmark.datasets[0].phantom.images) == (
        "quick steps=7",
        [1, 2],
        4,
    )
    assert "this command varies the norms" in refused("benchmark", "norms", "--set", "generator=group", "--out", out)


@pytest.mark.slow
def test_a_benchmark_of_norms_becomes_a_table(tmp_path, command):
    small = ["--images", 4, "--size", 64, "--steps", 2, "--set", "width=4", "batch=8"]
    assert command("benchmark", "norms", *small, "--out", tmp_path / "b", "--processes", 2).status == 0
    path = tmp_path / "norms.csv"
    assert command("benchmark", "table", tmp_path / "b", "--norms", "--out", path).status == 0
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert len({(row["F, G"], row["D"], row["H"]) for row in rows}) == 13
    assert all(json.loads(row["psnr"]) > 5 for row in rows)

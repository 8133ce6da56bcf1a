from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image as Picture
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import pellucid
from pellucid.io.writing import write_array


def expected(pictures, number):
    truth, noisy = (np.asarray(Picture.open(pictures / kind / f"b{number}.png")) for kind in ("truth", "noisy"))
    psnr = peak_signal_noise_ratio(truth, noisy, data_range=255)
    return psnr, structural_similarity(truth, noisy, data_range=255)


def test_the_table_has_the_numbers_of_scikit_image_and_the_data_range(pictures, command):
    result = command("evaluate", pictures / "noisy", pictures / "truth")
    assert result.status == 0, result.err
    assert "prediction, data range 255" in result.out.splitlines()
    rows = [[cell.strip() for cell in line.split("│")[1:4]] for line in result.out.splitlines() if line.startswith("│")]
    assert [row[0] for row in rows] == ["b0.png", "b1.png", "b2.png", "mean"]
    numbers = [expected(pictures, number) for number in range(3)]
    for row, (psnr, ssim) in zip(rows, [*numbers, np.mean(numbers, axis=0)], strict=True):
        assert row[1:] == [f"{psnr:.2f}", f"{ssim:.4f}"]


def test_how_far_it_is_goes_to_standard_error(pictures, command, tmp_path):
    given = ("evaluate", pictures / "noisy", pictures / "truth", "--baseline", pictures / "noisy")
    result = command(*given, "--maps", tmp_path / "maps")
    for work, times in (("evaluating prediction", 1), ("evaluating baseline", 1), ("drawing maps", 2)):
        assert result.err.count(f"{work} 3/3 (100%)") == times
        assert work not in result.out


def test_json_is_one_document(pictures, command):
    alone = json.loads(command("evaluate", pictures / "noisy", pictures / "truth", "--json").out)
    assert alone["data_range"] == 255
    for number, row in enumerate(alone["images"]):
        assert (row["psnr"], row["ssim"]) == pytest.approx(expected(pictures, number), rel=1e-9)
    both = command("evaluate", pictures / "truth", pictures / "truth", "--baseline", pictures / "noisy", "--json")
    documents = json.loads(both.out)
    assert set(documents) == {"prediction", "baseline"}
    assert documents["baseline"] == alone
    assert documents["prediction"]["mean"] == {"name": "mean", "psnr": None, "ssim": 1.0}


def test_csv_is_written_and_not_replaced_unasked(pictures, tmp_path, command, refused):
    path = tmp_path / "scores.csv"
    arguments = ("evaluate", pictures / "noisy", pictures / "truth", "--csv", path)
    assert command(*arguments).status == 0
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [row["name"] for row in rows] == ["b0.png", "b1.png", "b2.png", "mean"]
    assert {row["data_range"] for row in rows} == {"255.0"}
    assert float(rows[1]["psnr"]) == pytest.approx(expected(pictures, 1)[0])
    before = path.read_bytes()
    assert "scores.csv: exists already" in refused(*arguments)
    assert path.read_bytes() == before
    assert command(*arguments, "--overwrite").status == 0


def test_maps_are_pictures(pictures, tmp_path, command, refused):
    arguments = ("evaluate", pictures / "noisy", pictures / "truth", "--baseline", pictures / "clean")
    result = command(*arguments, "--maps", tmp_path / "maps")
    assert result.status == 0, result.err
    assert f"pictures are in {tmp_path / 'maps'}" in result.err
    names = sorted(path.name for path in (tmp_path / "maps").iterdir())
    assert names == sorted(f"{n:03d}_b{n}_{what}.png" for n in range(3) for what in ("error", "difference"))
    for name in names:
        assert len(np.unique(np.asarray(Picture.open(tmp_path / "maps" / name)))) > 100
    assert "exists already" in refused(*arguments, "--maps", tmp_path / "maps", "--csv", tmp_path / "scores.csv")
    assert not (tmp_path / "scores.csv").exists()  # all targets are checked before any is written


def test_floats_need_a_data_range(pictures, tmp_path, command, refused):
    for kind in ("noisy", "truth"):
        image = np.asarray(Picture.open(pictures / kind / "b0.png")) / np.float32(255)
        write_array(tmp_path / f"{kind}.tif", image)
    arguments = ("evaluate", tmp_path / "noisy.tif", tmp_path / "truth.tif")
    assert "the data range of float32 images is not known" in refused(*arguments)
    result = command(*arguments, "--data-range", 1, "--json")
    assert json.loads(result.out)["mean"]["psnr"] == pytest.approx(expected(pictures, 0)[0], rel=1e-5)


def test_counts_and_shapes_that_differ_are_one_line(pictures, tmp_path, refused):
    line = refused("evaluate", pictures / "noisy" / "b0.png", pictures / "truth")
    assert "1 prediction but 3 references:" in line
    write_array(tmp_path / "b0.png", np.zeros((96, 90), np.uint8))
    line = refused("evaluate", tmp_path / "b0.png", pictures / "truth" / "b0.png")
    assert "b0.png: " in line
    assert "shape" in line


def test_values_on_another_scale_than_the_truth_are_told(pictures, tmp_path, command, capsys):
    truth = np.asarray(Picture.open(pictures / "truth" / "b0.png"))
    write_array(tmp_path / "unit.tif", (truth / 255).astype(np.float32))
    result = command("evaluate", tmp_path / "unit.tif", pictures / "truth" / "b0.png")
    assert result.status == 0
    told = [line for line in result.err.splitlines() if line.startswith("warning: ")]
    assert len(told) == 1
    assert told[0].startswith("warning: prediction: values of float32 from 0.")
    pellucid.evaluate(truth / 255, truth)
    assert "warning: prediction: values of float64 from 0." in capsys.readouterr().err
    assert "warning" not in command("evaluate", pictures / "noisy", pictures / "truth").err

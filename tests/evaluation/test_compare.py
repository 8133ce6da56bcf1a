from __future__ import annotations

import csv
import json
import math
from dataclasses import dataclass

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile

from pellucid.errors import InputError
from pellucid.evaluation import Evaluation, Score, data_range_of, evaluate_planes, evaluate_sources, psnr, ssim
from pellucid.evaluation.compare import match_planes


def make_pairs(count: int = 3):
    rng = np.random.default_rng(7)
    for index in range(count):
        reference = rng.integers(0, 256, (16, 20), dtype=np.uint8)
        yield f"slice {index}", np.clip(reference + rng.normal(0, 10 + index, reference.shape), 0, 255), reference


def test_rows_are_the_metrics_of_each_pair_and_their_mean():
    found = evaluate_planes(make_pairs(), 255)
    assert [row.name for row in found.rows] == ["slice 0", "slice 1", "slice 2"]
    for row, (_, prediction, reference) in zip(found.rows, make_pairs(), strict=True):
        assert (row.psnr, row.ssim) == (psnr(prediction, reference, 255), ssim(prediction, reference, 255))
    assert found.mean.psnr == pytest.approx(np.mean([row.psnr for row in found.rows]))
    assert found.mean.ssim == pytest.approx(np.mean([row.ssim for row in found.rows]))
    assert found.data_range == 255


def test_json_carries_the_data_range_and_stays_valid_for_identical_images():
    found = Evaluation((Score("a", 20.0, 0.5), Score("b", math.inf, 1.0)), 255.0)

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    parsed = json.loads(found.to_json(), parse_constant=refuse)
    assert parsed["data_range"] == 255
    assert parsed["images"] == [{"name": "a", "psnr": 20, "ssim": 0.5}, {"name": "b", "psnr": None, "ssim": 1}]
    assert parsed["mean"] == {"name": "mean", "psnr": None, "ssim": 0.75}


def test_csv_reads_back_exactly(tmp_path):
    found = evaluate_planes(make_pairs(), 255)
    found.to_csv(tmp_path / "scores.csv")
    with (tmp_path / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["slice 0", "slice 1", "slice 2", "mean"]
    assert [float(row["psnr"]) for row in rows] == [*(row.psnr for row in found.rows), found.mean.psnr]
    assert {row["data_range"] for row in rows} == {"255.0"}
    assert [file.name for file in tmp_path.iterdir()] == ["scores.csv"]


def test_csv_is_not_overwritten_unasked(tmp_path):
    target = tmp_path / "scores.csv"
    target.write_text("precious")
    found = evaluate_planes(make_pairs(1), 255)
    with pytest.raises(InputError, match="exists already"):
        found.to_csv(target)
    assert target.read_text() == "precious"
    found.to_csv(target, overwrite=True)
    assert target.read_text().startswith("name,psnr,ssim,data_range\n")


def test_table_has_the_mean_last():
    table = Evaluation((Score("a", 20.123, 0.51239), Score("b", math.inf, 1.0)), 255.0).table()
    assert table == [("a", "20.12", "0.5124"), ("b", "inf", "1.0000"), ("mean", "inf", "0.7562")]


def test_an_error_names_the_image():
    with pytest.raises(InputError, match=r"^odd one: .*\(9, 8\).*\(8, 9\)"):
        evaluate_planes([("odd one", np.zeros((9, 8)), np.zeros((8, 9)))], 1)


def test_nothing_to_evaluate_is_an_error():
    with pytest.raises(InputError, match="no images"):
        evaluate_planes([], 255)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("uint8", 255), ("int8", 255), ("uint16", 65535), ("int16", 65535), (">u2", 65535), ("uint32", 2**32 - 1)],
)
def test_data_range_of_integers(dtype, expected):
    assert data_range_of(dtype) == expected


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "bool"])
def test_data_range_of_floats_must_be_given(dtype):
    with pytest.raises(InputError, match=f"data range of {dtype} .*give it"):
        data_range_of(dtype)


@dataclass(frozen=True)
class NamedPlane:
    name: str
    dtype: str = "uint8"

    def read(self):
        return np.zeros((8, 8), self.dtype)


def matched_names(predicted: list[str], true: list[str]) -> list[tuple[str, str]]:
    planes = match_planes([NamedPlane(name) for name in predicted], [NamedPlane(name) for name in true])
    return [(prediction.name, reference.name) for prediction, reference in planes]


def test_planes_of_the_same_names_are_matched_by_name():
    assert matched_names(["b.png", "a.png"], ["a.tif", "b.tif"]) == [("b.png", "b.tif"), ("a.png", "a.tif")]


def test_planes_that_share_no_name_are_matched_by_order():
    assert matched_names(["x1.tif", "x2.tif"], ["b.tif", "a.tif"]) == [("x1.tif", "b.tif"), ("x2.tif", "a.tif")]


@pytest.mark.parametrize("inside", ["a.h5:/raw", "a.raw:2x8x8xuint8", "a.dm4:1"])
def test_folders_extensions_and_paths_inside_a_file_do_not_hinder_a_match(inside):
    predicted, true = ["out/a.ome.tif[1]", "out/a.ome.tif[0]"], [f"in/x/{inside}[0]", f"in/x/{inside}[1]"]
    assert matched_names(predicted, true) == [(predicted[0], true[1]), (predicted[1], true[0])]


def test_names_used_twice_are_matched_by_order():
    assert matched_names(["x/a.tif", "y/a.tif"], ["y/a.tif", "z/b.tif"]) == [
        ("x/a.tif", "y/a.tif"),
        ("y/a.tif", "z/b.tif"),
    ]


def test_a_partner_missing_among_equal_names_is_an_error():
    with pytest.raises(InputError, match=r"prediction c\.tif has no reference"):
        matched_names(["a.tif", "c.tif"], ["a.tif", "b.tif"])


def test_counts_that_differ_are_an_error():
    with pytest.raises(InputError, match="1 prediction but 2 references"):
        matched_names(["a.tif"], ["a.tif", "b.tif"])


def write_folders(tmp_path, dtype="uint8", count: int = 3):
    """Predictions as PNG and references as TIFF of the same names; and what their scores must be."""
    for folder in ("predicted", "true"):
        (tmp_path / folder).mkdir()
    pairs = [(name, np.rint(prediction).astype(dtype), reference) for name, prediction, reference in make_pairs(count)]
    for name, prediction, reference in pairs:
        iio.imwrite(tmp_path / "predicted" / f"{name}.png", prediction)
        tifffile.imwrite(tmp_path / "true" / f"{name}.tif", reference.astype(dtype))
    return tmp_path / "predicted", tmp_path / "true", pairs


def test_folders_are_scored_file_by_file(tmp_path):
    predicted, true, pairs = write_folders(tmp_path)
    found = evaluate_sources(predicted, true)
    assert found.data_range == 255
    assert [row.name for row in found.rows] == ["slice 0.png", "slice 1.png", "slice 2.png"]
    assert [(row.psnr, row.ssim) for row in found.rows] == [(psnr(p, t, 255), ssim(p, t, 255)) for _, p, t in pairs]


def test_the_data_range_follows_from_the_dtype_of_the_reference_unless_given(tmp_path):
    predicted, true, pairs = write_folders(tmp_path, "uint16", 1)
    _, prediction, reference = pairs[0]
    assert evaluate_sources(predicted, true).rows[0].psnr == psnr(prediction, reference, 65535)
    assert evaluate_sources(predicted, true, 255).rows[0].psnr == psnr(prediction, reference, 255)


def test_integers_of_another_type_than_the_reference_need_a_data_range():
    eight, sixteen = np.full((16, 16), 100, np.uint8), np.full((16, 16), 25600, np.uint16)
    with pytest.raises(InputError, match="is uint8, but the reference uint16: convert one"):
        evaluate_sources(eight, sixteen)
    with pytest.raises(InputError, match=r"^baseline .*: is uint8, .* give the data range \(--data-range\)"):
        evaluate_sources(eight, sixteen, word="baseline")
    assert evaluate_sources(eight, eight.astype(np.uint16), 255).mean.psnr == math.inf


def test_a_stack_is_scored_plane_by_plane(tmp_path):
    pairs = list(make_pairs())
    tifffile.imwrite(
        tmp_path / "p.tif", np.float32([prediction for _, prediction, _ in pairs]), photometric="minisblack"
    )
    tifffile.imwrite(tmp_path / "t.tif", np.stack([reference for _, _, reference in pairs]), photometric="minisblack")
    found = evaluate_sources(tmp_path / "p.tif", tmp_path / "t.tif")
    assert [row.name for row in found.rows] == ["p.tif[0]", "p.tif[1]", "p.tif[2]"]
    expected = [psnr(np.float32(prediction), reference, 255) for _, prediction, reference in pairs]
    assert [row.psnr for row in found.rows] == expected


def test_float_references_need_a_data_range():
    images = [np.zeros((16, 16), np.float32)]
    with pytest.raises(InputError, match="data range of float32"):
        evaluate_sources(images, images)
    assert evaluate_sources(images, images, 1).mean.psnr == math.inf


def test_sources_of_different_counts_are_refused(tmp_path):
    predicted, true, _ = write_folders(tmp_path)
    (predicted / "slice 1.png").unlink()
    with pytest.raises(InputError, match="2 predictions but 3 references"):
        evaluate_sources(predicted, true)


def test_sources_of_different_sizes_name_the_image():
    with pytest.raises(InputError, match=r"array 0: .*\(16, 20\).*\(20, 16\)"):
        evaluate_sources([np.zeros((16, 20), np.uint8)], [np.zeros((20, 16), np.uint8)])

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Picture

from pellucid.benchmark.crops import Crop, ImageCrops, centre, select_crops
from pellucid.benchmark.figures import crops_figure, errors_figure
from pellucid.benchmark.quality_curves import mean_curve, quality_figure
from pellucid.benchmark.results import CurvePoint
from pellucid.errors import InputError
from pellucid.io.writing import write_array
from pellucid.report.colormap import colour_table
from pellucid.report.grid import GridGeometry

from .made import done

SIDE = 176


def crops_of(**errors):
    """A truth, and images that are off by so much everywhere."""
    truth = np.random.default_rng(0).integers(60, 180, (SIDE, SIDE)).astype(np.uint8)
    images = {name: (truth + error).astype(np.uint8) for name, error in {"noisy": 60, **errors}.items()}
    return ImageCrops("cell", images, truth)


def cell(path, grid, row, column):
    """The pixels of one cell of a grid."""
    with Picture.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    top, left = grid.origin(row, column)
    return pixels[top : top + grid.cell[0], left : left + grid.cell[1]]


def heat_level(pixels):
    """Where the colour of a cell of one colour stands in the colour map, from 0 to 255."""
    (colour,) = np.unique(pixels.reshape(-1, 3), axis=0)
    return int(np.abs(colour_table().astype(int) - colour).sum(axis=1).argmin())


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 300))
def test_the_centre_is_inside_and_in_the_middle(height, width, side):
    crop = centre((height, width), side)
    image = np.arange(height * width).reshape(height, width)
    part = crop.of(image, "a")
    assert part.shape == (min(side, height, width),) * 2
    for start, whole in ((crop.y, height), (crop.x, width)):
        assert abs(start - (whole - crop.side - start)) <= 1


@pytest.mark.parametrize("crop", [Crop(-1, 0, 5), Crop(0, 6, 5), Crop(6, 0, 5), Crop(0, 0, 0), Crop(0, 0, 11)])
def test_a_crop_outside_is_told(crop):
    with pytest.raises(InputError, match=r"is not inside cells, which has 10×10 pixels"):
        crop.of(np.zeros((10, 10)), "cells")


def test_crops_stand_pixel_for_pixel_from_noisy_to_truth(tmp_path):
    shown = crops_of(iscl=10)
    crops_figure([shown, shown], tmp_path / "a.png", "heading")
    grid = GridGeometry(2, 3, (SIDE, SIDE), heading=True)
    low, high = np.percentile(shown.truth, [0.5, 99.5])
    for row in range(2):
        for column, image in enumerate((shown.images["noisy"], shown.images["iscl"], shown.truth)):
            expected = np.rint(np.clip((image - low) * 255 / (high - low), 0, 255))
            assert np.array_equal(cell(tmp_path / "a.png", grid, row, column)[..., 0], expected)


def test_heat_is_the_error_on_one_scale_for_all_places(tmp_path):
    errors_figure(
        [crops_of(iscl=10, proposed=5), crops_of(iscl=20, proposed=15)], "truth", tmp_path / "a.png", "heading"
    )
    grid = GridGeometry(4, 4, (SIDE, SIDE), heading=True, captions=True, bar=True)
    levels = [[heat_level(cell(tmp_path / "a.png", grid, row, column)) for column in (1, 2)] for row in (1, 3)]
    assert levels == [[128, 64], [255, 191]]  # of a scale that ends at 20, the greatest error of a method
    assert heat_level(cell(tmp_path / "a.png", grid, 1, 0)) == 255  # the noisy image lies beyond
    assert cell(tmp_path / "a.png", grid, 1, 3).min() > 250  # the truth has no error to show


def test_without_truth_a_method_is_the_baseline(tmp_path):
    shown = crops_of(iscl=10, proposed=5)
    errors_figure([ImageCrops(shown.name, shown.images)], "iscl", tmp_path / "a.png", "heading")
    grid = GridGeometry(2, 3, (SIDE, SIDE), heading=True, captions=True, bar=True)
    assert heat_level(cell(tmp_path / "a.png", grid, 1, 2)) == 255
    assert cell(tmp_path / "a.png", grid, 1, 1).min() > 250
    with pytest.raises(InputError, match="no image can be compared with 'truth': the figure has noisy, iscl, proposed"):
        errors_figure([ImageCrops(shown.name, shown.images)], "truth", tmp_path / "b.png", "heading")


def test_curves_are_averaged_where_all_have_a_point():
    first = (CurvePoint(10, 1.0, 20.0, 0.5), CurvePoint(20, 2.0, 22.0, 0.6))
    second = (CurvePoint(20, 4.0, 24.0, 0.8), CurvePoint(30, 6.0, 25.0, 0.9))
    assert mean_curve([first, second]) == [CurvePoint(20, 3.0, 23.0, pytest.approx(0.7))]
    assert mean_curve([first]) == list(first)


def test_quality_needs_a_curve_and_is_drawn_from_it(tmp_path):
    with pytest.raises(InputError, match="--curve-every"):
        quality_figure([done("iscl", 20.0)], tmp_path / "a.svg", "t")
    points = tuple(CurvePoint(step, step / 10, 18 + step / 100, 0.5) for step in (100, 200, 300))
    results = [done("iscl", 20.0, fold=fold).model_copy(update={"curve": points}) for fold in range(2)]
    quality_figure([*results, done("noisy", 17.5)], tmp_path / "a.svg", "a heading")
    quality_figure([*results, done("noisy", 17.5)], tmp_path / "a.png", "a heading")
    assert (tmp_path / "a.svg").stat().st_size > 5000
    with Picture.open(tmp_path / "a.png") as picture:
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1 << 20)}
    assert (0x3F, 0x7F, 0xC4) in colours


@pytest.fixture
def bench(tmp_path):
    """A folder with two datasets, one without truth, and the results of three methods on them."""
    random = np.random.default_rng(1)
    results = []
    for dataset, methods in (("cells-film", ("iscl", "proposed", "dncnn")), ("sem", ("proposed", "iscl"))):
        names = ["a", "b", "c"]
        for kind in ("clean", "noisy"):
            for name in names:
                write_array(
                    tmp_path / "datasets" / dataset / kind / f"{name}.tif",
                    random.integers(0, 255, (60, 80)).astype(np.uint8),
                )
        for number, method in enumerate(methods):
            paths = []
            for name in names:
                paths.append(str(tmp_path / "images" / dataset / method / f"{name}.tif"))
                write_array(paths[-1], np.full((60, 80), 40 * number, np.uint8))
            result = done(method, [20.0] * 3, dataset=dataset)
            scores = result.scores if dataset == "cells-film" else ()
            results.append(result.model_copy(update={"images": tuple(paths), "names": tuple(names), "scores": scores}))
    return tmp_path, results


def test_crops_of_each_dataset_are_the_windows_of_the_first_images(bench):
    folder, results = bench
    first, second = select_crops(results, folder, images=2)
    assert [each.name for each in first.crops] == ["a", "b"]
    assert list(first.crops[0].columns) == ["noisy", "dncnn", "iscl", "proposed", "truth"]
    assert {image.shape for image in first.crops[0].columns.values()} == {(60, 60)}
    assert np.unique(first.crops[0].images["dncnn"]).tolist() == [80]
    assert list(second.crops[0].columns) == ["noisy", "iscl", "proposed"]
    assert first.heading == "cells-film, fold 0, seed 0, quick steps=200: a, b"


def test_methods_and_window_are_chosen(bench):
    folder, results = bench
    first, second = select_crops(results, folder, ["proposed", "dncnn"], 9, Crop(10, 20, 32))
    assert list(first.crops[0].images) == ["noisy", "proposed", "dncnn"]
    assert len(first.crops) == 3
    assert first.crops[0].truth.shape == (32, 32)
    assert list(second.crops[0].images) == ["noisy", "proposed"]  # dncnn has nothing to learn from there


def test_what_cannot_be_shown_is_told(bench):
    folder, results = bench
    with pytest.raises(InputError, match="no images of 'propose': did you mean 'proposed'"):
        list(select_crops(results, folder, ["propose"]))
    with pytest.raises(InputError, match="no images of 'iscl': no run is finished yet"):
        list(select_crops([], folder, ["iscl"]))
    apart = [results[0], results[1].model_copy(update={"run": results[1].run.model_copy(update={"fold": 3})})]
    with pytest.raises(InputError, match="iscl, proposed have no fold, seed and budget in common"):
        list(select_crops(apart, folder))


def test_the_least_fold_and_seed_that_all_have_is_shown(bench):
    folder, results = bench
    later = [
        result.model_copy(update={"run": result.run.model_copy(update={"fold": fold, "seed": 1})})
        for result in results[:2]
        for fold in (2, 1)
    ]
    (selection,) = select_crops([*later, results[0]], folder)
    assert selection.key == ("published", "quick steps=200", 1, 1)

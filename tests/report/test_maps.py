from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as Picture

from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.io.writing import write_array
from pellucid.report.maps import write_difference_maps, write_error_maps


@pytest.fixture
def sources(tmp_path):
    """A truth and two predictions of it: one exact but for a bright square, one wrong everywhere."""
    random = np.random.default_rng(0)
    for number in range(2):
        truth = random.integers(50, 150, (64, 176)).astype(np.uint8)
        near = truth.copy()
        near[20:30, 40:60] += 80
        write_array(tmp_path / "truth" / f"cell.{number}.tif", truth)
        write_array(tmp_path / "near" / f"cell.{number}.tif", near)
        write_array(tmp_path / "far" / f"cell.{number}.tif", truth[::-1].copy())
    opened = {name: open_source(str(tmp_path / name)) for name in ("near", "far")}
    return opened, open_source(str(tmp_path / "truth"))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def coloured(path):
    """Where a picture is not grey."""
    with Picture.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    return np.ptp(pixels, axis=2) > 8


def test_one_error_map_an_image(sources, tmp_path):
    predictions, truth = sources
    write_error_maps(predictions, truth, tmp_path / "maps")
    assert names(tmp_path / "maps") == ["000_cell_error.png", "001_cell_error.png"]


def test_the_heat_lies_where_the_error_is(sources, tmp_path):
    predictions, truth = sources
    write_error_maps({"near": predictions["near"]}, truth, tmp_path / "one")
    write_error_maps({"far": predictions["far"]}, truth, tmp_path / "two")
    near, far = (coloured(tmp_path / folder / "000_cell_error.png").sum() for folder in ("one", "two"))
    assert 150 < near < far / 3


def test_one_difference_map_an_image(sources, tmp_path):
    predictions, truth = sources
    write_difference_maps(predictions, truth, tmp_path / "maps")
    assert names(tmp_path / "maps") == ["000_cell_difference.png", "001_cell_difference.png"]
    assert coloured(tmp_path / "maps" / "000_cell_difference.png").sum() > 1000


def test_planes_of_a_stack_have_a_picture_each(tmp_path):
    stack = np.random.default_rng(0).normal(size=(3, 40, 40)).astype(np.float32)  # floats: shown in their own range
    write_array(tmp_path / "a.tif", stack, axes="ZYX")
    write_array(tmp_path / "b.tif", stack + 1, axes="ZYX")
    write_error_maps(
        {"a": open_source(str(tmp_path / "b.tif"))}, open_source(str(tmp_path / "a.tif")), tmp_path / "maps"
    )
    assert names(tmp_path / "maps") == [f"{number:03d}_a_error.png" for number in range(3)]


def test_pictures_are_not_replaced_unasked(sources, tmp_path):
    predictions, truth = sources
    write_error_maps(predictions, truth, tmp_path / "maps")
    with pytest.raises(InputError, match=r"000_cell_error\.png: exists already"):
        write_error_maps(predictions, truth, tmp_path / "maps")
    write_error_maps(predictions, truth, tmp_path / "maps", overwrite=True)


def test_sources_that_do_not_match_are_refused(sources, tmp_path):
    predictions, truth = sources
    short = type(truth)(truth.images[:1])
    with pytest.raises(InputError, match="2 predictions but 1 reference:"):
        write_error_maps(predictions, short, tmp_path / "maps")
    assert not (tmp_path / "maps").exists()

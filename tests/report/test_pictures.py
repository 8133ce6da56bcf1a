from __future__ import annotations

import subprocess
import sys

import imageio.v3 as iio
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from pellucid.errors import InputError
from pellucid.report.colormap import colour_table
from pellucid.report.pictures import error_maps, image_grid


def crops(count: int, shape: tuple[int, int] = (40, 48)) -> list[np.ndarray]:
    rng = np.random.default_rng(11)
    return [rng.integers(0, 256, shape, dtype=np.uint8) for _ in range(count)]


def enlarged(pixels: np.ndarray, zoom: int) -> np.ndarray:
    return np.kron(pixels, np.ones((zoom, zoom), np.uint8))


def find(picture: np.ndarray, part: np.ndarray) -> list[tuple[int, int]]:
    """Where `part` lies in `picture`, pixel for pixel."""
    height, width = part.shape[:2]
    first_rows = sliding_window_view(picture, (width, *part.shape[2:]), axis=tuple(range(1, part.ndim)))
    first_rows = first_rows.reshape(*picture.shape[:1], -1, *part.shape[1:])
    hits = np.argwhere((first_rows == part[0]).reshape(*first_rows.shape[:2], -1).all(axis=-1))
    return [(y, x) for y, x in hits if np.array_equal(picture[y : y + height, x : x + width], part)]


def read_rgb(path) -> np.ndarray:
    return iio.imread(path)[..., :3]


def test_an_image_grid_holds_every_pixel_of_every_crop_in_order(tmp_path):
    images = crops(6, (40, 200))
    image_grid([images[:3], images[3:]], ["noisy", "denoised", "clean"], tmp_path / "grid.png", heading="step 10")
    picture = read_rgb(tmp_path / "grid.png")
    places = [find(picture, np.stack([image] * 3, axis=-1)) for image in images]
    assert [len(place) for place in places] == [1] * 6
    assert [place[0] for place in places] == sorted(place[0] for place in places)
    assert len({place[0][0] for place in places}) == 2
    assert len({place[0][1] for place in places}) == 3


def test_narrow_crops_are_enlarged_by_a_whole_factor(tmp_path):
    (image,) = crops(1, (40, 48))
    image_grid([[image]], ["noisy"], tmp_path / "grid.png")
    assert len(find(read_rgb(tmp_path / "grid.png")[..., 0], enlarged(image, 4))) == 1


def test_a_display_range_maps_black_to_white(tmp_path):
    image = np.linspace(-1, 1, 200 * 20).reshape(20, 200)
    image_grid([[image]], ["float"], tmp_path / "grid.png", display_range=(-0.5, 0.5))
    expected = np.rint(np.clip((image + 0.5) * 255, 0, 255)).astype(np.uint8)
    assert len(find(read_rgb(tmp_path / "grid.png")[..., 0], expected)) == 1


def test_error_maps_share_one_scale_and_keep_the_crops(tmp_path):
    truth = np.full((30, 170), 100, np.uint8)
    worse, better = truth + 50, truth + 20  # uint8: the sign of a difference must not wrap around
    darker = truth - 50
    path = tmp_path / "errors.png"
    error_maps([{"truth": truth, "worse": worse, "better": better, "darker": darker}], "truth", path)
    picture = read_rgb(path)
    for image in (truth, worse, better, darker):
        assert find(picture, np.stack([image] * 3, axis=-1))
    top, lower = colour_table()[255], colour_table()[102]
    assert len(find(picture, np.broadcast_to(top, (30, 170, 3)))) == 2
    assert len(find(picture, np.broadcast_to(lower, (30, 170, 3)))) == 1


def test_without_truth_a_method_is_the_reference(tmp_path):
    a, b = crops(2, (30, 170))
    b[:, :85] = a[:, :85]
    error_maps([{"one": a, "other": b}], "other", tmp_path / "difference.png")
    picture = read_rgb(tmp_path / "difference.png")
    assert find(picture[..., 0], a)
    assert find(picture[..., 0], b)
    assert find(picture, np.broadcast_to(colour_table()[0], (30, 85, 3)))


def test_identical_methods_give_an_empty_map(tmp_path):
    (a,) = crops(1, (30, 170))
    error_maps([{"one": a, "same": a}], "same", tmp_path / "difference.png")
    assert find(read_rgb(tmp_path / "difference.png"), np.broadcast_to(colour_table()[0], (30, 170, 3)))


def test_dollar_signs_in_a_name_are_no_formula(tmp_path):
    image_grid([crops(1)], [r"$\broken{ and $5"], tmp_path / "grid.png")
    assert (tmp_path / "grid.png").exists()


@pytest.mark.parametrize(
    ("rows", "titles", "complaint"),
    [
        ([], ["a"], "rows of as many images"),
        ([[np.zeros((20, 20), np.uint8)]], ["a", "b"], "2 titles"),
        ([[np.zeros((20, 20), np.uint8), np.zeros((20, 21), np.uint8)]], ["a", "b"], r"\(20, 20\) and \(20, 21\)"),
        ([[np.zeros((2, 20, 20), np.uint8)]], ["a"], r"a has shape \(2, 20, 20\)"),
        ([[np.zeros((20, 20), np.uint16)]], ["a"], "uint16 images need a display range"),
    ],
)
def test_crops_that_fit_no_grid_are_refused(tmp_path, rows, titles, complaint):
    with pytest.raises(InputError, match=complaint):
        image_grid(rows, titles, tmp_path / "grid.png")
    assert not list(tmp_path.iterdir())


def test_a_reversed_display_range_is_refused(tmp_path):
    with pytest.raises(InputError, match="black must be below white"):
        image_grid([crops(1)], ["a"], tmp_path / "grid.png", display_range=(1, 0))


def test_shapes_that_differ_from_the_truth_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"\(20, 20\) and \(21, 20\)"):
        error_maps([{"a": np.zeros((20, 20)), "b": np.zeros((21, 20))}], "b", tmp_path / "e.png", display_range=(0, 1))


def test_nothing_is_overwritten_unasked(tmp_path):
    path = tmp_path / "grid.png"
    path.write_text("precious")
    with pytest.raises(InputError, match="exists already"):
        image_grid([crops(1)], ["a"], path)
    assert path.read_text() == "precious"
    image_grid([crops(1)], ["a"], path, overwrite=True)
    assert read_rgb(path).ndim == 3
    assert [file.name for file in tmp_path.iterdir()] == ["grid.png"]


def test_importing_the_modules_loads_no_drawing_library():
    heavy = "{'matplotlib', 'jinja2', 'PIL', 'scipy'}"
    code = f"import sys, pellucid.report.pictures, pellucid.report.page; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_pictures_leave_no_global_figure_behind(tmp_path):
    image_grid([crops(1)], ["a"], tmp_path / "grid.png")
    assert "matplotlib.pyplot" not in sys.modules

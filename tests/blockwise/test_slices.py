"""A model that sees neighbouring slices gives the same pixels however a volume is given."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import tifffile

from pellucid.blockwise.plan import DenoiseOptions
from pellucid.data.intensity_range import IntensityRange
from pellucid.errors import InputError
from pellucid.io.registry import open_image
from pellucid.methods import build_denoiser, make_recipe
from pellucid.model import Model

NOISY = np.random.default_rng(0).integers(1, 255, (5, 48, 56), dtype=np.uint8)


@pytest.fixture(scope="module")
def model():
    """An untrained student of three slices, which changes much."""
    recipe = make_recipe("student", settings={"slices": 3, "width": 4, "depth": 2, "seed": 5})
    return Model(recipe, build_denoiser(recipe), IntensityRange.from_limits(0, 255), np.dtype(np.uint8), device="cpu")


@pytest.fixture(scope="module")
def whole(model):
    return model.denoise(NOISY)


def same(result, whole):
    """Tiles may round another way."""
    difference = result.astype(int) - whole
    return np.abs(difference).max() <= 1 and (difference != 0).mean() < 1e-3


def in_tiles(model):
    tiled = model.with_intensity_range(0, 255)
    tiled.memory = int(model.denoiser.bytes_per_pixel * (2 * model.denoiser.halo + 16) ** 2)
    return tiled


@pytest.mark.parametrize("place", range(5))
def test_each_slice_is_denoised_with_those_before_and_after(model, whole, place):
    around = [max(place - 1, 0), place, min(place + 1, 4)]
    np.testing.assert_array_equal(model.denoise(NOISY[around])[1], whole[place])
    others = NOISY[around].copy()
    others[0] = others[0][::-1]
    assert not same(model.denoise(others)[1], whole[place])


def test_tiles_give_the_same(model, whole):
    assert same(in_tiles(model).denoise(NOISY), whole)


def test_times_and_channels_are_never_neighbours(model, whole):
    both = model.denoise(np.stack([NOISY, NOISY[::-1]])[:, None])
    np.testing.assert_array_equal(both[0, 0], whole)
    np.testing.assert_array_equal(both[1, 0][::-1], model.denoise(NOISY[::-1])[::-1])


@pytest.mark.parametrize("chunks", [(1, 48, 56), (2, 24, 56), (5, 48, 56)])
def test_an_array_that_is_computed_later(model, whole, chunks):
    np.testing.assert_array_equal(model.denoise(da.from_array(NOISY, chunks=chunks)).compute(), whole)


def test_a_list_of_slices(model, whole):
    np.testing.assert_array_equal(model.denoise(list(NOISY)), whole)
    with pytest.raises(InputError, match="give them as one, such as dask"):
        model.denoise([da.from_array(each) for each in NOISY])


@pytest.mark.parametrize("how", [lambda model: model, in_tiles], ids=["whole", "tiles"])
def test_files_and_folders(model, whole, how, tmp_path):
    tifffile.imwrite(tmp_path / "noisy.tif", NOISY)
    how(model).denoise(tmp_path / "noisy.tif", tmp_path / "denoised.zarr")
    written = np.stack([plane.read() for plane in open_image(tmp_path / "denoised.zarr").planes])
    assert same(written, whole)
    (tmp_path / "slices").mkdir()
    for number, plane in enumerate(NOISY):
        tifffile.imwrite(tmp_path / "slices" / f"s{number + 8}.tif", plane)  # natural order: s9 before s10
    how(model).denoise(tmp_path / "slices", tmp_path / "done")
    found = np.stack([tifffile.imread(tmp_path / "done" / f"s{number + 8}.tif") for number in range(5)])
    np.testing.assert_array_equal(found, written)


def test_a_part_has_the_pixels_of_the_whole(model, whole, tmp_path):
    tifffile.imwrite(tmp_path / "noisy.tif", NOISY)
    model.denoise(tmp_path / "noisy.tif", tmp_path / "part.zarr", region="2:4,0:48,0:56")
    part = np.stack([plane.read() for plane in open_image(tmp_path / "part.zarr").planes])
    np.testing.assert_array_equal(part, whole[2:4])


def test_deep_chunks(model, whole, tmp_path):
    tifffile.imwrite(tmp_path / "noisy.tif", NOISY)
    options = DenoiseOptions(chunks=(2, 48, 56))
    model.denoise_files(tmp_path / "noisy.tif", tmp_path / "deep.zarr", options)
    model.denoise(tmp_path / "deep.zarr", tmp_path / "again.zarr")
    again = np.stack([plane.read() for plane in open_image(tmp_path / "again.zarr").planes])
    np.testing.assert_array_equal(again, model.denoise(whole))


def test_where_a_neighbour_shows_nothing_the_slice_takes_its_place(model):
    noisy = NOISY.astype(np.float32)
    gap = noisy.copy()
    gap[2] = 0  # a missing slice
    expected = np.concatenate([noisy[:2], noisy[1:2]]), np.concatenate([noisy[3:4], noisy[3:]])
    done = model.with_intensity_range(0, 255).denoise(gap)
    np.testing.assert_array_equal(done[2], 0)
    np.testing.assert_array_equal(done[1], model.with_intensity_range(0, 255).denoise(expected[0])[1])
    np.testing.assert_array_equal(done[3], model.with_intensity_range(0, 255).denoise(expected[1])[1])
    gap[2], gap[1, 20:30, 20:30] = noisy[2], np.nan
    holes = model.with_intensity_range(0, 255).denoise(gap)
    assert np.isnan(holes[1, 20:30, 20:30]).all()
    assert np.isfinite(holes[[0, 2, 3, 4]]).all()


def test_a_slice_alone_is_its_own_neighbours_with_a_warning(model, capsys):
    alone = model.denoise(NOISY[2])
    assert "is a single slice, but this model was trained to see 3 neighbouring ones" in capsys.readouterr().err
    np.testing.assert_array_equal(alone, model.denoise(NOISY[[2, 2, 2]])[1])
    model.denoise(NOISY)
    assert "single slice" not in capsys.readouterr().err


def test_a_changed_neighbour_is_not_taken_up_by_a_run_that_goes_on(model, tmp_path, monkeypatch):
    (tmp_path / "slices").mkdir()
    large = np.tile(NOISY, (1, 6, 5))
    for number, plane in enumerate(large):
        tifffile.imwrite(tmp_path / "slices" / f"{number}.tif", plane)
    out = tmp_path / "out"

    class Stop(Exception):
        """As if killed."""

    from pellucid.blockwise import run

    finish = run.BlockwiseRun._finish

    def stopping(self, image):
        if image == 2:
            raise Stop
        return finish(self, image)

    monkeypatch.setattr(run.BlockwiseRun, "_finish", stopping)
    with pytest.raises(Stop):
        model.denoise(tmp_path / "slices", out)
    monkeypatch.undo()
    large[3, :4] = 7  # beyond the part by which a source is known; only slice 2, which is done, has seen it
    tifffile.imwrite(tmp_path / "slices" / "3.tif", large[3])
    with pytest.raises(InputError, match=r"3\.tif: changed since the run began"):
        model.denoise(tmp_path / "slices", out)

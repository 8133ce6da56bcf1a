from __future__ import annotations

import errno
import tempfile
from pathlib import Path

import numpy as np
import pytest
import tifffile

from pellucid.data.plane_cache import cache_planes
from pellucid.data.source import open_source
from pellucid.errors import RunError


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def compressed(tmp_path, picture):
    for number, shape in enumerate([(40, 50), (33, 17), (64, 64)]):
        tifffile.imwrite(tmp_path / f"{number}.tif", picture(shape, "uint16", seed=number), compression="zlib")
    return open_source(tmp_path).planes


def test_what_fits_is_held_in_memory(compressed, temporary):
    held = cache_planes(compressed, 10**6)
    assert not any(isinstance(array, np.memmap) for array in held)
    assert [array.shape for array in held] == [(40, 50), (33, 17), (64, 64)]
    for array, plane in zip(held, compressed, strict=True):
        assert array.dtype == np.uint16
        np.testing.assert_array_equal(array, plane.read())


def test_what_does_not_fit_is_decoded_once_and_mapped(compressed, temporary):
    held = cache_planes(compressed, 100)
    for array, plane in zip(held, compressed, strict=True):
        assert isinstance(array, np.memmap)
        assert array.dtype == np.uint16
        np.testing.assert_array_equal(array, plane.read())
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1
    assert list(temporary.iterdir()) == []


def test_planes_that_are_mapped_already_are_not_copied(tmp_path, picture, temporary, monkeypatch):
    np.save(tmp_path / "a.npy", picture((3, 40, 50), "float32"))
    monkeypatch.setattr("pellucid.data.plane_cache.reserve", lambda *_: pytest.fail("copied"))
    held = cache_planes(open_source(tmp_path / "a.npy").planes, 100)
    np.testing.assert_array_equal(np.stack(held), picture((3, 40, 50), "float32"))


def test_mapped_and_compressed_planes_keep_their_order(tmp_path, picture, temporary):
    planes = []
    for number in range(4):
        array = picture((40, 50), "uint16", seed=number)
        tifffile.imwrite(tmp_path / f"{number}.tif", array, compression="zlib" if number % 2 else None)
        planes += open_source(tmp_path / f"{number}.tif").planes
    for number, array in enumerate(cache_planes(planes, 100)):
        np.testing.assert_array_equal(array, picture((40, 50), "uint16", seed=number))


@pytest.mark.parametrize("budget", [10**6, 100])
def test_pixels_that_are_not_finite_are_held_as_they_are(tmp_path, budget):
    array = np.ones((2, 40, 50), np.float32)
    array[1, 3, 4] = np.inf
    np.save(tmp_path / "a.npy", array)
    for held, plane in zip(cache_planes(open_source(tmp_path / "a.npy").planes, budget), array, strict=True):
        np.testing.assert_array_equal(held, plane)


def test_no_room_for_the_temporary_file(compressed, temporary, monkeypatch):
    def full(path: Path, size: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pellucid.data.plane_cache.reserve", full)
    with pytest.raises(RunError, match="disk full while writing the temporary file"):
        cache_planes(compressed, 100)
    assert list(temporary.iterdir()) == []


def test_nothing_to_hold():
    assert cache_planes([], 0) == []


@pytest.mark.parametrize("budget", [10**6, 100])
def test_what_is_under_a_mask_is_not_held(budget, picture, temporary):
    pixels = picture((40, 50), "uint16")
    mask = np.zeros(pixels.shape, bool)
    mask[5:9, 10:30] = True
    spoilt = np.where(mask, 65535, pixels).astype(np.uint16)
    (held,) = cache_planes(open_source(np.ma.MaskedArray(spoilt, mask)).planes, budget)
    assert not isinstance(held, np.ma.MaskedArray)
    np.testing.assert_array_equal(held[~mask], pixels[~mask])
    assert (held[mask] == int(np.median(pixels[~mask]))).all()
    (all_masked,) = cache_planes(open_source(np.ma.MaskedArray(pixels, True)).planes, budget)
    np.testing.assert_array_equal(all_masked, pixels)

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from pellucid.data.intensity_range import IntensityRange
from pellucid.data.patches import Patches
from pellucid.data.patches.coordinates import orient

from .made import numbered, patches_of


def draw(patches, count, seed=0):
    return patches.cut(patches.draw(np.random.default_rng(seed), count))[:, 0].numpy()


def test_patches_have_a_channel():
    patches = patches_of(numbered((40, 30)))
    cut = patches.cut(patches.draw(np.random.default_rng(0), 5))
    assert cut.shape == (5, 1, 8, 8)
    assert cut.dtype == torch.float32


def test_positions_are_drawn_by_area():
    patches = patches_of(numbered((9, 12), (24, 30)))
    corners = draw(patches, 4000).min(axis=(1, 2))
    positions = np.array([2 * 5, 17 * 23])
    small = np.count_nonzero(corners < 9 * 12)
    assert chisquare([small, 4000 - small], 4000 * positions / positions.sum()).pvalue > 1e-3


def test_every_position_occurs_equally_often():
    patches = patches_of(numbered((10, 11)))
    corners, counts = np.unique(draw(patches, 2400).min(axis=(1, 2)), return_counts=True)
    assert set(corners) == {11 * y + x for y in range(3) for x in range(4)}
    assert chisquare(counts).pvalue > 1e-3


def test_all_eight_orientations_occur_equally_often():
    image = numbered((8, 8))[0]
    expected = {orient(image, which).tobytes() for which in range(8)}
    assert len(expected) == 8
    found = [patch.astype(image.dtype).tobytes() for patch in draw(patches_of([image]), 1600)]
    assert set(found) == expected
    assert chisquare([found.count(which) for which in expected]).pvalue > 1e-3


@settings(max_examples=30)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 10), st.integers(0, 99))
def test_patch_is_a_piece_of_the_mirrored_image(height, width, size, seed):
    image = numbered((height, width))[0]
    missing = [(0, max(0, size - height)), (0, max(0, size - width))]
    mirrored = np.pad(image, missing, mode="symmetric")
    pieces = np.lib.stride_tricks.sliding_window_view(mirrored, (size, size)).reshape(-1, size, size)
    allowed = {np.ascontiguousarray(orient(piece, which)).tobytes() for piece in pieces for which in range(8)}
    found = {patch.astype(image.dtype).tobytes() for patch in draw(patches_of([image], size), 3, seed)}
    assert found <= allowed


def test_pixels_are_brought_to_units_after_cutting():
    seen = []

    def to_unit(pixels):
        seen.append((pixels.shape, pixels.dtype))
        return pixels.astype(np.float32) / 127.5 - 1

    drawn = draw(Patches([np.full((500, 500), 255, np.uint8)], to_unit, 16), 3)
    assert seen == [((3, 16, 16), np.uint8)]  # not the whole image, and all of a batch at once
    assert (drawn == 1).all()


def test_what_a_patch_becomes_does_not_depend_on_the_others():
    random = np.random.default_rng(0)
    images = [random.normal(1e4, 1, (20, 20)).astype(dtype) for dtype in ("float16", "float32", "float64")]
    patches = Patches(images, IntensityRange.from_limits(9_990.1, 10_010.7).normalize, 16)
    numbers = patches.draw(random, 30)
    alone = torch.cat([patches.cut(numbers[k : k + 1]) for k in range(30)])
    assert torch.equal(patches.cut(numbers), alone)


@pytest.mark.parametrize("dtype", ["uint8", ">u2", "float32"])
def test_images_mapped_from_disk(tmp_path, dtype):
    image = np.random.default_rng(0).integers(0, 256, (50, 60)).astype(dtype)
    np.save(tmp_path / "image.npy", image)
    mapped = np.load(tmp_path / "image.npy", mmap_mode="r")

    def identity(pixels):
        return pixels if pixels.dtype == np.float32 else pixels.astype(np.float32)

    sources = [Patches([source], identity, 16) for source in (image, mapped)]
    assert [source.mapped for source in sources] == [False, True]
    drawn = [draw(source, 3) for source in sources]
    assert np.array_equal(*drawn)
    drawn[1] *= 2  # a copy: the file stays as it is
    assert np.array_equal(np.load(tmp_path / "image.npy"), image)

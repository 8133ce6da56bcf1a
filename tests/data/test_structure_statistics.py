from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from pydantic import ValidationError

from pellucid.data.crops import crops_of
from pellucid.data.source import open_source
from pellucid.data.structure_statistics import StructureStatistics, structure_statistics
from pellucid.simulation.phantom import tissue


@pytest.fixture(scope="module")
def planes():
    return [tissue((300, 280), seed=seed) for seed in range(2)]


def test_crops_are_spread_over_planes_and_places():
    crops = crops_of([np.random.default_rng(0).integers(0, 9, (1100, 1600)).astype(np.uint8)] * 20)
    assert [image.shape for image, _ in crops] == [(512, 512)] * 8
    large = np.arange(2048 * 2048, dtype=np.float32).reshape(2048, 2048)
    corners = {image[0, 0] for image, _ in crops_of([large])}
    assert len(corners) == 8
    assert len({corner // (2048 * 512) for corner in corners}) == 4


def test_of_a_place_with_padding_the_largest_rectangle_of_image_is_taken():
    whole = np.random.default_rng(0).integers(100, 200, (512, 1024)).astype(np.uint8)
    plane = whole.copy()
    plane[:, 700:], plane[480:, :512] = 0, 0
    (left, _), (right, valid) = crops_of([plane])
    assert valid.all()
    assert np.array_equal(left, whole[:480, :512])
    assert np.array_equal(right, whole[:, 512:696])
    plane[:, 560:] = 0
    assert len(crops_of([plane])) == 1


def test_pixels_within_that_are_no_image_are_filled():
    plane = np.random.default_rng(0).normal(100, 9, (200, 200)).astype(np.float32)
    plane[::9, ::7] = np.nan
    ((image, valid),) = crops_of([plane])
    assert valid.shape == (200, 200)
    assert np.array_equal(valid, np.isfinite(plane))
    assert (image[~valid] == np.median(image[valid])).all()


def test_a_little_image_in_a_large_canvas_is_found():
    plane = np.zeros((512 * 5, 512 * 5), np.uint8)
    assert crops_of([plane]) == []
    plane[520:824, 1600:1800] = np.random.default_rng(0).integers(100, 200, (304, 200))
    ((image, valid),) = crops_of([plane])
    assert image.shape == (304, 200)
    assert valid.all()


def test_nothing_is_said_of_tiny_or_constant_planes():
    assert structure_statistics([np.random.default_rng(0).integers(0, 9, (63, 200))]) is None
    assert structure_statistics([np.full((200, 200), 7, np.uint8)]) is None


def test_brightness_contrast_and_noise_are_in_grey_levels(planes):
    rng = np.random.default_rng(0)
    noisy = [plane + rng.normal(0, 25, plane.shape) for plane in planes]
    found = structure_statistics([plane.astype(np.float32) for plane in noisy])
    assert found.crops == 2
    assert found.mean == pytest.approx(np.mean(noisy), rel=1e-3)
    assert found.noise == pytest.approx(25, rel=0.15)
    assert found.contrast == pytest.approx(structure_statistics(planes).contrast, rel=0.1)
    assert found.has_structure
    scaled = structure_statistics([(300 + 4 * plane).astype(np.float32) for plane in noisy])
    for name in ("noise", "contrast"):
        assert getattr(scaled, name) == pytest.approx(4 * getattr(found, name), rel=1e-3)
    for name in ("structure", "ridges", "size", "noise_share"):
        assert getattr(scaled, name) == pytest.approx(getattr(found, name), rel=1e-3)


def test_the_size_of_structures_needs_space(planes):
    assert structure_statistics(planes).size > 0
    assert structure_statistics([plane[:150, :150] for plane in planes]).size is None


def test_clipped_shares_are_those_that_stand_out(planes):
    assert (structure_statistics(planes).clipped_black, structure_statistics(planes).clipped_white) == pytest.approx(
        (0, 0), abs=1e-4
    )
    low, high = np.quantile(planes, (0.08, 0.97))
    found = structure_statistics([np.clip(plane, low, high) for plane in planes])
    assert found.clipped_black == pytest.approx(0.08, abs=0.02)
    assert found.clipped_white == pytest.approx(0.03, abs=0.02)


def test_they_are_kept_as_plain_values(planes):
    found = structure_statistics(open_source(planes).planes)
    assert found == structure_statistics(planes)
    kept = json.loads(json.dumps({**asdict(found), "of a newer version": 1}))
    assert StructureStatistics.from_values(kept) == found
    del kept["noise"]
    with pytest.raises(ValidationError, match="noise"):
        StructureStatistics.from_values(kept)


def test_masked_pixels_and_pixels_that_are_not_finite_do_not_count(planes):
    spoilt = planes[0].astype(np.float32)
    spoilt[40:60, 50:90] = np.nan
    masked = np.ma.array(planes[0].copy(), mask=np.isnan(spoilt))
    masked.data[40:60, 50:90] = 255
    for plane in (spoilt, masked):
        found = structure_statistics([plane])
        assert found.highest == planes[0][~np.isnan(spoilt)].max()
        assert found.mean == pytest.approx(np.nanmean(spoilt))

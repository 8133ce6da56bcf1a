"""What a model does not know: tried on other tissue of the phantom than it learned from, and on altered copies."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from scipy import ndimage

from pellucid.data.intensity_range import IntensityRange
from pellucid.data.structure_statistics import (
    StructureStatistics,
    structure_statistics,
    structure_statistics_with_spread,
)
from pellucid.data.training_comparison import compare_with_training
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue

DEEP = IntensityRange.from_limits(0, 65535)


@pytest.fixture(scope="module")
def planes():
    """Noisy, 16 bits."""
    return [simulate(tissue((384, 384), seed=seed), "gaussian", seed=seed).astype(np.uint16) * 257 for seed in range(4)]


@pytest.fixture(scope="module")
def trained(planes):
    return structure_statistics_with_spread(planes[:2])


@pytest.fixture(scope="module")
def unlike(planes):
    """Images that differ in contrast, brightness, polarity, noise and magnification, and one that is half blank."""
    bright = ndimage.zoom(planes[1][:192, :192], 2, order=1)
    blank = np.random.default_rng(0).normal(30000, 4000, planes[0].shape).astype(np.uint16)
    blank[:, :128] = planes[3][:, :128]
    return [planes[0] // 3, 65535 - bright // 2, simulate(planes[2], "gaussian", 9000.0, seed=0), blank]


def told(trained, planes, given_as=DEEP):
    return compare_with_training(trained, DEEP, structure_statistics(planes), given_as)


def test_other_images_of_the_same_kind_are_familiar(planes, trained):
    assert told(trained, planes[2:]) == []


def test_every_image_of_unlike_ones_and_every_crop_of_it_is_familiar(unlike):
    trained = structure_statistics_with_spread(unlike)
    pooled = replace(trained, spread=None)
    assert {len(told(pooled, [image])) > 0 for image in unlike} == {True}
    for image in unlike:
        assert told(trained, [image]) == []
        for top, left in [(0, 0), (50, 100), (128, 20)]:
            assert told(trained, [image[top : top + 256, left : left + 256]]) == []
    assert "range" in [finding.check for finding in told(trained, [image // 16 for image in unlike])]


@pytest.mark.parametrize("kept", [asdict, lambda statistics: _without(asdict(statistics), "spread")])
def test_records_with_and_without_a_spread_are_read(planes, trained, kept):
    read = StructureStatistics.from_values(json.loads(json.dumps(kept(trained))))
    assert read in (trained, replace(trained, spread=None))
    assert told(read, planes[2:]) == []
    assert [finding.check for finding in told(read, [plane // 3 for plane in planes[2:]])] == ["range"]


def _without(values, name):
    return {key: value for key, value in values.items() if key != name}


@pytest.mark.parametrize("sides", [((64, 64), (64, 64)), ((0, 0), (64, 0)), ((0, 128), (0, 0))])
def test_canvas_around_or_beside_images_hides_no_warning(planes, trained, sides):
    for alter, check in [(lambda plane: plane // 3, "range"), (lambda plane: 65535 - plane, "polarity")]:
        cut = [alter(plane)[:256, :256] for plane in planes[2:]]
        assert check in [finding.check for finding in told(trained, [np.pad(plane, sides) for plane in cut])]
    assert told(trained, [np.pad(plane[:256, :256], sides) for plane in planes[2:]]) == []


def test_12_bits_are_told_from_16_and_with_their_own_range_are_right(planes, trained):
    shallow = [plane // 16 for plane in planes[2:]]
    (found,) = told(trained, shallow)
    assert found.check == "range"
    assert found.text.startswith("intensity range differs from training (0.06")
    assert "are these 12 bits, and were those 16?" in found.text
    assert "--intensity-range LOW HIGH" in found.text
    assert told(trained, shallow, IntensityRange.from_limits(0, 4095)) == []


@pytest.mark.parametrize(
    ("check", "begins", "alter"),
    [
        ("range", "intensity range differs", lambda plane: plane // 3),
        (
            "range",
            "intensity range differs from training (darker by",
            lambda plane: np.maximum(plane, 20000) - 20000,
        ),
        ("polarity", "opposite polarity: thin lines are mostly bright, in training dark", lambda plane: 65535 - plane),
    ],
)
def test_what_is_unfamiliar_is_said(planes, trained, check, begins, alter):
    found = told(trained, [alter(plane) for plane in planes[2:]])
    assert check in [finding.check for finding in found]
    assert any(finding.text.startswith(begins) for finding in found)


def test_more_and_less_noise_than_in_training(planes, trained):
    clean = structure_statistics_with_spread([tissue((384, 384), seed=seed).astype(np.uint16) * 257 for seed in (2, 3)])
    (less,) = compare_with_training(trained, DEEP, clean, DEEP)
    assert less.text.startswith("less noise than in training")
    (more,) = compare_with_training(clean, DEEP, trained, DEEP)
    assert more.text.startswith("more noise than in training")


@pytest.mark.parametrize(("crops", "told_of"), [(1, []), (2, ["magnification"])])
def test_another_magnification_is_told_by_more_than_one_crop(planes, trained, crops, told_of):
    smaller = replace(structure_statistics(planes[2:]), size=trained.spread.size.low / 2, crops=crops)
    assert [finding.check for finding in compare_with_training(trained, DEEP, smaller, DEEP)] == told_of


def test_noise_without_tissue(trained):
    rng = np.random.default_rng(0)
    blank = [rng.normal(30000, 4000, (384, 384)).astype(np.uint16) for _ in range(2)]
    (found,) = told(trained, blank)
    assert found.check == "no structure"

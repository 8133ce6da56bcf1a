from __future__ import annotations

import numpy as np
import pytest

from pellucid.data.slice_checks import check_slices
from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue


@pytest.fixture(scope="module")
def truth():
    return tissue((24, 128, 128), seed=5)


def told(kind, volume, slices=3):
    return check_slices({kind: open_source(volume).planes}, slices)


@pytest.mark.parametrize("noise", ["film", "charge"])
def test_close_slices_are_fine_and_distant_ones_told(truth, noise):
    assert told("clean", truth) == told("noisy", simulate(truth, noise, seed=1)) == []
    far = truth[::5]
    (clean,), (noisy,) = told("clean", far), told("noisy", simulate(far, noise, seed=1))
    assert clean.startswith("slices=3: neighbouring slices of the clean images hardly correlate")
    assert noisy.startswith("slices=3: neighbouring slices of the noisy images hardly correlate")


def test_unrelated_images_of_one_shape_are_told(truth):
    images = [tissue((64, 64), seed=seed) for seed in range(5)]
    assert told("pairs", images)
    assert told("noisy", [simulate(image, "film", seed=seed) for seed, image in enumerate(images)])


def test_images_without_neighbours_are_refused_and_single_slices_not_looked_at(truth):
    alone = [truth[0], truth[0, :100]]
    with pytest.raises(InputError, match="slices=3: the clean images have no neighbouring slices"):
        told("clean", alone)
    assert told("clean", alone, slices=1) == []


def test_blank_slices_say_nothing():
    assert told("clean", np.zeros((4, 64, 64), np.uint8)) == []

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pellucid.inference import ActivationCache, FrozenDenoiser, View, ZInterpolation, exact_statistics
from pellucid.inference.tiles import Box
from pellucid.norms import Moments


def known(values):
    """Statistics whose mean is a value and whose variance its square."""
    return lambda number: [
        {"norm": Moments(torch.tensor([[values[number]]]), torch.tensor([[values[number] ** 2]]), 9)}
    ]


def mean_and_var(statistics):
    return float(statistics[0]["norm"].mean), float(statistics[0]["norm"].var)


values = st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=6)


@given(values, st.data())
def test_linear_between_known_places_and_constant_outside(values, data):
    places = sorted(data.draw(st.sets(st.integers(0, 99), min_size=len(values), max_size=len(values))))
    interpolation = ZInterpolation([place + 0.5 for place in places], known(values))
    at = data.draw(st.floats(-10, 110))
    expected = [np.interp(at, [place + 0.5 for place in places], row) for row in (values, np.square(values))]
    np.testing.assert_allclose(mean_and_var(interpolation.at(at)), expected, rtol=1e-4, atol=1e-2)


def test_at_a_known_place_nothing_else_is_asked_for():
    asked = []

    def ask(number):
        asked.append(number)
        return known([1.0, 2.0, 4.0])(number)

    interpolation = ZInterpolation([0, 10, 20], ask)
    assert [mean_and_var(interpolation.at(place))[0] for place in (-3, 0, 10, 20, 99)] == [1, 1, 2, 4, 4]
    assert asked == [0, 0, 1, 2, 2]


@pytest.mark.parametrize("interpolated", [True, False])
def test_a_drifting_volume_has_no_step_between_slices(interpolated, denoiser, noisy):
    """The same tissue in every slice, ever paler: steps where slabs meet are as small as elsewhere."""
    noisy = noisy[:64, :64]
    planes = [noisy * np.float32(1 - 0.04 * z) for z in range(16)]
    views = [View.of_array(plane, denoiser.stride) for plane in planes]
    centres = [1.5, 5.5, 9.5, 13.5]

    @functools.cache
    def measured(number):
        with ActivationCache(math.inf) as cache:
            middle = [exact_statistics(denoiser, views[int(centres[number] + side)], 64, cache) for side in (-0.5, 0.5)]
        return ZInterpolation([0, 1], middle.__getitem__).at(0.5)

    interpolation = ZInterpolation(centres, measured)
    frozen = FrozenDenoiser(denoiser, 64)
    done = []
    for z, view in enumerate(views):
        frozen.use(interpolation.at(z) if interpolated else measured(z // 4))
        done.append(frozen.denoise(view, Box(0, 64, 0, 64)).image)
    steps = np.abs(np.diff(done, axis=0)).mean((1, 2))
    inner = steps[2:-2]  # outside the first and the last centre they are constant
    borders = inner[[1, 5, 9]]
    ratio = borders.mean() / np.delete(inner, [1, 5, 9]).mean()
    assert ratio == pytest.approx(1, abs=0.1) if interpolated else ratio > 1.5

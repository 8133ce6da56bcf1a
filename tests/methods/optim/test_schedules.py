from __future__ import annotations

import pytest

from pellucid.methods.iscl import IsclRecipe
from pellucid.methods.optim.schedules import (
    constant,
    cosine,
    exponential,
    half_linear,
    linear,
    piecewise_linear,
    ramped_down,
    stepped,
)

RECIPE = IsclRecipe(steps=20, learning_rate=1e-2)


def test_linear_falls_from_the_first_step_to_the_last():
    rate = linear(RECIPE)
    assert rate(1) == pytest.approx(1e-2 - (1e-2 - 1e-7) / 20)
    assert rate(10) == pytest.approx((1e-2 + 1e-7) / 2)
    assert rate(20) == rate(25) == pytest.approx(1e-7, rel=1e-9)
    assert linear(IsclRecipe())(8000) == pytest.approx(1e-7, rel=1e-9)
    assert linear(RECIPE, 3.0)(7) == pytest.approx(3 * rate(7))


def test_constant_stays():
    assert constant(RECIPE)(1) == constant(RECIPE)(20) == 1e-2
    assert constant(RECIPE, 0.5)(3) == 5e-3


def test_half_linear_stays_and_then_falls():
    rate = half_linear(RECIPE)
    assert rate(1) == rate(10) == 1e-2
    assert rate(15) == pytest.approx((1e-2 + 1e-7) / 2)
    assert rate(20) == pytest.approx(1e-7, rel=1e-9)


def test_exponential_falls_by_one_factor_each_step():
    rate = exponential(RECIPE)
    factors = [rate(number + 1) / rate(number) for number in range(1, 20)]
    assert factors == pytest.approx([factors[0]] * 19)
    assert rate(20) == pytest.approx(1e-7)


def test_stepped_falls_after_each_share():
    rate = stepped(RECIPE, (0.25, 0.5), 0.1)
    assert [rate(number) for number in (1, 5, 6, 10, 11, 20)] == pytest.approx([1e-2, 1e-2, 1e-3, 1e-3, 1e-4, 1e-4])


def test_piecewise_linear_goes_through_its_points_and_stays_at_the_last():
    rate = piecewise_linear(RECIPE, ((0, 1.0), (0.2, 0.5), (0.6, 0.1)))
    assert [rate(number) for number in (0, 2, 4, 8, 12, 13, 20, 25)] == pytest.approx(
        [1.0, 0.75, 0.5, 0.3, 0.1, 0.1, 0.1, 0.1]
    )


def test_ramped_down_ends_at_0():
    rate = ramped_down(RECIPE)
    assert rate(1) == rate(14) == pytest.approx(1e-2)
    assert rate(17) == pytest.approx(1e-2 * 0.25)
    assert rate(20) == pytest.approx(0, abs=1e-12)


def test_cosine_rises_over_the_warm_up_and_then_falls():
    rate = cosine(RECIPE, warm_up=0.1)
    assert rate(1) == pytest.approx(rate(2) / 2, rel=0.03)
    assert rate(10) == pytest.approx((1e-2 + 1e-7) / 2)
    assert all(rate(number) > rate(number + 1) for number in range(2, 20))
    assert rate(20) == rate(25) == pytest.approx(1e-7)

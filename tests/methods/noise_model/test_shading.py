from __future__ import annotations

import math

import pytest
import torch

from pellucid.methods.noise_model import shading
from pellucid.methods.noise_model.shading import BIN, BINS, BRIGHTEST, DARKEST, WINDOWS, Shading, factors

SIDE = 64


def counts(logarithms):
    return torch.histc(logarithms.clamp(DARKEST, BRIGHTEST), BINS, DARKEST, BRIGHTEST)


def blurred(count, seed, size=9):
    """Smooth patches (count, 1, SIDE, SIDE) of mean 0 and deviation 1."""
    generator = torch.Generator().manual_seed(seed)
    white = torch.randn(count, 1, SIDE + size - 1, SIDE + size - 1, generator=generator)
    return torch.nn.functional.avg_pool2d(white, size, 1) * size


def specimen(count, seed):
    return (0.2 * blurred(count, seed)).clamp(-0.8, 0.9)


def bars(count, seed, transpose=False):
    """Factors: 1, and 0.35 in one broad bar along x in every fourth patch."""
    random = torch.Generator().manual_seed(seed)
    shade = torch.ones(count, 1, SIDE, SIDE)
    for patch in range(0, count, 4):
        top = int(torch.randint(SIDE - 12, (), generator=random))
        shade[patch, :, top : top + 12] = 0.35
    return shade.transpose(-1, -2) if transpose else shade


def settled(noisy, clean, brightness=1.0):
    model = Shading(SIDE)
    model.count(noisy, clean)
    model.settle(torch.tensor(brightness))
    return model


def test_the_likely_factor_is_the_median_of_a_simulation():
    torch.manual_seed(1)
    number = 400_000
    clean = -0.2 + 0.15 * torch.randn(number)
    shaded = torch.rand(number) < 0.3
    factor = torch.where(shaded, -0.8 + 0.1 * torch.randn(number), 0)
    noisy = -0.2 + 0.15 * torch.randn(number) + factor
    chance, likely = factors(counts(noisy), counts(clean))
    assert float(chance.sum()) == pytest.approx(1, abs=1e-4)
    values = torch.arange(*shading.FACTORS) * BIN
    assert float((chance * values).sum()) == pytest.approx(float(factor.mean()), abs=0.02)
    where = ((noisy - DARKEST) / BIN).long()
    for place in range(BINS):
        here = factor[where == place]
        if len(here) > 2000 and abs((here < 0).double().mean() - 0.5) > 0.15:
            assert float(likely[place]) == pytest.approx(float(here.median()), abs=0.1)


def test_what_is_darker_than_any_clean_place_is_known_to_be_in_the_shade():
    clean, noisy = torch.zeros(BINS), torch.zeros(BINS)
    clean[80:100] = 1000
    noisy[80:100] = 900
    noisy[30:50] = 100
    _, likely = factors(noisy, clean)
    assert float(likely[40]) == pytest.approx(-50 * BIN, abs=5 * BIN)
    assert float(likely[90]) == pytest.approx(0, abs=2 * BIN)


def test_contrast_is_no_shade():
    torch.manual_seed(2)
    clean, noisy = 0.12 * torch.randn(400_000), 0.17 * torch.randn(400_000)
    shaded = torch.rand(len(noisy)) < 0.1
    noisy[shaded] -= 1
    _, likely = factors(counts(noisy), counts(clean))
    at = dict(zip(range(BINS), likely.tolist(), strict=True))
    place = {value: int((value - DARKEST) / BIN) for value in (-1.0, -0.2, 0.0, 0.3)}
    assert at[place[-1.0]] == pytest.approx(-1, abs=0.12)
    assert [at[place[value]] for value in (-0.2, 0.0, 0.3)] == pytest.approx([0, 0, 0], abs=0.04)


def test_sets_of_one_kind_have_no_shading():
    model = settled(specimen(48, 1), specimen(48, 2))
    assert not model.found
    clean = specimen(3, 3)
    model.keep(clean)
    assert torch.equal(model(clean), clean)
    assert int(model.filled) == 0


@pytest.mark.parametrize(("transpose", "window"), [(False, (5, 49)), (True, (49, 5))])
def test_shade_is_found_in_the_window_along_it(transpose, window):
    clean = specimen(64, 1)
    model = settled((specimen(64, 2) + 1) * bars(64, 5, transpose) - 1, clean)
    assert model.found
    assert WINDOWS[int(model.window)] == window


@pytest.mark.parametrize(("every", "found"), [(2, False), (16, True)])
def test_black_places_are_shade_only_if_they_are_few(every, found):
    noisy = specimen(64, 2)
    noisy[::every, :, 12:52, 12:52] = -0.93
    assert settled(noisy, specimen(64, 1)).found == found


def test_darker_images_alone_are_not_in_the_shade():
    clean, noisy = specimen(48, 1), (specimen(48, 2) + 1) * 0.85 - 1
    assert not settled(noisy, clean, 0.85).found
    counted = Shading(SIDE)
    counted.count(noisy, clean)
    counted.settle(torch.tensor(0.85))
    middles = shading._middles(torch.device("cpu"))
    means = [float((row * middles).sum() / row.sum()) for row in (counted.noisy[0], counted.clean[0])]
    assert means[0] == pytest.approx(means[1], abs=0.03)


def test_maps_are_those_of_the_latest_noisy_patches():
    model = Shading(SIDE, capacity=4)
    model.count((specimen(64, 2) + 1) * bars(64, 5) - 1, specimen(64, 1))
    model.settle(torch.tensor(1.0))
    shade = bars(6, 7)
    model.keep((specimen(6, 8) + 1) * shade - 1)
    assert int(model.filled) == 6
    for number in (4, 5, 2, 3):
        found, true = model.maps[number % 4], shade[number]
        assert found.max() < 1.5
        if (true < 1).any():
            assert found[true < 1].mean() < 0.6
            assert found[true == 1].mean() > 0.8
        else:
            assert found.mean() > 0.9


def test_clean_patches_come_into_the_shade_of_maps_flipped_but_never_transposed():
    model = Shading(SIDE, capacity=1)
    model.window.fill_(0)
    model.filled.fill_(1)
    model.maps[0, 0] = 1 - torch.arange(SIDE * SIDE).view(SIDE, SIDE) / (2 * SIDE**2)
    clean = torch.full((64, 1, SIDE, SIDE), 0.2)
    found = (model(clean) + 1) / 1.2
    flips = [model.maps[0], model.maps[0].flip(-1), model.maps[0].flip(-2), model.maps[0].flip(-1, -2)]
    which = [[i for i, flip in enumerate(flips) if torch.allclose(each, flip, atol=1e-5)] for each in found]
    assert {tuple(each) for each in which} == {(0,), (1,), (2,), (3,)}


def test_local_means_reach_over_the_edges():
    flat = torch.full((1, 1, SIDE, SIDE), -0.5)
    for window in WINDOWS:
        found = shading._local_mean(flat, window)
        assert found.shape == flat.shape
        torch.testing.assert_close(found, torch.full_like(found, math.log(0.5)), atol=1e-5, rtol=0)


@pytest.mark.parametrize("level", [-1.0, 0.0, 1.0])
def test_constant_images_have_no_shading(level):
    flat = torch.full((4, 1, SIDE, SIDE), level)
    model = settled(flat, flat)
    assert not model.found
    assert model.likely.isfinite().all()

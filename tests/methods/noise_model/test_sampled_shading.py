from __future__ import annotations

import pytest
import torch

from pellucid.methods.noise_model.sampled_shading import QUANTILES, SampledShading, quantiles
from pellucid.methods.noise_model.shading import BIN, BINS, BRIGHTEST, DARKEST, Shading
from pellucid.seeding import seeded

SIDE = 8
CHANCE, SHADE, SPREAD = 0.08, -1.2, 0.1
"""Share of the patches that are in shade, and the mean and spread of log m there."""


def patches(count, seed):
    """Flat patches, each of its own brightness, and the shade of each."""
    random = torch.Generator().manual_seed(seed)
    clean = (-0.3 + 0.2 * torch.randn(count, generator=random)).clamp(-3, 0.6)
    shaded = torch.rand(count, generator=random) < CHANCE
    factor = torch.where(shaded, SHADE + SPREAD * torch.randn(count, generator=random), 0)
    return clean, factor


def images(logarithms):
    return (logarithms.exp() - 1)[:, None, None, None].expand(-1, 1, SIDE, SIDE).clamp(-1, 1)


def settled(kind, noisy, clean):
    model = kind(SIDE, capacity=4096)
    model.count(noisy, clean)
    model.settle(torch.ones(()))
    assert model.found
    return model


def test_shading_is_sampled_with_its_spread_where_its_median_has_less():
    clean, factor = patches(1500, 0)
    noisy, others = images(clean + factor), images(patches(1500, 1)[0])
    spreads = {}
    for kind in (Shading, SampledShading):
        with seeded(0):
            model = settled(kind, noisy, others)
            model.keep(noisy)
        maps = model.maps[: int(model.filled)].log().mean((1, 2, 3))
        spreads[kind] = maps.std()
        assert maps.max() < 0.05
        if kind is SampledShading:
            assert float(maps.mean()) == pytest.approx(float(factor.mean()), abs=0.03)
            assert float((maps < SHADE / 2).float().mean()) == pytest.approx(CHANCE, abs=0.02)
    assert float(spreads[SampledShading]) == pytest.approx(float(factor.std()), rel=0.15)
    assert spreads[Shading] < spreads[SampledShading]


def test_quantiles_rise_and_are_never_brighter():
    clean, factor = patches(100_000, 2)
    others = patches(100_000, 3)[0]
    counts = [
        torch.histc(each.clamp(DARKEST, BRIGHTEST), BINS, DARKEST, BRIGHTEST) for each in (clean + factor, others)
    ]
    found = quantiles(*counts)
    assert found.shape == (QUANTILES, BINS)
    assert (found.diff(dim=0) >= 0).all()
    assert found.max() == 0
    place = int((-0.3 - DARKEST) / BIN)  # as bright as most that is not in the shade
    assert (found[:, place] > -2 * BIN).float().mean() > 0.9
    dark = int((-0.3 + SHADE - 0.3 - DARKEST) / BIN)  # darker than anything else
    assert (found[:, dark] < SHADE / 2).float().mean() > 0.9


def test_equal_seeds_draw_equal_shades():
    clean, factor = patches(400, 0)
    noisy, others = images(clean + factor), images(patches(400, 1)[0])
    found = []
    for seed in (0, 0, 1):
        model = settled(SampledShading, noisy, others)
        with seeded(seed):
            model.keep(noisy)
        found.append(model.maps)
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])

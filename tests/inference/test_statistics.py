from __future__ import annotations

import math
from collections import namedtuple

import numpy as np
import pytest
import torch

from pellucid.inference import ActivationCache, View, activation_cache, exact_statistics, has_norms, patch_statistics
from pellucid.inference.layer_by_layer import LayerByLayer
from pellucid.inference.statistics import Cut, Measured, measure_pieces
from pellucid.inference.tiles import tiles
from pellucid.methods import RECIPES
from pellucid.norms import Moments, feature_norms, record
from pellucid.norms.feature import given_sources

ISCL = [name for name, settings in RECIPES.items() if settings["method"] == "iscl"]
Usage = namedtuple("Usage", "free")


def assert_same(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert set(one) == set(other)
        for name, moments in one.items():
            assert moments.pixels == other[name].pixels
            torch.testing.assert_close(moments.mean, other[name].mean, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(moments.var, other[name].var, rtol=1e-4, atol=1e-6)


def pieces_of(denoiser, noisy, side=64):
    view = View.of_array(noisy, denoiser.stride)
    return [Cut(view, tile) for tile in tiles(view.height, view.width, side, denoiser.halo)]


def whole_statistics(denoiser, noisy):
    x = torch.from_numpy(noisy.copy())[None, None]
    return [record(network, lambda network=network: network(x)) for network in denoiser.networks()]


@pytest.mark.parametrize("denoiser", ISCL, indirect=True)
def test_exact_ones_are_those_that_the_whole_image_gives(denoiser, noisy):
    noisy = noisy[:128, :160]
    with ActivationCache(math.inf) as room:
        found = exact_statistics(denoiser, View.of_array(noisy, denoiser.stride), 64, room)
    assert_same(found, whole_statistics(denoiser, noisy))
    for network, moments in zip(denoiser.networks(), found, strict=True):
        assert list(moments) == list(feature_norms(network))
    assert given_sources.get() == {}


def counted_passes(network, monkeypatch):
    """Counts the passes that are begun anew for a norm."""
    passes = []
    forward = network.forward
    monkeypatch.setattr(network, "forward", lambda x: passes.append(x.shape) or forward(x))
    return passes


@pytest.mark.parametrize("memory", [math.inf, 300_000, 0])
def test_passes_that_wait_in_memory_or_on_disk_give_the_same(memory, denoiser, noisy, tmp_path, monkeypatch):
    noisy = noisy[:128, :160]
    passes = counted_passes(denoiser.F, monkeypatch)
    stored = []
    save = activation_cache._save
    monkeypatch.setattr(activation_cache, "_save", lambda x, file: stored.append(file) or save(x, file))
    with ActivationCache(memory, tmp_path) as room:
        found = measure_pieces(denoiser.F, pieces_of(denoiser, noisy), room).moments
    assert not passes  # they went side by side
    count = (len(LayerByLayer.of(denoiser.F).norms) - 1) * 6  # at least a tensor for each wait
    least = {math.inf: 0, 300_000: 1, 0: count}[memory]
    assert len(stored) >= least
    assert bool(stored) == bool(least)
    assert not list(tmp_path.iterdir())
    assert_same([found], whole_statistics(denoiser, noisy)[:1])


def test_without_any_room_each_norm_costs_a_pass_and_the_result_is_the_same(denoiser, noisy, tmp_path, monkeypatch):
    noisy = noisy[:128, :160]
    passes = counted_passes(denoiser.F, monkeypatch)
    monkeypatch.setattr(activation_cache.shutil, "disk_usage", lambda _: Usage(1 << 20))
    with ActivationCache(100_000, tmp_path) as room:
        found = measure_pieces(denoiser.F, pieces_of(denoiser, noisy), room).moments
        assert not room._states
    assert len(passes) == 1 + 6 * len(feature_norms(denoiser.F))
    assert not list(tmp_path.iterdir())
    assert_same([found], whole_statistics(denoiser, noisy)[:1])


def test_the_cache_gives_back_what_it_took(tmp_path):
    x = torch.randn(1, 3, 5, 7).contiguous(memory_format=torch.channels_last)
    state = LayerByLayer.of(torch.nn.Sequential(torch.nn.Conv2d(1, 3, 1), *feature_norm())).start(
        torch.randn(1, 1, 5, 7)
    )
    state = state._replace(live={state.source: x, "size": 7})
    with ActivationCache(x.nbytes, tmp_path) as room:
        for number in (4, 2, 9):
            room.put(number, state)
        assert len(list(tmp_path.rglob("*.raw"))) == 2
        for number in (9, 4, 2):
            taken = room.take(number)
            assert taken.live["size"] == 7
            assert torch.equal(taken.waiting, x)
        room.put(4, state)
        assert not list(tmp_path.rglob("*.raw"))  # what was taken leaves its room
    assert not list(tmp_path.iterdir())


def feature_norm():
    from pellucid.norms import norm

    return [norm("instance").layer(3, 0.2)]


def test_those_of_patches_are_those_of_all_pixels_together(denoiser, noisy):
    patches = torch.from_numpy(np.stack([noisy[:64, :64], noisy[64:128, 64:128], noisy[:64, 128:192]]))[:, None]
    found = patch_statistics(denoiser, patches)
    for network, moments in zip(denoiser.networks(), found, strict=True):
        first = next(iter(feature_norms(network)))
        seen = record(network, lambda network=network: network(patches))[first]
        together = moments[first]
        torch.testing.assert_close(together.mean[0], seen.mean.mean(0), rtol=1e-4, atol=1e-5)
        var = seen.var.mean(0) + seen.mean.var(0, unbiased=False)
        torch.testing.assert_close(together.var[0], var, rtol=1e-4, atol=1e-6)
        assert together.pixels == 3 * seen.pixels


def test_the_error_is_the_standard_error_of_a_sample():
    generator = torch.Generator().manual_seed(0)
    draws = torch.randn(400, 25, 2000, generator=generator)  # repetitions, pieces, independent pixels
    parts = [
        Measured({"norm": [Moments(p.mean()[None, None], p.var(unbiased=False)[None, None], 2000) for p in pieces]})
        for pieces in draws[:40]
    ]
    expected = math.sqrt((1 / 50_000 + 1 / 100_000) / 2)  # of the mean σ²/n, of the deviation σ²/2n
    assert np.mean([part.error for part in parts]) == pytest.approx(expected, rel=0.15)
    assert Measured({"norm": parts[0].parts["norm"][:1]}).error == math.inf
    assert Measured({}).error == 0


def test_a_network_without_norms_needs_none(denoiser, noisy):
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 3, padding=1)).eval()
    with ActivationCache(math.inf) as room:
        assert measure_pieces(network, pieces_of(denoiser, noisy), room).moments == {}
    assert has_norms(denoiser)

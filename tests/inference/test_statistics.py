from __future__ import annotations

import pytest
import torch

from pellucid.inference.statistics import exact_statistics
from pellucid.inference.tiles import tiles
from pellucid.methods import RECIPES
from pellucid.norms import feature_norms, measure, record

ISCL = [name for name, settings in RECIPES.items() if settings["method"] == "iscl"]


@pytest.mark.parametrize("denoiser", ISCL, indirect=True)
def test_equal_those_that_the_whole_image_gives(denoiser, noisy):
    x = torch.from_numpy(noisy[:128, :160].copy())[None, None]
    plan = list(tiles(128, 160, 64, denoiser.reach))
    for network in denoiser.networks():
        expected = record(network, lambda network=network: network(x))
        found = exact_statistics(network, lambda box: x[:, :, box.slices[0], box.slices[1]], plan)
        assert list(found) == list(expected) == list(feature_norms(network))
        for name, moments in found.items():
            assert moments.pixels == expected[name].pixels
            torch.testing.assert_close(moments.mean, expected[name].mean, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(moments.var, expected[name].var, rtol=1e-4, atol=1e-6)
        assert all(norm.moments_of is measure for norm in feature_norms(network).values())


def test_a_network_without_norms_needs_none():
    network = torch.nn.Conv2d(1, 1, 3)
    assert exact_statistics(network, lambda box: torch.zeros(1, 1, 16, 16), list(tiles(16, 16, 16, 4))) == {}

from __future__ import annotations

import functools

import pytest
import torch
from torch import nn

from pellucid.methods import build, learning_recipes, make_recipe
from pellucid.norms import feature_norms

TINY = {"width": 8, "generator_width": 8, "blocks": 2}
"""As far as a recipe has these settings."""
SPECIAL = {"noise2noise": {"width": 6}}
"""Where a recipe refuses one of these."""


@functools.cache
def networks_of(recipe: str) -> list[nn.Module]:
    """Those of its denoiser that take the image; in float64, with norms as after some training. Not to be changed."""
    known = type(make_recipe(recipe)).model_fields
    settings = {key: value for key, value in TINY.items() if key in known} | SPECIAL.get(recipe, {})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        networks = build(make_recipe(recipe, settings=settings)).denoiser.networks()
        for network in networks:
            season(network)
    return networks


@torch.no_grad()
def season(network: nn.Module) -> None:
    """Move the parameters and running values of its norms."""
    network.double().requires_grad_(False).train()
    for layer in feature_norms(network).values():
        layer.momentum = 0.5
        for parameter in layer.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
        layer.constrain()
    for _ in range(3):
        network(torch.randn(2, 1, 32, 32, dtype=torch.float64))
    network.eval()


@pytest.fixture
def image():
    """Of a size that every network takes, and not the same everywhere."""
    x = torch.randn(1, 1, 32, 64, dtype=torch.float64) / 2
    x[:, :, 20:] += 0.5
    return x


@pytest.fixture(params=learning_recipes())
def networks(request):
    """All networks of a recipe's denoiser that take the image."""
    return networks_of(request.param)

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from torch import nn

from pellucid.data.patches import Patches, RandomBatches
from pellucid.methods import build, learning_recipes, make_recipe
from pellucid.norms import feature_norms
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue
from pellucid.training import Training


def unit(image):
    return (image / 127.5 - 1).astype(np.float32)


@functools.cache
def noisy_tissue():
    """Noisy tissue (160, 208), in [−1, 1]."""
    return unit(simulate(tissue((160, 208), seed=2), "film", seed=1))


@functools.cache
def trained_denoiser(recipe):
    """A denoiser after a short training on tissue, so that weights and running values are not those of the start."""
    clean = tissue((2, 160, 160), seed=1)
    noisy = [simulate(plane, "film", seed=4) for plane in tissue((2, 160, 160), seed=5)]
    sources = [Patches(list(images), unit, 64) for images in (clean, noisy)]
    settings = {"width": 8, "batch": 2, "steps": 10, "learning_rate": 3e-3}
    training = Training(build(make_recipe(recipe, settings=settings)), torch.device("cpu"))
    batches = RandomBatches(dict(zip(("clean", "noisy"), sources, strict=True)), batch=2, seed=0)
    for number in range(1, 11 if recipe == "proposed" else 5):  # seams are seen after ten steps
        training.step(batches(number))
    return training.method.denoiser.eval().requires_grad_(False)


@pytest.fixture
def noisy():
    return noisy_tissue()


@pytest.fixture
def denoiser(request):
    return trained_denoiser(getattr(request, "param", "proposed"))


@pytest.fixture(scope="session")
def large():
    """Noisy tissue (396, 404), in [−1, 1]."""
    return unit(simulate(tissue((396, 404), seed=7), "film", seed=2))


@pytest.fixture(scope="session")
def volume():
    """Noisy tissue (4, 120, 140), in [−1, 1]."""
    return np.stack([unit(simulate(plane, "film", seed=3)) for plane in tissue((4, 120, 140), seed=6)])


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
    """An image whose size every network takes, and which is not the same everywhere."""
    x = torch.randn(1, 1, 32, 64, dtype=torch.float64) / 2
    x[:, :, 20:] += 0.5
    return x


@pytest.fixture(params=learning_recipes())
def networks(request):
    """All networks of a recipe's denoiser that take the image."""
    return networks_of(request.param)

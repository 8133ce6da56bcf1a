from __future__ import annotations

import functools

import numpy as np
import pytest
import torch

from pellucid.methods import build, make_recipe
from pellucid.noise import simulate
from pellucid.phantom import tissue
from pellucid.sampling import Patches, RandomBatches
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
    for number in range(1, 11):
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

"""What several methods are asked: to flatten a flat image, and to go on from a saved state."""

from __future__ import annotations

import math

import torch

from pellucid.methods import build, make_recipe
from pellucid.training import Training, fit

SIGMA = 25 / 127.5
"""25 grey values of 255, on [−1, 1]."""


def independent(shape, generator):
    """Noise N(0, 25²), independent from pixel to pixel."""
    return SIGMA * torch.randn(shape, generator=generator)


def gain_on_flat(name, make_noise=independent, **settings):
    """Train on flat grey with noise: by how many dB an image never seen comes closer to grey."""
    recipe = make_recipe(name, "quick", settings)

    def batches(number):
        generator = torch.Generator().manual_seed(number)
        shape = (recipe.batch, 1, recipe.patch, recipe.patch)
        return {kind: make_noise(shape, generator) for kind in ("noisy", "pairs")}

    training = Training(build(recipe), torch.device("cpu"))
    fit(training, batches)
    noisy = make_noise((1, 1, 128, 128), torch.Generator().manual_seed(0))
    with torch.no_grad():
        denoised = training.averaged(batches)(noisy)
    return 10 * math.log10(noisy.square().mean() / denoised.square().mean())

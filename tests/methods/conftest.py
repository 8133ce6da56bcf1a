from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from pellucid.data.patches import Patches
from pellucid.evaluation import psnr
from pellucid.methods import build, make_recipe
from pellucid.runs.trainer import make_batches
from pellucid.simulation.noise import simulate
from pellucid.simulation.noise.calibrate import strength_for_psnr
from pellucid.simulation.phantom import tissue
from pellucid.training import Training, fit

SIDE = 128


def to_unit(image):
    return image.astype(np.float32) / np.float32(127.5) - 1


def correlation(image, reference):
    return np.corrcoef(image.ravel(), reference.ravel())[0, 1]


def mean_over_images(score, images, references):
    return float(np.mean([score(image, reference) for image, reference in zip(images, references, strict=True)]))


@pytest.fixture
def learned():
    """Train on a small phantom with noise of a stated PSNR: mean PSNR (dB) before and after, on images never seen.

    A flat grey image has 17.8 dB there, so that alone says little: the result must also be more like the truth.
    """

    def run(name, *, noise="gaussian", noisy_psnr=14.0, **settings):
        recipe = make_recipe(name, "quick", settings)
        planes = np.stack([tissue((SIDE, SIDE), seed=1_000_003 + plane) for plane in range(9)])
        clean, hidden, truth = np.split(planes, 3)
        strength = strength_for_psnr(hidden[0], noise, noisy_psnr)

        def corrupt(images, seed):
            return np.stack([simulate(image, noise, strength, seed + number) for number, image in enumerate(images)])

        given = {
            "clean": clean,
            "noisy": corrupt(hidden, 0),
            "pairs": hidden if build(recipe).supervision == "paired" else corrupt(hidden, 50),
            "noise": corrupt(np.full_like(hidden, 128), 70),
        }
        patches = {kind: Patches(list(images), to_unit, recipe.patch) for kind, images in given.items()}
        training = Training(build(recipe), torch.device("cpu"))
        batches = make_batches(training.method, patches)
        fit(training, batches)
        denoiser = training.averaged(batches) if recipe.weights == "average" else training.method.denoiser.eval()
        test = corrupt(truth, 90)
        with torch.no_grad():
            denoised = denoiser(torch.from_numpy(to_unit(test))[:, None])[:, 0].numpy()
        both = test.astype(np.float64), (denoised.astype(np.float64) + 1) * 127.5
        before, after = (mean_over_images(correlation, images, truth) for images in both)
        assert after > before
        return tuple(mean_over_images(partial(psnr, data_range=255), images, truth) for images in both)

    return run

"""Tissue with noise of known strength, in [−1, 1]."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from pellucid.assessment.pseudo_pairs import Pairs
from pellucid.simulation.phantom import tissue

DEVIATION = 0.2
"""Standard deviation of the noise."""


def specimens(count, side=128, seed=0):
    """Tissue, a list of (side, side); another seed shows other places."""
    return [(tissue((side, side), seed=seed + n) / 127.5 - 1).astype(np.float32) for n in range(count)]


def white(images, seed=0):
    """The images with white noise."""
    random = np.random.default_rng(seed)
    return [np.clip(each + random.normal(0, DEVIATION, each.shape), -1, 1).astype(np.float32) for each in images]


def grain(images, seed=0):
    """The images with correlated noise of the same strength."""
    random = np.random.default_rng(seed)
    noise = [gaussian_filter(random.normal(size=each.shape), 1.0, mode="wrap") for each in images]
    added = [each + DEVIATION * field / field.std() for each, field in zip(images, noise, strict=True)]
    return [np.clip(each, -1, 1).astype(np.float32) for each in added]


def white_pairs(count, side=128, seed=0):
    """Pairs of tissue with white noise and without."""
    truth = specimens(count, side, seed)
    return Pairs(np.stack(white(truth, seed))[:, None], np.stack(truth))

"""A model as a function of images in [−1, 1], the same pixels as in a file."""

from __future__ import annotations

import numpy as np

from pellucid.assessment.pseudo_pairs import Images, Pairs, Stacks
from pellucid.blockwise.arrays import open_arrays
from pellucid.blockwise.blocks import denoise_planes
from pellucid.blockwise.plan import DENOISED
from pellucid.methods.slices import slices_of
from pellucid.model import Model


def denoise_with(model: Model, noisy: Images) -> Images:
    """Denoise images (N, Y, X) in [−1, 1], each with statistics of its own; results are clipped.

    They are unrelated: a model that sees slices is given stacks, see `denoise_stacks`.
    """
    return denoise_stacks(model, noisy[:, None])


def denoise_stacks(model: Model, noisy: Stacks) -> Images:
    """Likewise the middle ones of stacks (N, slices, Y, X)."""
    spec = model.with_intensity_range(-1, 1).spec
    images = open_arrays(list(noisy)).images
    middle = [(noisy.shape[1] // 2,)]
    planes = (block.results[DENOISED] for image in images for block in denoise_planes(spec, image, planes=middle))
    denoised: Images = np.clip(np.stack([plane.reshape(noisy.shape[2:]) for plane in planes]), -1, 1)
    return denoised


def denoise_among(model: Model, stacks: Stacks, images: Images) -> Images:
    """Denoise images (N, Y, X) in the place of the middle ones of stacks."""
    changed = stacks.copy()
    changed[:, stacks.shape[1] // 2] = images
    return denoise_stacks(model, changed)


def denoise_pairs(model: Model, pairs: Pairs) -> Images:
    """What a model makes of the noisy images of pairs, (N, Y, X), with as many of their slices as it sees."""
    return denoise_stacks(model, pairs.seen(slices_of(model.denoiser)))

"""A model as a function of images in [−1, 1], the same pixels as in a file."""

from __future__ import annotations

import numpy as np

from pellucid.assessment.pseudo_pairs import Images
from pellucid.blockwise.arrays import open_arrays
from pellucid.blockwise.blocks import denoise_planes
from pellucid.blockwise.plan import DENOISED
from pellucid.model import Model


def denoise_with(model: Model, noisy: Images) -> Images:
    """Denoise images (N, Y, X) in [−1, 1], each with statistics of its own; results are clipped."""
    spec = model.with_intensity_range(-1, 1).spec
    images = open_arrays(list(noisy)).images
    planes = (block.results[DENOISED] for image in images for block in denoise_planes(spec, image))
    denoised: Images = np.clip(np.stack([plane.reshape(noisy.shape[1:]) for plane in planes]), -1, 1)
    return denoised

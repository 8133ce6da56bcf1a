"""Images whose pixels tell where they come from."""

from __future__ import annotations

import numpy as np

from pellucid.data.patches import Patches


def as_they_are(pixels):
    return pixels.astype(np.float32)


def numbered(*shapes):
    """Images of which every pixel has a number of its own."""
    start, images = 0, []
    for shape in shapes:
        images.append(np.arange(start, start + np.prod(shape)).reshape(shape))
        start += int(np.prod(shape))
    return images


def patches_of(images, size=8):
    return Patches(images, as_they_are, size)

"""What `pellucid methods` lists, before any method is imported: which recipe to take, and what each one needs."""

from __future__ import annotations

from typing import NamedTuple


class Choice(NamedTuple):
    """What to take for what somebody has.

    Attributes:
        have: images, in words.
        take: the recipe to begin with.
        command: how it is used.
    """

    have: str
    take: str
    command: str


class Listed(NamedTuple):
    """A recipe in the list.

    Attributes:
        method: its title.
        needs: the options that give it its images, or "the image itself".
    """

    method: str
    needs: str


CHOICES = (
    Choice("noisy images and unrelated clean ones", "proposed", "train --noisy --clean"),
    Choice("noisy images, each with its truth", "redcnn", "train --noisy --pairs"),
    Choice("two noisy copies of each image", "noise2noise", "train --noisy --pairs"),
    Choice("noisy images only", "noise2void", "train --noisy"),
    Choice("one image, and no time to train", "bm3d", "denoise"),
    Choice("one image, and time to learn from it", "self2self", "denoise"),
)
"""Which one to take, the usual case first."""

UNPAIRED, PAIRED, NOISY, ITSELF = "--noisy --clean", "--noisy --pairs", "--noisy", "the image itself"

LISTED = {
    "proposed": Listed("ISCL", UNPAIRED),
    "iscl": Listed("ISCL", UNPAIRED),
    "iscl-batch": Listed("ISCL", UNPAIRED),
    "iscl-layer": Listed("ISCL", UNPAIRED),
    "iscl-group": Listed("ISCL", UNPAIRED),
    "iscl-switchable": Listed("ISCL", UNPAIRED),
    "cyclegan": Listed("CycleGAN", UNPAIRED),
    "quan": Listed("Quan et al.", f"{UNPAIRED} --noise"),
    "uidnet": Listed("UIDNet", UNPAIRED),
    "adn": Listed("ADN", UNPAIRED),
    "drgan": Listed("DRGAN", UNPAIRED),
    "mean-matched": Listed("mean-matched noisy image", UNPAIRED),
    "dncnn": Listed("DnCNN", PAIRED),
    "redcnn": Listed("RED-CNN", PAIRED),
    "cagan": Listed("CaGAN", PAIRED),
    "bm3d-oracle": Listed("BM3D (oracle σ)", PAIRED),
    "noise2noise": Listed("Noise2Noise", PAIRED),
    "noise2void": Listed("Noise2Void", NOISY),
    "noise2self": Listed("Noise2Self", NOISY),
    "noise2kernel": Listed("Noise2Kernel (MSE)", NOISY),
    "self2self": Listed("Self2Self", ITSELF),
    "bm3d": Listed("BM3D", ITSELF),
    "bm3d-log": Listed("BM3D-log", ITSELF),
    "nlm": Listed("non-local means", ITSELF),
    "tv": Listed("total variation", ITSELF),
    "wavelet": Listed("wavelet", ITSELF),
    "gaussian": Listed("Gaussian", ITSELF),
    "median": Listed("median", ITSELF),
    "noisy": Listed("noisy image", ITSELF),
}
"""Every recipe by what it needs. Their classes say the same, which a test holds together: importing them takes
seconds."""

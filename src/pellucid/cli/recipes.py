"""The lists of `pellucid methods`, which imports no method: recommended recipes, and what each recipe needs."""

from __future__ import annotations

from typing import NamedTuple


class Recommendation(NamedTuple):
    """The recipe to try first with some kind of images.

    Attributes:
        have: the images.
        take: the recipe; or "em", the model in the box.
        command: the command and its options.
    """

    have: str
    take: str
    command: str


class Listed(NamedTuple):
    """A recipe in the list.

    Attributes:
        method: full name of the method.
        needs: the options for its images, or "the image itself".
    """

    method: str
    needs: str


DEFAULT = "noise-transfer"
"""The recipe that `pellucid train` takes if none is named."""

BOXED = "em"
"""The model in the box, which is no recipe."""

RECOMMENDED = (
    Recommendation("noisy images, each with its truth", "student", "train --noisy --pairs"),
    Recommendation("two noisy copies of each place", "noise2noise", "train --noisy --pairs"),
    Recommendation("clean images of other places", DEFAULT, "train --noisy --clean"),
    Recommendation("many images, independent noise", "noise2void", "train --noisy"),
    Recommendation("one image, independent noise", "bm3d", "denoise"),
    Recommendation("one image, time to train on it", "self2self", "denoise"),
    Recommendation("anything else, or no time", BOXED, "denoise"),
)
"""The first that fits is the one to take; `tools/method_figure.py` draws them. "Independent" is from pixel to pixel."""

UNPAIRED, PAIRED, NOISY, ITSELF = "--noisy --clean", "--noisy --pairs", "--noisy", "the image itself"

LISTED = {
    "noise-transfer": Listed("Noise transfer", UNPAIRED),
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
    "student": Listed("student", PAIRED),
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
"""All recipes by name. A test compares this and the default with the methods, whose import would take seconds."""

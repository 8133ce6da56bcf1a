"""What a page calls a recipe, and one line on what it is for: nobody should have to know names such as "nlm"."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """What a recipe is called.

    Attributes:
        title: a few words.
        purpose: when to take it, in one line.
    """

    title: str
    purpose: str


WORDS = {
    "noise-transfer": Words("Noise transfer", "The one to try first: puts noise like yours on clean images."),
    "proposed": Words("ISCL, as proposed", "Translates noisy into clean and back; the method of the paper."),
    "iscl": Words("ISCL, batch-instance norm", "ISCL as first published: to compare with."),
    "iscl-batch": Words("ISCL, batch norm", "ISCL with one norm in all networks: to compare norms."),
    "iscl-layer": Words("ISCL, layer norm", "ISCL with one norm in all networks: to compare norms."),
    "iscl-group": Words("ISCL, group norm", "ISCL with one norm in all networks: to compare norms."),
    "iscl-switchable": Words("ISCL, switchable norm", "ISCL with one norm in all networks: to compare norms."),
    "cyclegan": Words("CycleGAN", "Translates noisy into clean and back; it may invent detail."),
    "uidnet": Words("UIDNet", "For noise that depends little on its neighbours; fast afterwards."),
    "adn": Words("ADN", "For noise that differs from image to image; slow to train."),
    "drgan": Words("DRGAN", "For noisy images with flat, empty places; it needs many steps."),
    "student": Words("Student", "The one to try first where each noisy image has its truth."),
    "dncnn": Words("DnCNN", "Where each image has its truth: a fast, robust baseline."),
    "redcnn": Words("RED-CNN", "Where each image has its truth: quality before speed."),
    "cagan": Words("CaGAN", "Where each image has its truth: sharp structure before time."),
    "noise2noise": Words("Noise2Noise", "For two noisy copies of each place."),
    "noise2void": Words("Noise2Void", "For noisy images alone, if their noise is independent from pixel to pixel."),
    "noise2self": Words("Noise2Self", "As Noise2Void; learns from more pixels in each step."),
    "noise2kernel": Words("Noise2Kernel", "As Noise2Void; single pixels of detail are lost."),
    "self2self": Words("Self2Self", "Learns from each image by itself: takes very long."),
    "bm3d": Words("BM3D", "Averages similar blocks; for noise without streaks or clumps."),
    "bm3d-log": Words("BM3D of logarithms", "As BM3D, for noise that grows with brightness."),
    "nlm": Words("Non-local means", "Averages places that look alike."),
    "tv": Words("Total variation", "Flattens what is between edges; may look like patches."),
    "wavelet": Words("Wavelet", "Shrinks fine detail that is as weak as the noise."),
    "gaussian": Words("Gaussian", "Blurs; the simplest comparison."),
    "median": Words("Median", "Takes out single bright or dark pixels."),
}
"""By recipe; a test compares it with what the pages offer."""

"""Images without faults, and altered copies with one fault each, for `checks.py`."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from pellucid.simulation.noise import simulate
from pellucid.simulation.noise.registry import SIMULATORS
from pellucid.simulation.phantom import tissue

Picture = NDArray[Any]
Pictures = list[Picture]

FOLDERS = ("sem_drosophila", "tem_neutrophil", "sem_myelin")
RESIN = "noise_sem_resin"
UNLIKE = "noisy_sem_fast_scan"
"""Images that differ much from each other."""
NOISES = ("film", "charge", "gaussian", "poisson", "speckle")
IMAGES = 3
SIDE = 384


class Trial(NamedTuple):
    """Clean and noisy images, and the checks of which one must give a warning; none if nothing is wrong."""

    alteration: str
    clean: Pictures
    noisy: Pictures
    wanted: frozenset[str]


Alter = Callable[[Pictures, Pictures, np.random.Generator], tuple[Pictures, Pictures]]


def tissues(data: Path | None, split: int) -> dict[str, Pictures]:
    """Clean images by tissue: one half of the images of each, by split."""
    found = {"phantom": [tissue((SIDE, SIDE), seed=100 * split + seed) for seed in range(10)]}
    for folder in FOLDERS if data else ():
        assert data is not None
        whole = pictures_of(data / folder)
        half = len(whole) // 2
        pictures = (whole[:half], whole[half:])[split]
        if pictures:
            found[folder] = [cut for picture in pictures for cut in _cuts(picture)][:20]
    return found


def pictures_of(folder: Path) -> Pictures:
    """All images of a folder, sorted by name; none if there is no folder."""
    files = sorted(path for path in folder.glob("*") if path.suffix in (".png", ".tif"))
    return [np.asarray(Image.open(path).convert("L")) for path in files]


def _cuts(picture: Picture) -> Pictures:
    rows, columns = (range(0, size - SIDE + 1, SIDE) for size in picture.shape)
    return [picture[top : top + SIDE, left : left + SIDE] for top in rows for left in columns]


def noisy_copy(pictures: Pictures, rng: np.random.Generator, share: float = 1.0) -> Pictures:
    """The images with one kind of noise, with a new seed for each image."""
    kind = str(rng.choice(NOISES))
    strength = share * SIMULATORS[kind].strength
    return [simulate(picture, kind, strength, seed=int(rng.integers(2**31))) for picture in pictures]


def flat(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    """Noise on a flat image; not charge noise, which needs objects."""
    kind = str(rng.choice([kind for kind in NOISES if kind != "charge"]))
    return [simulate(np.full_like(picture, 130), kind, seed=int(rng.integers(2**31))) for picture in pictures]


def saturated(pictures: Pictures) -> set[str]:
    """Checks that may give a warning because more than 1 % of the pixels are black or white."""
    share = max(float(np.mean([np.mean(picture == end) for picture in pictures])) for end in (0, 255))
    return {"clipped", "bars"} if share > 0.01 else set()


def zoomed(picture: Picture, factor: float) -> Picture:
    """The image at another magnification, cropped or smaller."""
    side = int(min(picture.shape) / max(factor, 1))
    cut = picture[:side, :side].astype(np.float64)
    blurred = ndimage.gaussian_filter(cut, 0.5 / factor) if factor < 1 else cut
    return _bytes(ndimage.zoom(blurred, factor, order=1))


def barred(picture: Picture) -> Picture:
    """The image with an info bar at the bottom: black with light letters."""
    out = picture.copy()
    bar = out[-out.shape[0] // 14 :]
    bar[...] = 0
    bar[8:-8:6, 20:180:5] = 255
    return out


def jpeg(picture: Picture) -> Picture:
    """The image after JPEG compression of quality 70."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=70)
    return np.asarray(Image.open(file))


def clipped(picture: Picture, share: float = 0.077) -> Picture:
    """The image stretched so that this share of the pixels becomes black."""
    low = np.quantile(picture, share)
    return _bytes((picture - low) * 255.0 / (255 - low))


def flattened(picture: Picture) -> Picture:
    """The image with half the contrast around middle grey."""
    return _bytes(128 + (picture - 128.0) / 2)


def _bytes(values: NDArray[np.float64]) -> Picture:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def each(change: Callable[[Picture], Picture]) -> Callable[[Pictures], Pictures]:
    """Apply a change to every image."""
    return lambda pictures: [change(picture) for picture in pictures]


def trials(places: Pictures, rng: np.random.Generator) -> list[Trial]:
    """All alterations of one draw from a tissue: clean images, and noisy images of other places."""
    order = rng.permutation(len(places))
    count = min(IMAGES, len(places) // 2)
    clean, truth = ([places[int(at)] for at in part] for part in (order[:count], order[count : 2 * count]))
    seed = int(rng.integers(2**31))

    def noise(pictures: Pictures) -> Pictures:
        return noisy_copy(pictures, np.random.default_rng(seed))

    noisy = noise(truth)
    made: list[tuple[str, Pictures, Pictures, set[str]]] = [
        ("none", clean, noisy, set()),
        ("swapped", noisy, clean, {"swapped"}),
        ("clean as noisy", clean, truth, {"hardly any noise"}),
        ("inverted", clean, each(lambda p: 255 - p)(noisy), {"polarity"}),
        ("half magnification", clean, noise(each(lambda p: zoomed(p, 0.5))(truth)), {"magnification"}),
        ("double magnification", clean, noise(each(lambda p: zoomed(p, 2))(truth)), {"magnification"}),
        ("clean at half brightness", each(lambda p: p // 2)(clean), noisy, {"brightness"}),
        (
            "clean at half contrast",
            each(flattened)(clean),
            noisy,
            {"contrast", "brightness"},
        ),
        ("clean clipped", each(clipped)(clean), noisy, {"clipped"}),
        ("info bar in clean", each(barred)(clean), noisy, {"bars"}),
        ("JPEG in clean", each(jpeg)(clean), noisy, {"compressed"}),
        ("one clean image", clean[:1], noisy, {"single image", "too few pixels"}),
        ("tiny clean", each(lambda p: p[:48, :48])(clean), noisy, {"tiny images"}),
        ("pairs", truth, noisy, {"pairs"}),
        ("shared image", [*clean, noisy[0]], noisy, {"duplicates"}),
        ("repeated image", [*clean, clean[0]], noisy, {"repeated"}),
        ("8 grey levels", each(lambda p: p // 32 * 32)(clean), noisy, {"coarse grey levels"}),
        ("noise alone", clean, flat(truth, rng), {"no structure"}),
    ]
    return [Trial(name, one, other, frozenset(wanted)) for name, one, other, wanted in made]


def models(places: Pictures, rng: np.random.Generator) -> list[tuple[str, Pictures, Pictures, set[str]]]:
    """Noisy images that a model was trained on, others to denoise, and the checks that must give a warning."""
    order = rng.permutation(len(places))
    count = min(IMAGES, len(places) // 2)
    seed = int(rng.integers(2**31))

    def noisy(part: NDArray[np.int64], change: Callable[[Picture], Picture] = lambda picture: picture) -> Pictures:
        return noisy_copy([change(places[int(at)]) for at in part], np.random.default_rng(seed))

    one, other = noisy(order[:count]), noisy(order[count : 2 * count])
    deep = each(lambda p: p.astype(np.uint16) * 257)
    return [
        ("model: as in training", one, other, set()),
        ("model: 12 bits in uint16", deep(one), each(lambda p: p.astype(np.uint16) * 16)(other), {"range"}),
        ("model: half brightness", one, each(lambda p: p // 2)(other), {"range"}),
        ("model: inverted", one, each(lambda p: 255 - p)(other), {"polarity"}),
        (
            "model: half magnification",
            one,
            noisy(order[count : 2 * count], lambda p: zoomed(p, 0.5)),
            {"magnification"},
        ),
        (
            "model: double magnification",
            one,
            noisy(order[count : 2 * count], lambda p: zoomed(p, 2)),
            {"magnification"},
        ),
    ]


def resin(data: Path, split: int, rng: np.random.Generator) -> Pictures:
    """Captured noise without tissue."""
    files = sorted((data / RESIN).glob("*.png"))
    half = files[split * len(files) // 2 :][: len(files) // 2]
    return [np.asarray(Image.open(half[int(at)]).convert("L")) for at in rng.permutation(len(half))[:IMAGES]]


ALSO = {
    "swapped": {"clipped"},
    "half magnification": {"too few pixels"},
    "tiny clean": {"too few pixels"},
    "8 grey levels": {"bars"},
    "pairs": {"hardly any noise"},
}
"""Warnings that are also true of an alteration: neither hits nor false alarms."""

"""The files of a dataset, made once: OUT/datasets/NAME/{clean,noisy,copy,noise}/*.tif and dataset.json.

Images have 8 bits, as in the published protocol. Images of noise alone are floats in which 255 is the factor 1, so
that noisy = clean · noise / 255.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.benchmark.dataset_folder import (
    DatasetFiles,
    Image,
    eight_bit,
    file_names,
    made_once,
    pixels_of,
    write_images,
)
from pellucid.benchmark.datasets import Dataset
from pellucid.data.intensity_range import IntensityRange
from pellucid.data.sample import evenly_spaced
from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.evaluation import match_planes
from pellucid.simulation.noise import simulate, strength_for_psnr
from pellucid.simulation.phantom import tissue

PHANTOM_SEED = 9000
COPY_SEED, NOISE_SEED = 1_000_000, 2_000_000
"""Image i gets the noise of seed i; its second noisy copy and its image of noise alone are independent of it."""

GREY = 0.5
CALIBRATION_IMAGES = 8


def prepare(dataset: Dataset, out: Path) -> DatasetFiles:
    """Return the files of a dataset in `out`/datasets; make them if they do not exist.

    Raises:
        InputError: images cannot be used, or the files were made from other sources or settings.
        RunError: the disk is full.
    """
    return made_once(out / "datasets" / dataset.name, _made_of(dataset), lambda folder: _make(dataset, folder))


def _made_of(dataset: Dataset) -> dict[str, Any]:
    if dataset.clean is None:
        return {
            "phantom": [dataset.phantom.images, dataset.phantom.side],
            "simulator": dataset.simulator,
            "psnr": dataset.psnr,
            "real": False,
        }
    sources = {"clean": dataset.clean, "noisy": dataset.noisy, "noise": dataset.noise}
    prints = {kind: open_source(folder).fingerprint() for kind, folder in sources.items() if folder is not None}
    return {**prints, "simulator": dataset.simulator, "psnr": dataset.psnr, "real": dataset.real}


def _make(dataset: Dataset, folder: Path) -> DatasetFiles:
    if dataset.clean is None:
        count, side = dataset.phantom.images, dataset.phantom.side
        images = [tissue((side, side), PHANTOM_SEED + number) for number in range(count)]
        stems = [f"tissue_{number:02d}" for number in range(count)]
    else:
        planes = open_source(dataset.clean).planes
        images, stems = eight_bit(planes, planes), file_names(planes)
    names = {"clean": write_images(folder / "clean", stems, images)}
    strength = noise_of = None
    if dataset.simulator == "captured":
        found, strength, noise_of = _captured(dataset, folder, stems, images)
        names |= found
    elif dataset.simulator:
        strength = None if dataset.psnr is None else _strength(images, dataset.simulator, dataset.psnr)
        names |= _simulated(folder, stems, images, dataset.simulator, strength)
    else:
        names["noisy"] = _given_noisy(dataset, folder, stems)
    if dataset.noise and "noise" not in names:
        names["noise"] = write_images(folder / "noise", *_given_noise(dataset))
    return DatasetFiles(strength=strength, truth=not dataset.real, names=names, noise_of=noise_of)


def _given_noise(dataset: Dataset) -> tuple[list[str], list[Image]]:
    """The names of the images of noise alone, and their pixels, white = 255."""
    planes = open_source(dataset.noise).planes
    white = IntensityRange.from_dtype(planes[0].dtype).high if planes[0].dtype.kind in "iu" else 1.0
    return file_names(planes), [(pixels_of(plane) * (255.0 / white)).astype(np.float32) for plane in planes]


def _given_noisy(dataset: Dataset, folder: Path, stems: Sequence[str]) -> tuple[str, ...]:
    clean, noisy = open_source(dataset.clean).planes, open_source(dataset.noisy).planes
    if dataset.real:
        return write_images(folder / "noisy", file_names(noisy), eight_bit(noisy, noisy))
    pairs = match_planes(clean, noisy, ("clean image", "noisy image"))
    for truth, partner in pairs:
        if truth.shape != partner.shape:
            sizes = " and ".join(f"{plane.shape[0]}×{plane.shape[1]}" for plane in (truth, partner))
            raise InputError(f"{partner.name}: is not a noisy version of {truth.name}: their sizes are {sizes}")
    return write_images(folder / "noisy", stems, eight_bit([partner for _, partner in pairs], clean))


def _captured(
    dataset: Dataset, folder: Path, stems: Sequence[str], images: Sequence[Image]
) -> tuple[dict[str, tuple[str, ...]], float | None, tuple[int, ...]]:
    """Write the noisy images and the noise alone; return their names, the strength, and the noise image in each.

    Each image is multiplied by an image of noise or, for a given PSNR, gets that noise without its mean, strengthened.
    """
    names, noise = _given_noise(dataset)
    recorded = [np.clip(image / np.float32(255), 0, 1) for image in noise]
    # neighbouring images, which are of one fold in blocks, share noise; test and training images do not
    noise_of = tuple(number * len(noise) // len(images) for number in range(len(images)))
    strength, how = None, "multiply"
    if dataset.psnr is not None:
        how = "add"
        strength = _strength(images, "captured", dataset.psnr, noise_images=recorded, how=how)
        noise = [_on_grey(image.shape, "captured", strength, 0, noise_images=[image], how=how) for image in recorded]
    noisy = [
        simulate(image, "captured", strength, number, noise_images=[recorded[which]], how=how)
        for number, (image, which) in enumerate(zip(images, noise_of, strict=True))
    ]
    written = {
        "noise": write_images(folder / "noise", names, noise),
        "noisy": write_images(folder / "noisy", stems, noisy),
    }
    return written, strength, noise_of


def _simulated(
    folder: Path, stems: Sequence[str], images: Sequence[Image], kind: str, strength: float | None
) -> dict[str, tuple[str, ...]]:
    """Write two noisy copies of each image, and one image of noise alone."""
    names = {}
    for target, seed in (("noisy", 0), ("copy", COPY_SEED)):
        noisy = [simulate(image, kind, strength, seed + number) for number, image in enumerate(images)]
        names[target] = write_images(folder / target, stems, noisy)
    noise = [_on_grey(image.shape, kind, strength, NOISE_SEED + number) for number, image in enumerate(images)]
    return names | {"noise": write_images(folder / "noise", stems, noise)}


def _on_grey(shape: tuple[int, ...], kind: str, strength: float | None, seed: int, **options: Any) -> Image:
    """Noise alone, as factor of a grey field, times 255."""
    noisy: Image = simulate(np.full(shape, GREY, np.float32), kind, strength, seed, **options)
    return noisy * np.float32(255 / GREY)


def _strength(images: Sequence[Image], kind: str, psnr: float, **options: Any) -> float:
    """The strength for all images, measured on some of them, cropped to one size."""
    chosen = [images[i] for i in evenly_spaced(len(images), CALIBRATION_IMAGES)]
    height, width = (min(image.shape[axis] for image in chosen) for axis in (0, 1))
    return strength_for_psnr(np.stack([image[:height, :width] for image in chosen]), kind, psnr, **options)

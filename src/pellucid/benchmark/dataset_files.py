"""The files of a dataset, made once: OUT/datasets/NAME/{clean,noisy,copy,noise}/*.tif and dataset.json.

Images have 8 bits, as in the published protocol. Images of noise alone are floats in which 255 is the factor 1, so
that noisy = clean · noise / 255.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from pellucid.benchmark.datasets import Dataset
from pellucid.data.intensity_range import IntensityRange
from pellucid.data.sample import evenly_spaced
from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.evaluation import match_planes
from pellucid.files import writing
from pellucid.io.image import Plane, check_finite
from pellucid.io.writing import write_array
from pellucid.report import terminal
from pellucid.simulation.noise import simulate, strength_for_psnr
from pellucid.simulation.phantom import tissue

Image = NDArray[Any]

PHANTOM_SEED = 9000
COPY_SEED, NOISE_SEED = 1_000_000, 2_000_000
"""Image i gets the noise of seed i; its second noisy copy and its image of noise alone are independent of it."""

GREY = 0.5
CALIBRATION_IMAGES = 8


class DatasetFiles(BaseModel):
    """The content of dataset.json.

    Attributes:
        folder: the folder of the files.
        made_of: the sources and settings that the files were made from.
        strength: the strength of the simulated noise.
        truth: whether noisy image i is clean image i with noise.
        names: file names by kind, in order, without extension.
        noise_of: the number of the noise image in each noisy image, if it is known.
        fingerprint: SHA-256 of all files.
    """

    model_config = ConfigDict(extra="forbid")

    folder: Path = Path()
    made_of: dict[str, Any]
    strength: float | None = None
    truth: bool
    names: dict[str, tuple[str, ...]]
    noise_of: tuple[int, ...] | None = None
    fingerprint: str = ""

    @property
    def count(self) -> int:
        """The number of noisy images, which the folds split."""
        return len(self.names["noisy"])

    def paths(self, kind: str, indices: Sequence[int] | None = None) -> list[str]:
        """Paths of the files of a kind: all, or those at `indices`."""
        names = self.names[kind]
        chosen = names if indices is None else [names[index] for index in indices]
        return [str((self.folder / kind / f"{name}.tif").absolute()) for name in chosen]


def prepare(dataset: Dataset, out: Path) -> DatasetFiles:
    """Return the files of a dataset in `out`/datasets; make them if they do not exist.

    Raises:
        InputError: images cannot be used, or the files were made from other sources or settings.
        RunError: the disk is full.
    """
    folder = out / "datasets" / dataset.name
    made_of = _made_of(dataset)
    if not (folder / "dataset.json").exists():
        if folder.exists():
            raise InputError(f"{folder}: was not made by a benchmark and is not changed: choose another --out")
        with writing(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(prefix=f".{dataset.name}-", dir=folder.parent))
        try:
            files = _make(dataset, temporary, made_of)
            (temporary / "dataset.json").write_text(
                files.model_dump_json(indent=1, exclude={"folder"}), encoding="utf-8"
            )
            _move(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    files = _read(folder)
    if files.made_of != made_of:
        different = [key for key in made_of if made_of[key] != files.made_of.get(key)]
        raise InputError(
            f"{folder}: was made from other sources or settings ({', '.join(different)}): choose another --out"
        )
    return files


def _move(temporary: Path, folder: Path) -> None:
    try:
        temporary.chmod(0o755)
        temporary.replace(folder)
    except OSError:  # another shard has made the same files by now
        if not (folder / "dataset.json").exists():
            raise


def _read(folder: Path) -> DatasetFiles:
    try:
        files = DatasetFiles.model_validate_json((folder / "dataset.json").read_text(encoding="utf-8"))
    except (OSError, ValidationError) as problem:
        reason = str(problem).splitlines()[0]
        raise InputError(
            f"{folder}/dataset.json: cannot be read ({reason}): remove {folder}, and it is made again"
        ) from None
    return files.model_copy(update={"folder": folder})


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


def _make(dataset: Dataset, folder: Path, made_of: dict[str, Any]) -> DatasetFiles:
    if dataset.clean is None:
        count, side = dataset.phantom.images, dataset.phantom.side
        images = [tissue((side, side), PHANTOM_SEED + number) for number in range(count)]
        stems = [f"tissue_{number:02d}" for number in range(count)]
    else:
        planes = open_source(dataset.clean).planes
        images, stems = _eight_bit(planes, planes), _names(planes)
    names = {"clean": _write(folder / "clean", stems, images)}
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
        names["noise"] = _write(folder / "noise", *_given_noise(dataset))
    return DatasetFiles(
        made_of=made_of,
        strength=strength,
        truth=not dataset.real,
        names=names,
        noise_of=noise_of,
        fingerprint=_fingerprint(folder),
    )


def _given_noise(dataset: Dataset) -> tuple[list[str], list[Image]]:
    """The names of the images of noise alone, and their pixels, white = 255."""
    planes = open_source(dataset.noise).planes
    white = IntensityRange.from_dtype(planes[0].dtype).high if planes[0].dtype.kind in "iu" else 1.0
    return _names(planes), [(_pixels(plane) * (255.0 / white)).astype(np.float32) for plane in planes]


def _given_noisy(dataset: Dataset, folder: Path, stems: Sequence[str]) -> tuple[str, ...]:
    clean, noisy = open_source(dataset.clean).planes, open_source(dataset.noisy).planes
    if dataset.real:
        return _write(folder / "noisy", _names(noisy), _eight_bit(noisy, noisy))
    pairs = match_planes(clean, noisy, ("clean image", "noisy image"))
    for truth, partner in pairs:
        if truth.shape != partner.shape:
            sizes = " and ".join(f"{plane.shape[0]}×{plane.shape[1]}" for plane in (truth, partner))
            raise InputError(f"{partner.name}: is not a noisy version of {truth.name}: their sizes are {sizes}")
    return _write(folder / "noisy", stems, _eight_bit([partner for _, partner in pairs], clean))


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
    written = {"noise": _write(folder / "noise", names, noise), "noisy": _write(folder / "noisy", stems, noisy)}
    return written, strength, noise_of


def _simulated(
    folder: Path, stems: Sequence[str], images: Sequence[Image], kind: str, strength: float | None
) -> dict[str, tuple[str, ...]]:
    """Write two noisy copies of each image, and one image of noise alone."""
    names = {}
    for target, seed in (("noisy", 0), ("copy", COPY_SEED)):
        noisy = [simulate(image, kind, strength, seed + number) for number, image in enumerate(images)]
        names[target] = _write(folder / target, stems, noisy)
    noise = [_on_grey(image.shape, kind, strength, NOISE_SEED + number) for number, image in enumerate(images)]
    return names | {"noise": _write(folder / "noise", stems, noise)}


def _on_grey(shape: tuple[int, ...], kind: str, strength: float | None, seed: int, **options: Any) -> Image:
    """Noise alone, as factor of a grey field, times 255."""
    noisy: Image = simulate(np.full(shape, GREY, np.float32), kind, strength, seed, **options)
    return noisy * np.float32(255 / GREY)


def _strength(images: Sequence[Image], kind: str, psnr: float, **options: Any) -> float:
    """The strength for all images, measured on some of them, cropped to one size."""
    chosen = [images[i] for i in evenly_spaced(len(images), CALIBRATION_IMAGES)]
    height, width = (min(image.shape[axis] for image in chosen) for axis in (0, 1))
    return strength_for_psnr(np.stack([image[:height, :width] for image in chosen]), kind, psnr, **options)


def _eight_bit(planes: Sequence[Plane], scale: Sequence[Plane]) -> list[Image]:
    """The pixels, unchanged if uint8, else all mapped to 8 bits by the intensity range of the planes `scale`."""
    if all(plane.dtype == np.uint8 for plane in planes):
        return [_pixels(plane) for plane in planes]
    intensity_range = IntensityRange.from_source(scale)
    terminal.warn(
        f"{planes[0].name} has dtype {planes[0].dtype.name}. The protocol uses 8 bits, so "
        f"{intensity_range.low:g} becomes 0 and {intensity_range.high:g} becomes 255"
    )
    units = (intensity_range.normalize(_pixels(plane)) for plane in planes)
    return [np.clip(np.rint((x + 1) * 127.5), 0, 255).astype(np.uint8) for x in units]


def _pixels(plane: Plane) -> Image:
    pixels = plane.read()
    check_finite(plane.name, pixels)
    return pixels


def _names(planes: Sequence[Plane]) -> list[str]:
    """File names for the planes: the names of their files, numbered if these are not unique."""
    stems = [re.sub(r"[^\w.-]+", "-", Path(re.sub(r"\[[\d,]+\]$", "", plane.name)).stem) for plane in planes]
    if len(set(stems)) == len(stems):
        return stems
    return [f"{number:04d}-{stem}" for number, stem in enumerate(stems)]


def _write(folder: Path, names: Sequence[str], images: Sequence[Image]) -> tuple[str, ...]:
    for name, image in zip(names, images, strict=True):
        write_array(folder / f"{name}.tif", image)
    return tuple(names)


def _fingerprint(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.tif")):
        digest.update(f"{path.relative_to(folder).as_posix()}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()

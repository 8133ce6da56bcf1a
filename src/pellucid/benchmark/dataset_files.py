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
        names = [f"tissue_{number:02d}" for number in range(count)]
    else:
        planes = open_source(dataset.clean).planes
        images, names = _eight_bit(planes, planes), _names(planes)
    _write(folder, "clean", names, images)
    files = DatasetFiles(made_of=made_of, truth=not dataset.real, names={"clean": tuple(names)})
    files = _given_noise(dataset, folder, files) if dataset.noise else files
    files = _simulate(dataset, folder, files, images) if dataset.simulator else _given_noisy(dataset, folder, files)
    return files.model_copy(update={"fingerprint": _fingerprint(folder)})


def _given_noise(dataset: Dataset, folder: Path, files: DatasetFiles) -> DatasetFiles:
    planes = open_source(dataset.noise).planes
    names = _names(planes)
    white = IntensityRange.from_dtype(planes[0].dtype).high if planes[0].dtype.kind in "iu" else 1.0
    _write(folder, "noise", names, [(_pixels(plane) * (255.0 / white)).astype(np.float32) for plane in planes])
    return files.model_copy(update={"names": {**files.names, "noise": tuple(names)}})


def _given_noisy(dataset: Dataset, folder: Path, files: DatasetFiles) -> DatasetFiles:
    clean, noisy = open_source(dataset.clean).planes, open_source(dataset.noisy).planes
    if dataset.real:
        names = _names(noisy)
    else:
        pairs = match_planes(clean, noisy, ("clean image", "noisy image"))
        noisy, names = [partner for _, partner in pairs], list(files.names["clean"])
        for truth, partner in pairs:
            if truth.shape != partner.shape:
                sizes = " and ".join(f"{plane.shape[0]}×{plane.shape[1]}" for plane in (truth, partner))
                raise InputError(f"{partner.name}: is not a noisy version of {truth.name}: their sizes are {sizes}")
    _write(folder, "noisy", names, _eight_bit(noisy, noisy if dataset.real else clean))
    return files.model_copy(update={"names": {**files.names, "noisy": tuple(names)}})


def _simulate(dataset: Dataset, folder: Path, files: DatasetFiles, images: Sequence[Image]) -> DatasetFiles:
    kind = str(dataset.simulator)
    names = files.names["clean"]
    if kind == "captured":
        recorded = [plane.read() / np.float32(255) for plane in open_source(_paths_in(folder, files, "noise")).planes]
        order = tuple(number % len(recorded) for number in range(len(images)))
        noisy = [
            simulate(image, kind, seed=number, noise_images=[np.clip(recorded[which], 0, 1)])
            for number, (image, which) in enumerate(zip(images, order, strict=True))
        ]
        _write(folder, "noisy", names, noisy)
        return files.model_copy(update={"names": {**files.names, "noisy": names}, "noise_of": order})
    strength = None if dataset.psnr is None else _strength(images, kind, dataset.psnr)
    numbered = list(enumerate(images))
    for target, first in (("noisy", 0), ("copy", COPY_SEED)):
        _write(folder, target, names, [simulate(image, kind, strength, first + n) for n, image in numbered])
    flat = [np.full(image.shape, GREY, np.float32) for image in images]
    noise = [simulate(image, kind, strength, NOISE_SEED + n) * np.float32(255 / GREY) for n, image in enumerate(flat)]
    _write(folder, "noise", names, noise)
    kinds = ("clean", "noisy", "copy", "noise")
    return files.model_copy(update={"strength": strength, "names": dict.fromkeys(kinds, names)})


def _paths_in(folder: Path, files: DatasetFiles, kind: str) -> list[str]:
    """Paths of the files of a kind in a folder that is not finished yet."""
    return files.model_copy(update={"folder": folder}).paths(kind)


def _strength(images: Sequence[Image], kind: str, psnr: float) -> float:
    """The strength for all images, measured on some of them, cropped to one size."""
    chosen = [images[i] for i in evenly_spaced(len(images), CALIBRATION_IMAGES)]
    height, width = (min(image.shape[axis] for image in chosen) for axis in (0, 1))
    return strength_for_psnr(np.stack([image[:height, :width] for image in chosen]), kind, psnr)


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


def _write(folder: Path, kind: str, names: Sequence[str], images: Sequence[Image]) -> None:
    for name, image in zip(names, images, strict=True):
        write_array(folder / kind / f"{name}.tif", image)


def _fingerprint(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.tif")):
        digest.update(f"{path.relative_to(folder).as_posix()}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()

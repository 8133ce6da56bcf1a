"""A case as files of one layout, made once: OUT/data/CASE/{clean,noisy,copy,noise}/*.tif and case.json.

All are 8-bit, as in the published protocol; images of noise alone are floats on the scale where 255 stands for the
factor 1, so that noisy = clean · noise / 255.
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

from pellucid.benchmark.datasets import Case
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
"""Image i gets the noise of seed i; its second copy and the image of noise alone are independent of that."""

GREY = 0.5
CALIBRATION_IMAGES = 8


class CaseFiles(BaseModel):
    """What stands in case.json.

    Attributes:
        folder: where the files are.
        made_of: what they were made of; another content asks for another folder.
        strength: of the simulated noise.
        truth: whether noisy image i is clean image i with noise.
        names: of the files by kind, in order, without extension.
        noise_of: which image of noise each noisy image holds, if it is known.
        fingerprint: SHA-256 over all files.
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
        """Of the images that folds are made of: the noisy ones."""
        return len(self.names["noisy"])

    def paths(self, kind: str, indices: Sequence[int] | None = None) -> list[str]:
        """Files of a kind, all or some."""
        names = self.names[kind]
        chosen = names if indices is None else [names[index] for index in indices]
        return [str((self.folder / kind / f"{name}.tif").absolute()) for name in chosen]


def materialise(case: Case, out: Path) -> CaseFiles:
    """The files of a case under `out`/data, made if they are not there.

    Raises:
        InputError: images that cannot be used, or files that were made of something else.
        RunError: the disk is full.
    """
    folder = out / "data" / case.name
    made_of = _made_of(case)
    if not (folder / "case.json").exists():
        if folder.exists():
            raise InputError(f"{folder}: was not made by a benchmark, and is left as it is: choose another --out")
        with writing(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            workshop = Path(tempfile.mkdtemp(prefix=f".{case.name}-", dir=folder.parent))
        try:
            files = _make(case, workshop, made_of)
            (workshop / "case.json").write_text(files.model_dump_json(indent=1, exclude={"folder"}), encoding="utf-8")
            _move(workshop, folder)
        finally:
            shutil.rmtree(workshop, ignore_errors=True)
    files = _read(folder)
    if files.made_of != made_of:
        different = [key for key in made_of if made_of[key] != files.made_of.get(key)]
        raise InputError(f"{folder}: was made otherwise ({', '.join(different)}): choose another --out, or remove it")
    return files


def _move(workshop: Path, folder: Path) -> None:
    try:
        workshop.chmod(0o755)
        workshop.replace(folder)
    except OSError:  # another shard was faster: the same files
        if not (folder / "case.json").exists():
            raise


def _read(folder: Path) -> CaseFiles:
    try:
        files = CaseFiles.model_validate_json((folder / "case.json").read_text(encoding="utf-8"))
    except (OSError, ValidationError) as problem:
        reason = str(problem).splitlines()[0]
        raise InputError(
            f"{folder}/case.json: cannot be read ({reason}): remove {folder} to have it made anew"
        ) from None
    return files.model_copy(update={"folder": folder})


def _made_of(case: Case) -> dict[str, Any]:
    if case.clean is None:
        return {
            "phantom": [case.phantom.images, case.phantom.side],
            "simulator": case.simulator,
            "psnr": case.psnr,
            "real": False,
        }
    sources = {"clean": case.clean, "noisy": case.noisy, "noise": case.noise}
    prints = {kind: open_source(folder).fingerprint() for kind, folder in sources.items() if folder is not None}
    return {**prints, "simulator": case.simulator, "psnr": case.psnr, "real": case.real}


def _make(case: Case, folder: Path, made_of: dict[str, Any]) -> CaseFiles:
    if case.clean is None:
        count, side = case.phantom.images, case.phantom.side
        images = [tissue((side, side), PHANTOM_SEED + number) for number in range(count)]
        names = [f"tissue_{number:02d}" for number in range(count)]
    else:
        planes = open_source(case.clean).planes
        images, names = _eight_bit(planes, planes), _names(planes)
    _write(folder, "clean", names, images)
    files = CaseFiles(made_of=made_of, truth=not case.real, names={"clean": tuple(names)})
    files = _given_noise(case, folder, files) if case.noise else files
    files = _simulate(case, folder, files, images) if case.simulator else _given_noisy(case, folder, files)
    return files.model_copy(update={"fingerprint": _fingerprint(folder)})


def _given_noise(case: Case, folder: Path, files: CaseFiles) -> CaseFiles:
    planes = open_source(case.noise).planes
    names = _names(planes)
    white = IntensityRange.from_dtype(planes[0].dtype).high if planes[0].dtype.kind in "iu" else 1.0
    _write(folder, "noise", names, [(_pixels(plane) * (255.0 / white)).astype(np.float32) for plane in planes])
    return files.model_copy(update={"names": {**files.names, "noise": tuple(names)}})


def _given_noisy(case: Case, folder: Path, files: CaseFiles) -> CaseFiles:
    clean, noisy = open_source(case.clean).planes, open_source(case.noisy).planes
    if case.real:
        names = _names(noisy)
    else:
        couples = match_planes(clean, noisy, ("clean image", "noisy image"))
        noisy, names = [partner for _, partner in couples], list(files.names["clean"])
        for truth, partner in couples:
            if truth.shape != partner.shape:
                sizes = " and ".join(f"{plane.shape[0]}×{plane.shape[1]}" for plane in (truth, partner))
                raise InputError(f"{partner.name}: is no noisy version of {truth.name}, their sizes are {sizes}")
    _write(folder, "noisy", names, _eight_bit(noisy, noisy if case.real else clean))
    return files.model_copy(update={"names": {**files.names, "noisy": tuple(names)}})


def _simulate(case: Case, folder: Path, files: CaseFiles, images: Sequence[Image]) -> CaseFiles:
    kind = str(case.simulator)
    names = files.names["clean"]
    if kind == "captured":
        recorded = [plane.read() / np.float32(255) for plane in open_source(files_of(folder, files, "noise")).planes]
        order = tuple(number % len(recorded) for number in range(len(images)))
        noisy = [
            simulate(image, kind, seed=number, noise_images=[np.clip(recorded[which], 0, 1)])
            for number, (image, which) in enumerate(zip(images, order, strict=True))
        ]
        _write(folder, "noisy", names, noisy)
        return files.model_copy(update={"names": {**files.names, "noisy": names}, "noise_of": order})
    strength = None if case.psnr is None else _strength(images, kind, case.psnr)
    numbered = list(enumerate(images))
    for target, first in (("noisy", 0), ("copy", COPY_SEED)):
        _write(folder, target, names, [simulate(image, kind, strength, first + n) for n, image in numbered])
    flat = [np.full(image.shape, GREY, np.float32) for image in images]
    noise = [simulate(image, kind, strength, NOISE_SEED + n) * np.float32(255 / GREY) for n, image in enumerate(flat)]
    _write(folder, "noise", names, noise)
    kinds = ("clean", "noisy", "copy", "noise")
    return files.model_copy(update={"strength": strength, "names": dict.fromkeys(kinds, names)})


def files_of(folder: Path, files: CaseFiles, kind: str) -> list[str]:
    """Files of a kind in a folder that is still being made."""
    return files.model_copy(update={"folder": folder}).paths(kind)


def _strength(images: Sequence[Image], kind: str, psnr: float) -> float:
    """One strength for all images, measured on some of them, cut to one size."""
    chosen = [images[i] for i in evenly_spaced(len(images), CALIBRATION_IMAGES)]
    height, width = (min(image.shape[axis] for image in chosen) for axis in (0, 1))
    return strength_for_psnr(np.stack([image[:height, :width] for image in chosen]), kind, psnr)


def _eight_bit(planes: Sequence[Plane], scale: Sequence[Plane]) -> list[Image]:
    """Pixels as they are, or other types than uint8 with one map for all, that of the planes `scale`."""
    if all(plane.dtype == np.uint8 for plane in planes):
        return [_pixels(plane) for plane in planes]
    intensity_range = IntensityRange.from_source(scale)
    terminal.warn(
        f"{planes[0].name} and its like are {planes[0].dtype.name}: the protocol is one of 8 bits, so "
        f"{intensity_range.low:g} becomes 0 and {intensity_range.high:g} becomes 255"
    )
    unit = (intensity_range.normalize(_pixels(plane)) for plane in planes)
    return [np.clip(np.rint((x + 1) * 127.5), 0, 255).astype(np.uint8) for x in unit]


def _pixels(plane: Plane) -> Image:
    pixels = plane.read()
    check_finite(plane.name, pixels)
    return pixels


def _names(planes: Sequence[Plane]) -> list[str]:
    """File names from the planes': those of the files where that tells them apart."""
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

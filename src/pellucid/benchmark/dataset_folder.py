"""Folders of images that a benchmark makes once: KIND/*.tif and dataset.json, which says what they were made of."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from pellucid.data.intensity_range import IntensityRange
from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.files import writing
from pellucid.io.image import Plane, check_finite
from pellucid.io.writing import write_array
from pellucid.report import terminal

Image = NDArray[Any]


class DatasetFiles(BaseModel):
    """The content of dataset.json.

    Attributes:
        folder: the folder of the files.
        made_of: the sources and settings that the files were made from.
        strength: the strength of the simulated noise.
        truth: whether noisy image i is clean image i with noise.
        names: file names by kind, in order, without extension.
        noise_of: the number of the noise image in each noisy image, if it is known.
        fingerprint: SHA-256 of all images.
    """

    model_config = ConfigDict(extra="forbid")

    folder: Path = Path()
    made_of: dict[str, Any] = {}
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


def made_once(folder: Path, made_of: Mapping[str, Any], make: Callable[[Path], DatasetFiles]) -> DatasetFiles:
    """Return the files in a folder; make them if they do not exist.

    Args:
        folder: where they are, or shall be.
        made_of: the sources and settings that they are made from.
        make: writes the images into an empty folder.

    Raises:
        InputError: images cannot be used, or the files were made from other sources or settings.
        RunError: the disk is full.
    """
    if not (folder / "dataset.json").exists():
        if folder.exists():
            raise InputError(f"{folder}: was not made by a benchmark and is not changed: choose another --out")
        with writing(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            files = make(temporary).model_copy(update={"made_of": made_of, "fingerprint": _fingerprint(temporary)})
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


def eight_bit(planes: Sequence[Plane], scale: Sequence[Plane]) -> list[Image]:
    """The pixels, unchanged if uint8, else all mapped to 8 bits by the intensity range of the planes `scale`."""
    if all(plane.dtype == np.uint8 for plane in planes):
        return [pixels_of(plane) for plane in planes]
    intensity_range = IntensityRange.from_source(scale)
    terminal.warn(
        f"{planes[0].name} has dtype {planes[0].dtype.name}. The protocol uses 8 bits, so "
        f"{intensity_range.low:g} becomes 0 and {intensity_range.high:g} becomes 255"
    )
    units = (intensity_range.normalize(pixels_of(plane)) for plane in planes)
    return [np.clip(np.rint((x + 1) * 127.5), 0, 255).astype(np.uint8) for x in units]


def pixels_of(plane: Plane) -> Image:
    """The pixels of a plane (Y, X).

    Raises:
        InputError: NaN or infinite pixels, or it cannot be read.
    """
    pixels = plane.read()
    check_finite(plane.name, pixels)
    return pixels


def file_names(planes: Sequence[Plane]) -> list[str]:
    """File names for the planes: the names of their files, numbered if these are not unique."""
    stems = [re.sub(r"[^\w.-]+", "-", Path(re.sub(r"\[[\d,]+\]$", "", plane.name)).stem) for plane in planes]
    if len(set(stems)) == len(stems):
        return stems
    return [f"{number:04d}-{stem}" for number, stem in enumerate(stems)]


def write_images(folder: Path, names: Sequence[str], images: Sequence[Image]) -> tuple[str, ...]:
    """Write images as NAME.tif; return their names."""
    for name, image in zip(names, images, strict=True):
        write_array(folder / f"{name}.tif", image)
    return tuple(names)


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


def _fingerprint(folder: Path) -> str:
    """SHA-256 of the names and pixels of all images; floats are rounded, as their last bits depend on the processor."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.tif")):
        digest.update(f"{path.relative_to(folder).as_posix()}\n".encode())
        (plane,) = open_source(str(path)).planes
        digest.update(np.rint(plane.read()).tobytes())
    return digest.hexdigest()

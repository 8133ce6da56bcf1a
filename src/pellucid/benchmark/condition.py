"""Other training images than those of the folds, to see what a method makes of them; test images stay the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from pellucid.benchmark.dataset_folder import DatasetFiles, Image, eight_bit, file_names, made_once, write_images
from pellucid.benchmark.folds import Fold
from pellucid.data.sample import evenly_spaced
from pellucid.data.source import open_source
from pellucid.errors import InputError

T = TypeVar("T")

CLEAN = "clean"
"""The folder of clean images within that of a dataset."""


@dataclass(frozen=True)
class Condition:
    """How the training images differ from those of the folds.

    Attributes:
        clean: folder of clean images to learn from instead of those of the fold.
        scale: magnification of the clean images.
        brightness: factor of the clean images' grey levels.
        clean_images: at most so many clean images, evenly spread.
        noisy_images: at most so many noisy images, evenly spread.
    """

    clean: Path | None = None
    scale: float = 1.0
    brightness: float = 1.0
    clean_images: int | None = None
    noisy_images: int | None = None

    def __post_init__(self) -> None:
        for option, value in (
            ("scale", self.scale),
            ("brightness", self.brightness),
            ("images", self.clean_images),
        ):
            if value is not None and not 0 < value < float("inf"):
                raise InputError(f"--clean-{option} {value:g}: give a number above 0")
        if self.noisy_images is not None and self.noisy_images < 1:
            raise InputError(f"--noisy-images {self.noisy_images}: give at least 1")

    @property
    def label(self) -> str:
        """What differs, as in "clean-scale=0.7 noisy-images=1"; empty if nothing does."""
        differs = {
            "clean": None if self.clean is None else _name(self.clean),
            "clean-scale": None if self.scale == 1 else f"{self.scale:g}",
            "clean-brightness": None if self.brightness == 1 else f"{self.brightness:g}",
            "clean-images": self.clean_images,
            "noisy-images": self.noisy_images,
        }
        return " ".join(f"{option}={value}" for option, value in differs.items() if value is not None)

    @property
    def changes_clean(self) -> bool:
        """Whether clean images differ, not only their number."""
        return self.clean is not None or (self.scale, self.brightness) != (1, 1)

    def training(self, fold: Fold) -> Fold:
        """The fold with no more training images than asked for."""
        clean_images = self.clean_images if self.clean is None else None  # else it is those of the folder
        return Fold(fold.test, _spread(fold.clean, clean_images), _spread(fold.noisy, self.noisy_images))

    def clean_paths(self, clean: DatasetFiles, fold: Fold) -> list[str]:
        """The clean training images of a fold that `training` returned."""
        everything = range(len(clean.names["clean"]))
        return clean.paths("clean", fold.clean if self.clean is None else _spread(everything, self.clean_images))


def prepare_clean(condition: Condition, files: DatasetFiles, out: Path) -> DatasetFiles:
    """Return the files of a dataset that clean training images come from: its own, or changed ones in `out`/clean.

    Raises:
        InputError: the folder of clean images cannot be used or is the dataset's own, or the files were made from other
            images.
        RunError: the disk is full.
    """
    if not condition.changes_clean:
        return files
    planes = open_source(files.paths("clean") if condition.clean is None else _folder(condition.clean)).planes

    def make(folder: Path) -> DatasetFiles:
        images = [_altered(image, condition) for image in eight_bit(planes, planes)]
        return DatasetFiles(truth=False, names={"clean": write_images(folder / "clean", file_names(planes), images)})

    given = None if condition.clean is None else open_source(_folder(condition.clean)).fingerprint()
    if given is not None and given == files.made_of.get("clean"):
        raise InputError(
            f"--clean {condition.clean}: has the clean images of the dataset itself, those of the test too"
        )
    made_of = {
        "clean": given or files.fingerprint,
        "scale": condition.scale,
        "brightness": condition.brightness,
    }
    source = files.folder.name if condition.clean is None else _name(condition.clean)
    name = re.sub(r"[^\w.-]+", "-", f"{source}-{condition.scale:g}-{condition.brightness:g}")
    return made_once(out / "clean" / name, made_of, make)


def _altered(image: Image, condition: Condition) -> Image:
    """An image (Y, X) of 8 bits at another magnification and brightness, clipped to 255."""
    from scipy import ndimage

    levels = image.astype(np.float64) * condition.brightness
    if condition.scale < 1:  # or detail between the new pixels would be taken for coarse detail
        levels = ndimage.gaussian_filter(levels, (1 / condition.scale - 1) / 2, mode="mirror")
    if condition.scale != 1:
        levels = ndimage.zoom(levels, condition.scale, order=3, mode="mirror", grid_mode=False)
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def _folder(given: Path) -> Path:
    """The clean images of a dataset's folder, or the folder itself."""
    return given / CLEAN if (given / CLEAN).is_dir() else given


def _name(given: Path) -> str:
    """The name of the specimen: that of the folder, or of the one around clean/."""
    path = given.absolute()
    return path.parent.name if path.name == CLEAN else path.name


def _spread(items: Sequence[T], most: int | None) -> tuple[T, ...]:
    return tuple(items) if most is None else tuple(items[number] for number in evenly_spaced(len(items), most))

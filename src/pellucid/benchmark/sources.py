"""The training images of a method in a fold of a dataset."""

from __future__ import annotations

from typing import Any

from pellucid.benchmark.dataset_folder import DatasetFiles
from pellucid.benchmark.folds import Fold
from pellucid.methods import Method, Supervision, method_class
from pellucid.methods.classical.filters import FilterRecipe


def is_filter(method: str) -> bool:
    """Whether a method, named as in `METHODS`, learns nothing: its result does not depend on a seed or a budget."""
    return issubclass(method_class(method).recipe_type, FilterRecipe)


def lacking(method: type[Method[Any]], files: DatasetFiles, *, pairs: bool = False) -> str | None:
    """Why a method cannot be used on a dataset, which it may need `pairs` of; None if it can."""
    if (pairs or "pairs" in method.kinds) and not files.truth:
        return "it needs pairs, and the truth of real noisy images is not known"
    if "pairs" in method.kinds and method.supervision is Supervision.NOISY_PAIRS and "copy" not in files.names:
        return "it needs two noisy copies of each image, which only simulated noise gives"
    if "noise" in method.kinds and "noise" not in files.names:
        return "it needs images of noise alone, and there is no noise/"
    return None


def sources_of(
    method: type[Method[Any]], files: DatasetFiles, fold: Fold, clean: list[str], *, half: bool = False
) -> dict[str, list[str]]:
    """Return the training files of a method in a fold, by kind.

    Noisy and clean images are two halves without a common image. Methods that learn from pairs get all training images
    of the fold, or those of the noisy half with `half`. Images of noise that are in a test image are not used.

    Args:
        method: the method.
        files: the files of the dataset.
        fold: the training images, by index.
        clean: the clean images for methods that learn without pairs.
        half: whether a method that learns from pairs gets only those of the noisy half.
    """
    paired = "pairs" in method.kinds
    noisy = fold.training if paired and not half else fold.noisy
    found: dict[str, list[str]] = {}
    for kind in method.kinds:
        if kind == "noisy":
            found[kind] = files.paths("noisy", noisy)
        elif kind == "clean":
            found[kind] = clean
        elif kind == "pairs":
            partner = "copy" if method.supervision is Supervision.NOISY_PAIRS else "clean"
            found[kind] = files.paths(partner, noisy)
        elif kind == "noise":
            found[kind] = files.paths("noise", noise_indices(files, fold))
    return found


def noise_indices(files: DatasetFiles, fold: Fold) -> list[int]:
    """Indices of the noise images that are in no test image; if unknown, a share is held back."""
    count = len(files.names["noise"])
    if not files.truth:
        return list(range(count))
    of_test = {files.noise_of[index] for index in fold.test} if files.noise_of else {i % count for i in fold.test}
    return [index for index in range(count) if index not in of_test]

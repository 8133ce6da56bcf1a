"""The clean images that an assessment needs: those given, those of the training, or the phantom."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.io.image import Plane
from pellucid.methods import Supervision, method_class
from pellucid.recipe import LearningRecipe
from pellucid.runs.folder import Run
from pellucid.simulation.phantom import tissue

PHANTOMS = 8
SIDE = 512


class CleanImages(NamedTuple):
    """Planes, and in words where they are from."""

    planes: Sequence[Plane]
    origin: str


def find_clean(given: Any | None, run: Path | None, slices: int = 1) -> CleanImages:
    """The clean images to put noise on.

    Args:
        given: by the user; file, folder, glob, array or list.
        run: folder of the model's run, whose clean images, or the truth of its pairs, are taken if none are given.
        slices: number of neighbouring ones that the model sees.

    Raises:
        InputError: the images that were given cannot be read.
    """
    if given is not None:
        return CleanImages(open_source(given).planes, "those you gave")
    known = _of_training(run) if run is not None else None
    if known is not None:
        return CleanImages(known, "those of the training")
    shape = (SIDE, SIDE) if slices == 1 else (slices, SIDE, SIDE)
    made = [tissue(shape, seed=number) for number in range(PHANTOMS)]
    return CleanImages(open_source(made).planes, "phantom tissue, because no others are known")


def _of_training(run: Path) -> Sequence[Plane] | None:
    try:
        trained = Run(run)
        kind = clean_kind(trained.recipe(), trained.sources())
        path = trained.sources()[kind]["path"] if kind is not None else None
        return open_source(path).planes if path is not None else None
    except InputError:  # a saved model without its run, or images that are gone
        return None


def clean_kind(recipe: LearningRecipe, kinds: Collection[str]) -> str | None:
    """Which of the kinds that a training learned from are clean: "clean", "pairs" if these are the truth, or None."""
    if "clean" in kinds:
        return "clean"
    return "pairs" if method_class(recipe.method).supervision is Supervision.PAIRED else None

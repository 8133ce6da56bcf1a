"""Sources of images for a method: whether they fit it, their planes, their intensity ranges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pellucid.data.intensity_range import BlankError, IntensityRange
from pellucid.data.sample import sample_pixels
from pellucid.data.source import Source, open_source
from pellucid.errors import InputError
from pellucid.evaluation import match_planes
from pellucid.io.frames import neighbouring_frames
from pellucid.io.image import Image, Plane
from pellucid.launch import share
from pellucid.methods import GIVEN_AS, KINDS, Supervision, method_class
from pellucid.recipe import LearningRecipe, Recipe

TrainingFrames = Literal["separate", "average", "copies"]
"""What the frames of a video are to a training: images, one image as their mean, or noisy copies of one another."""


def check_sources(recipe: Recipe, given: set[str]) -> LearningRecipe:
    """Return the recipe if it can learn from sources of these kinds.

    Raises:
        InputError: the recipe needs no training, a source is missing, or the method does not use one.
    """
    method = method_class(recipe.method)
    if not isinstance(recipe, LearningRecipe):
        how = "learns from each image while it denoises" if method.per_image else "needs no training"
        raise InputError(f"{method.title} {how}: use pellucid denoise INPUT OUTPUT --recipe {recipe.name}")
    wanted = {kind for kind in method.kinds if kind in GIVEN_AS}
    for kind in GIVEN_AS:  # in this order
        if kind in wanted - given:
            raise InputError(f"{method.title} needs {GIVEN_AS[kind]}: {KINDS[kind]}")
        if kind in given - wanted:
            needed = " and ".join(GIVEN_AS[other] for other in GIVEN_AS if other in wanted)
            raise InputError(f"{method.title} does not use {GIVEN_AS[kind]}: omit it; this method learns from {needed}")
    if recipe.pipeline == "official" and set(method.kinds) != {"noisy", "clean"}:
        raise InputError(f"pipeline=official is for methods that take --noisy and --clean, not for {method.title}")
    check_share(recipe)
    return recipe


def with_copies(recipe: Recipe, sources: Mapping[str, Any], frames: TrainingFrames) -> Mapping[str, Any]:
    """Return the sources of a training; if frames are noisy copies, the partners are in the noisy images' own files.

    Raises:
        InputError: frames are to be copies for a method that does not learn from copies, or beside other partners.
    """
    if frames != "copies":
        return sources
    method = method_class(recipe.method)
    if method.supervision is not Supervision.NOISY_PAIRS:
        raise InputError(f"{method.title} does not learn from noisy copies: omit --frames copies, or use noise2noise")
    if "pairs" in sources:
        raise InputError("--frames copies takes the partners from --noisy: omit --pairs, or --frames copies")
    return {**sources, "pairs": sources["noisy"]} if "noisy" in sources else sources


def open_sources(sources: Mapping[str, Any], frames: TrainingFrames) -> dict[str, Source]:
    """Open the sources of a training, which `with_copies` returned.

    Raises:
        InputError: images that cannot be used.
    """
    return {kind: _opened(kind, sources[kind], frames) for kind in GIVEN_AS if kind in sources}


def _opened(kind: str, spec: Any, frames: TrainingFrames) -> Source:
    if frames == "average" and kind in ("noisy", "pairs"):  # clean images are no videos of one place
        return open_source(spec, "average")
    source = open_source(spec)
    if frames == "copies" and kind == "pairs":
        return replace(source, images=list(map(neighbouring_frames, source.images)))
    return source


def check_share(recipe: LearningRecipe) -> None:
    """Check that the processes of this training can share each batch equally.

    Raises:
        InputError: the batch is not a multiple of their number.
    """
    size = share().size
    if recipe.batch % size:
        raise InputError(
            f"batch={recipe.batch} cannot be shared equally by {size} processes: make it a multiple of {size} "
            "(--set batch=...), or start another number of processes (torchrun --nproc-per-node)"
        )


def planes_of(sources: Mapping[str, Source]) -> dict[str, Sequence[Plane]]:
    """Return the planes of each source; "pairs" in the order of the "noisy" ones, by name where they share names.

    Raises:
        InputError: numbers, names, pixel types or sizes of pairs do not match.
    """
    planes: dict[str, Sequence[Plane]] = {kind: source.planes for kind, source in sources.items()}
    if "pairs" in planes:
        couples = match_planes(planes["noisy"], planes["pairs"], ("noisy image", "partner"))
        for noisy, partner in couples:
            if noisy.shape != partner.shape or noisy.dtype != partner.dtype:
                raise InputError(
                    f"{partner.name} ({_described(partner)}) does not match {noisy.name} ({_described(noisy)}): "
                    "the images of a pair must have the same size and pixel type"
                )
        planes["pairs"] = [partner for _, partner in couples]
    return planes


def reopen_sources(
    known: Mapping[str, Mapping[str, Any]], moved: Mapping[str, Any], frames: TrainingFrames = "separate"
) -> dict[str, Source]:
    """Open the sources of a run again.

    Args:
        known: path and fingerprint of each kind.
        moved: sources that have moved, by kind.
        frames: what the run takes frames for.

    Raises:
        InputError: a kind that the run does not learn from, or a source that is missing or has changed.
    """
    places = {kind: each["path"] for kind, each in known.items()} | dict(moved)
    if frames == "copies":
        places["pairs"] = places["noisy"]
    for kind, place in places.items():
        if kind not in known:
            raise InputError(f"this run does not learn from {GIVEN_AS[kind]}: omit it")
        if place is None:
            raise InputError(
                f"the location of the {kind} images is not known (they were arrays, or the run was made on another "
                f"machine): give them by {GIVEN_AS[kind]}"
            )
    opened = open_sources(places, frames)
    for kind, source in opened.items():
        if source.fingerprint() != known[kind]["fingerprint"]:
            where = f" at {places[kind]}" if isinstance(places[kind], str | Path) else ""
            raise InputError(
                f"the {kind} images{where} are not those that the run was started with: restore them, or train anew"
            )
    return opened


def intensities_of(sources: Mapping[str, Source]) -> dict[str, IntensityRange]:
    """Return the intensity range of each source; that of partners and noise is the range of the noisy images."""
    noisy = IntensityRange.from_source(sources["noisy"])
    return {kind: IntensityRange.from_source(source) if kind == "clean" else noisy for kind, source in sources.items()}


def range_of(source: Source) -> IntensityRange:
    """Return the intensity range of images to be denoised without training; any range for blank ones.

    Raises:
        InputError: none of the images can be read.
    """
    try:
        return IntensityRange.from_source(source)
    except BlankError:
        return IntensityRange.from_limits(0, 1)
    except InputError:  # a damaged image is reported when it is denoised; the others still have a range
        readable = [image for image in source.images if _can_be_read(image)]
        if not readable or len(readable) == len(source.images):
            raise
        return range_of(Source(readable))


def _can_be_read(image: Image) -> bool:
    try:
        sample_pixels(image.planes)
    except InputError:
        return False
    return True


def _described(plane: Plane) -> str:
    return f"{plane.shape[0]}×{plane.shape[1]}, {plane.dtype.name}"

"""What is asked of sources before a method learns from them or denoises them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pellucid.data.intensity_range import BlankError, IntensityRange
from pellucid.data.sample import sample_pixels
from pellucid.data.source import Source
from pellucid.errors import InputError
from pellucid.evaluation import match_planes
from pellucid.io.image import Image, Plane
from pellucid.launch import share
from pellucid.methods import GIVEN_AS, KINDS, method_class
from pellucid.recipe import LearningRecipe, Recipe


def check_sources(recipe: Recipe, given: set[str]) -> LearningRecipe:
    """The recipe, if it can learn from sources of these kinds.

    Raises:
        InputError: it learns nothing, a source is missing, or one is of no use to it.
    """
    method = method_class(recipe.method)
    if not isinstance(recipe, LearningRecipe):
        how = "learns from each image while it denoises" if method.per_image else "learns nothing"
        raise InputError(f"{method.title} {how}: pellucid denoise IN OUT --recipe {recipe.name}")
    wanted = {kind for kind in method.kinds if kind in GIVEN_AS}
    for kind in GIVEN_AS:  # in this order
        if kind in wanted - given:
            raise InputError(f"{method.title} needs {GIVEN_AS[kind]}: {KINDS[kind]}")
        if kind in given - wanted:
            needed = " and ".join(GIVEN_AS[other] for other in GIVEN_AS if other in wanted)
            raise InputError(f"{method.title} does not use {GIVEN_AS[kind]}: leave it out, it learns from {needed}")
    if recipe.pipeline == "official" and set(method.kinds) != {"noisy", "clean"}:
        raise InputError(f"pipeline=official serves methods that take --noisy and --clean, not {method.title}")
    check_share(recipe)
    return recipe


def check_share(recipe: LearningRecipe) -> None:
    """Refuse more processes than share the batch equally.

    Raises:
        InputError: the batch is no multiple of their number.
    """
    size = share().size
    if recipe.batch % size:
        raise InputError(
            f"batch={recipe.batch} cannot be shared equally by {size} processes: make it a multiple of {size} "
            "(--set batch=...), or start another number of them (torchrun --nproc-per-node)"
        )


def planes_of(sources: Mapping[str, Source]) -> dict[str, Sequence[Plane]]:
    """The planes of each source; "pairs" in the order of the "noisy" ones, by name where they share names.

    Raises:
        InputError: pairs whose counts, names, types or sizes do not fit together.
    """
    planes: dict[str, Sequence[Plane]] = {kind: source.planes for kind, source in sources.items()}
    if "pairs" in planes:
        couples = match_planes(planes["noisy"], planes["pairs"], ("noisy image", "partner"))
        for noisy, partner in couples:
            if noisy.shape != partner.shape or noisy.dtype != partner.dtype:
                raise InputError(
                    f"{partner.name} ({_described(partner)}) does not fit {noisy.name} ({_described(noisy)}): "
                    "pairs have one size and one pixel type"
                )
        planes["pairs"] = [partner for _, partner in couples]
    return planes


def intensities_of(sources: Mapping[str, Source]) -> dict[str, IntensityRange]:
    """The intensity range of each source; partners and noise are measured on the scale of the noisy images."""
    noisy = IntensityRange.from_source(sources["noisy"])
    return {kind: IntensityRange.from_source(source) if kind == "clean" else noisy for kind, source in sources.items()}


def range_of(source: Source) -> IntensityRange:
    """What images that nothing was learned from hold is between black and white; of blank ones it does not matter.

    Raises:
        InputError: they cannot be read.
    """
    try:
        return IntensityRange.from_source(source)
    except BlankError:
        return IntensityRange.from_limits(0, 1)
    except InputError:  # a file that is damaged within is told of where it is denoised, and says nothing of the others
        whole = [image for image in source.images if _can_be_read(image)]
        if not whole or len(whole) == len(source.images):
            raise
        return range_of(Source(whole))


def _can_be_read(image: Image) -> bool:
    try:
        sample_pixels(image.planes)
    except InputError:
        return False
    return True


def _described(plane: Plane) -> str:
    return f"{plane.shape[0]}×{plane.shape[1]}, {plane.dtype.name}"

"""Error maps and difference maps of whole sources, a picture for each image (figures 3 and 4 of KCGS 2021)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from pellucid.data.source import Source
from pellucid.evaluation import data_range_of
from pellucid.evaluation.compare import match_planes
from pellucid.files import check_free
from pellucid.io.image import Plane
from pellucid.report.colormap import Range, display_range_of
from pellucid.report.pictures import error_maps
from pellucid.report.terminal import progress_over

Matched = tuple[str, dict[str, NDArray[Any]], NDArray[Any], Range]


def check_maps(sources: Mapping[str, Source], truth: Source, folder: Path, *, overwrite: bool = False) -> None:
    """Check before any work that the maps of all images may be written.

    Raises:
        InputError: sources that do not match the truth, or an existing picture.
    """
    first = next(iter(sources.values()))
    for number, (_, reference) in enumerate(match_planes(first.planes, truth.planes)):
        for kind in ("error", "difference")[: len(sources)]:
            check_free(folder / f"{_name(number, reference)}_{kind}.png", overwrite=overwrite)


def write_error_maps(sources: Mapping[str, Source], truth: Source, folder: Path, *, overwrite: bool = False) -> None:
    """Write `NAME_error.png` for each image: all sources, and below them the heat maps of |source − truth|.

    Raises:
        InputError: sources that do not match the truth, or an existing picture.
    """
    for name, images, reference, shown in _matched(sources, truth):
        rows = [{"truth": reference, **images}]
        error_maps(rows, "truth", folder / f"{name}_error.png", shown, overwrite=overwrite)


def write_difference_maps(
    sources: Mapping[str, Source], truth: Source, folder: Path, *, overwrite: bool = False
) -> None:
    """Write `NAME_difference.png` for each image: the first two sources, and the heat map of their difference.

    Raises:
        InputError: sources that do not match the truth, or an existing picture.
    """
    first, second = list(sources)[:2]
    for name, images, _, shown in _matched(sources, truth):
        rows = [{first: images[first], second: images[second]}]
        error_maps(rows, second, folder / f"{name}_difference.png", shown, overwrite=overwrite)


def _matched(sources: Mapping[str, Source], truth: Source) -> Iterator[Matched]:
    pairs = {kind: match_planes(source.planes, truth.planes) for kind, source in sources.items()}
    rows = list(enumerate(zip(*pairs.values(), strict=True)))
    with progress_over(rows, "drawing maps") as followed:
        for number, row in followed:
            reference = row[0][1].read()
            images = {kind: predicted.read() for kind, (predicted, _) in zip(pairs, row, strict=True)}
            whole = reference.dtype.kind in "iu" and reference.dtype.itemsize == 1
            shown = (0.0, data_range_of(reference.dtype)) if whole else display_range_of(reference)
            yield _name(number, row[0][1]), images, reference, shown


def _name(number: int, plane: Plane) -> str:
    """What the pictures of an image begin with: its place in the order, and the stem of its truth's file."""
    return f"{number:03d}_{Path(plane.name.partition('[')[0]).name.partition('.')[0]}"

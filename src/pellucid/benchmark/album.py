"""All pictures of a benchmark in one folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pellucid.benchmark.crop_selection import Choice, Scene, scenes
from pellucid.benchmark.figures import NOISY, TRUTH, crops_figure, heat_figure
from pellucid.benchmark.quality import quality_figure
from pellucid.benchmark.results import Result
from pellucid.errors import InputError, nearest
from pellucid.files import check_free

BASELINE = "iscl"
"""What the paper's figure 4 shows differences from."""

Draw = Callable[[Path], None]


@dataclass(frozen=True)
class Album:
    """Where pictures come from and go to.

    Attributes:
        folder: of the benchmark.
        out: for the pictures.
        baseline: method that difference maps are made against; None: "iscl", and only where no truth is known.
        overwrite: whether existing pictures may be replaced.
    """

    folder: Path
    out: Path
    baseline: str | None = None
    overwrite: bool = False


def write_album(results: Sequence[Result], album: Album, choice: Choice, cases: Sequence[str] = ()) -> Iterator[Path]:
    """Draw `CASE_crops.png`, `CASE_errors.png` or `CASE_differences.png`, and `CASE_quality.png` where curves are.

    Args:
        results: of the benchmark.
        album: from where to where.
        choice: which methods and windows.
        cases: which; empty: all.

    Yields:
        Each picture's path once it is written.

    Raises:
        InputError: unknown names, nothing to show, or a picture that exists.
    """
    known = sorted({result.unit.case for result in results})
    for case in cases:
        if case not in known:
            raise InputError(f"no results of case {case!r}: {nearest(case, known)}")
    chosen = [result for result in results if not cases or result.unit.case in cases]
    pictures: dict[Path, Draw] = {}
    for scene in scenes(chosen, album.folder, choice):
        pictures |= _of_scene(scene, album)
    pictures |= _curves(chosen, album, choice)
    if not pictures:
        raise InputError("no unit is finished yet: there is nothing to show")
    for path in pictures:
        check_free(path, overwrite=album.overwrite)
    for path, draw in pictures.items():
        draw(path)
        yield path


def _of_scene(scene: Scene, album: Album) -> dict[Path, Draw]:
    places, overwrite = scene.places, album.overwrite
    columns = list(places[0].columns)
    pictures: dict[Path, Draw] = {
        album.out / f"{scene.case}_crops.png": partial(crops_figure, places, heading=scene.heading, overwrite=overwrite)
    }
    if TRUTH in columns:
        pictures[album.out / f"{scene.case}_errors.png"] = partial(
            heat_figure, places, TRUTH, heading=scene.heading, overwrite=overwrite
        )
    if TRUTH not in columns or album.baseline is not None:
        # a difference from the baseline says nothing of the truth's own: it would only stretch the scale
        bare = [replace(place, truth=None) for place in places]
        pictures[album.out / f"{scene.case}_differences.png"] = partial(
            heat_figure, bare, _baseline(columns, album), heading=scene.heading, overwrite=overwrite
        )
    return pictures


def _baseline(columns: Sequence[str], album: Album) -> str:
    """As asked for; else the paper's, else the first method, or the noisy image if there is but one."""
    if album.baseline is not None:
        if album.baseline not in columns:
            raise InputError(f"--baseline {album.baseline}: {nearest(album.baseline, columns)}")
        return album.baseline
    methods = [column for column in columns if column != NOISY]
    if BASELINE in methods and len(methods) > 1:
        return BASELINE
    return methods[0] if len(methods) > 1 else NOISY


def _curves(results: Sequence[Result], album: Album, choice: Choice) -> dict[Path, Draw]:
    pictures: dict[Path, Draw] = {}
    wanted = {*choice.methods, NOISY} if choice.methods else {result.unit.method for result in results}
    for case in sorted({result.unit.case for result in results if result.curve and result.unit.method in wanted}):
        of_case = [result for result in results if result.unit.case == case and result.unit.method in wanted]
        budgets = ", ".join(sorted({result.unit.budget for result in of_case if result.curve}))
        heading = f"{case}, {budgets}: quality on the test images during training"
        path = album.out / f"{case}_quality.png"
        pictures[path] = partial(quality_figure, of_case, heading=heading, overwrite=album.overwrite)
    return pictures

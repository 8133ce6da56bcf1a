"""The figures of a benchmark: crops, error and difference maps as in the paper, quality over steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pellucid.benchmark.crops import NOISY, TRUTH, Crop, CropSelection, ImageCrops, select_crops
from pellucid.benchmark.quality_curves import quality_figure
from pellucid.benchmark.results import Result, of_datasets
from pellucid.errors import InputError, nearest
from pellucid.files import check_free
from pellucid.report.colormap import display_range_of
from pellucid.report.pictures import error_maps, image_grid

BASELINE = "iscl"
"""The method that the paper's figure 4 shows differences from."""

Draw = Callable[[Path], None]


@dataclass(frozen=True)
class FigureOptions:
    """What the figures show.

    Attributes:
        methods: names of methods, in this order; empty: all.
        datasets: names of datasets, with the condition of the trainings if there is one; empty: all.
        baseline: the method of difference maps; None: "iscl", and only if the truth is not known.
        images: number of test images, from the first one on.
        crop: the window of each image; None: the centre.
        overwrite: whether existing figures may be replaced.
    """

    methods: Sequence[str] = ()
    datasets: Sequence[str] = ()
    baseline: str | None = None
    images: int = 2
    crop: Crop | None = None
    overwrite: bool = False


def write_figures(results: Sequence[Result], folder: Path, out: Path, options: FigureOptions) -> Iterator[Path]:
    """Draw `NAME_crops.png`, `NAME_errors.png`, `NAME_differences.png` and `NAME_quality.png` for each dataset.

    There are errors where the truth is known, differences where it is not or a baseline is given, and quality where
    curves were recorded.

    Args:
        results: results of the benchmark in `folder`.
        folder: the benchmark's folder.
        out: folder for the figures.
        options: what they show.

    Yields:
        The path of each figure after it is written.

    Raises:
        InputError: unknown names, nothing to show, or an existing figure.
    """
    chosen = of_datasets(results, options.datasets)
    figures: dict[str, Draw] = {}
    for selection in select_crops(chosen, folder, options.methods, options.images, options.crop):
        figures |= _of_crops(selection, options)
    figures |= _of_curves(chosen, options)
    if not figures:
        raise InputError("no run is finished yet: there is nothing to show")
    for name in figures:
        check_free(out / name, overwrite=options.overwrite)
    for name, draw in figures.items():
        draw(out / name)
        yield out / name


def crops_figure(crops: Sequence[ImageCrops], path: Path, heading: str, *, overwrite: bool = False) -> None:
    """Draw a row for each image: noisy, each method, truth, on one grey scale.

    Raises:
        InputError: crops of different shapes or columns, or an existing figure.
    """
    rows = [list(each.columns.values()) for each in crops]
    image_grid(rows, list(crops[0].columns), path, _display_range(crops), heading, overwrite)


def errors_figure(
    crops: Sequence[ImageCrops], reference: str, path: Path, heading: str, *, overwrite: bool = False
) -> None:
    """Draw the crops and, below each row, the heat maps of |image − reference|, all on one scale.

    Args:
        crops: crops of one shape, with the same columns.
        reference: the column that the others are compared with: "truth" or a method.
        path: the figure's file.
        heading: a line above all images.
        overwrite: whether an existing figure may be replaced.

    Raises:
        InputError: the reference is not a column, or the figure exists.
    """
    rows = [each.columns for each in crops]
    # the noisy image would set the scale, and differences between methods would be dark
    error_maps(rows, reference, path, _display_range(crops), heading, unscaled=(NOISY,), overwrite=overwrite)


def _of_crops(selection: CropSelection, options: FigureOptions) -> dict[str, Draw]:
    name, crops, columns = _file_name(selection.dataset), selection.crops, list(selection.crops[0].columns)
    draw_crops = partial(crops_figure, heading=selection.heading, overwrite=options.overwrite)
    draw_errors = partial(errors_figure, heading=selection.heading, overwrite=options.overwrite)
    figures: dict[str, Draw] = {f"{name}_crops.png": partial(draw_crops, crops)}
    if TRUTH in columns:
        figures[f"{name}_errors.png"] = partial(draw_errors, crops, TRUTH)
    if TRUTH not in columns or options.baseline is not None:
        # the difference of the truth from the baseline would only stretch the scale
        without_truth = [replace(each, truth=None) for each in crops]
        figures[f"{name}_differences.png"] = partial(draw_errors, without_truth, _baseline(columns, options.baseline))
    return figures


def _file_name(dataset: str) -> str:
    return dataset.replace(" ", "_")


def _baseline(columns: Sequence[str], given: str | None) -> str:
    """The given baseline, else the paper's, else the first method, or the noisy image if there is only one method."""
    if given is not None:
        if given not in columns:
            raise InputError(f"--baseline {given}: {nearest(given, columns)}")
        return given
    methods = [column for column in columns if column != NOISY]
    if BASELINE in methods and len(methods) > 1:
        return BASELINE
    return methods[0] if len(methods) > 1 else NOISY


def _of_curves(results: Sequence[Result], options: FigureOptions) -> dict[str, Draw]:
    figures: dict[str, Draw] = {}
    shown = [result for result in results if not options.methods or result.run.method in {*options.methods, NOISY}]
    for dataset in sorted({result.run.test_case for result in shown if result.curve}):
        members = [result for result in shown if result.run.test_case == dataset]
        budgets = ", ".join(sorted({result.run.budget for result in members if result.curve}))
        heading = f"{dataset}, {budgets}: quality on the test images during training"
        figures[f"{_file_name(dataset)}_quality.png"] = partial(
            quality_figure, members, heading=heading, overwrite=options.overwrite
        )
    return figures


def _display_range(crops: Sequence[ImageCrops]) -> tuple[float, float]:
    """Black and white of all crops: from the truth or, if it is not known, from the noisy images; not from methods."""
    return display_range_of(*(each.images[NOISY] if each.truth is None else each.truth for each in crops))

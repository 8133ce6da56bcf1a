"""`pellucid benchmark table`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from pellucid.cli.benchmark_options import Files, Several
from pellucid.cli.json_output import show_json
from pellucid.report import terminal

if TYPE_CHECKING:
    from pellucid.benchmark.layout import TableLayout
    from pellucid.benchmark.results import Result

Folders = Annotated[list[Path], Parameter(consume_multiple=True)]


def table(
    folders: Folders,
    /,
    *,
    datasets: Several = None,
    compare: Several = None,
    norms: bool = False,
    overview: Several = None,
    ranking: bool = False,
    out: Files = None,
    runs: Path | None = None,
    json: bool = False,
    overwrite: bool = False,
) -> None:
    """Show the results of a benchmark as a table: mean ± deviation, best and second best, the paper's scores.

    Parameters
    ----------
    folders
        The --out of `pellucid benchmark`, or files written with --runs; several are combined.
    datasets
        Datasets to show; by default all. One under a condition is named with it: "cells-film clean-scale=0.7".
    compare
        Two methods or more: the mean difference of the first and each other one on the same images, with a 95 %
        bootstrap interval.
    norms
        Show the variants of ISCL only, with a column for the norm of each network.
    overview
        One table with a row for each dataset, and these methods beside each other.
    ranking
        Order the trained methods by their scores, with the chance that another seed turns two neighbours.
    out
        Also write the table to these files: .md, .tex, .html or .csv.
    runs
        Also write a line for each finished run, with the scores of each image, to this file (.csv), to keep or for
        `pellucid benchmark --have`.
    json
        Print JSON instead of a table: for each table its title, notes, and unrounded numbers, as in a .csv.
    overwrite
        Replace existing files.
    """
    from pellucid.benchmark.formats import check_writable, write_tables  # here: help needs no torch
    from pellucid.benchmark.formats.screen import show
    from pellucid.benchmark.layout import lay_out_all
    from pellucid.benchmark.norms import norms_layouts
    from pellucid.benchmark.overview import overview_layout
    from pellucid.benchmark.results import filters_everywhere, of_datasets
    from pellucid.benchmark.run_records import read_all, write_records
    from pellucid.benchmark.table import tables
    from pellucid.files import check_free

    paths = out or []
    check_writable(paths, overwrite=overwrite)
    if runs is not None:
        check_free(runs, overwrite=overwrite)
    results = read_all(folders)
    shown = of_datasets(filters_everywhere(results), datasets or ())
    if compare is not None:
        layouts = _comparisons(shown, compare)
    elif ranking:
        from pellucid.benchmark.ranking import ranking_layouts  # here: only this and comparisons need scipy.stats

        layouts = ranking_layouts(shown)
    elif overview:
        layouts = [overview_layout(tables(shown), overview)]
    else:
        layouts = norms_layouts(shown) if norms else lay_out_all(tables(shown), "methods side by side")
    if json:
        show_json({"tables": [_values(layout) for layout in layouts]})
    else:
        for layout in layouts:
            show(layout, terminal.results())
    write_tables(layouts, paths, overwrite=overwrite)
    if runs is not None:
        write_records(results, runs, overwrite=overwrite)


def _values(layout: TableLayout) -> dict[str, object]:
    return {"title": layout.title, "rows": layout.records, "notes": layout.notes}


def _comparisons(results: Sequence[Result], methods: Sequence[str]) -> list[TableLayout]:
    """A table of the first method against each other one."""
    from pellucid.benchmark.comparison import compare, comparison_layout
    from pellucid.errors import InputError

    first, *others = methods
    if not others:
        raise InputError(f"--compare {first}: name two methods, as in --compare proposed iscl")
    return [comparison_layout(first, other, compare(results, first, other)) for other in others]

"""`pellucid benchmark table`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pellucid.report import terminal

Folders = Annotated[list[Path], Parameter(consume_multiple=True)]
Files = Annotated[list[Path] | None, Parameter(consume_multiple=True)]


def table(
    folders: Folders,
    /,
    *,
    compare: tuple[str, str] | None = None,
    norms: bool = False,
    out: Files = None,
    overwrite: bool = False,
) -> None:
    """The results of a benchmark as a table: mean ± spread, best and second best, the paper's figures beside.

    Parameters
    ----------
    folders
        The --out of `pellucid benchmark`; several are read as one.
    compare
        Two methods: how much better the first is on the same images, with a 95 % interval by bootstrap.
    norms
        Only ISCL's variants, with a column for the norm of each network.
    out
        Also write it here; .md, .tex, .html or .csv says how.
    overwrite
        Replace files that exist.
    """
    from pellucid.benchmark.comparison import compare as compare_methods  # here: help needs no torch
    from pellucid.benchmark.comparison import comparison_layout
    from pellucid.benchmark.formats import check_writable, write_tables
    from pellucid.benchmark.formats.screen import show
    from pellucid.benchmark.layout import lay_out_all
    from pellucid.benchmark.norms import norms_layouts
    from pellucid.benchmark.results import read_results
    from pellucid.benchmark.table import tables

    paths = out or []
    check_writable(paths, overwrite=overwrite)
    results = read_results(*folders)
    if compare is not None:
        layouts = [comparison_layout(*compare, compare_methods(results, *compare))]
    else:
        layouts = norms_layouts(results) if norms else lay_out_all(tables(results), "methods side by side")
    for layout in layouts:
        show(layout, terminal.results())
    write_tables(layouts, paths, overwrite=overwrite)

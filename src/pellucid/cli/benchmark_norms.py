"""`pellucid benchmark norms`."""

from __future__ import annotations

from pathlib import Path

from pellucid.cli.benchmark_choose import choose as show_choices
from pellucid.cli.benchmark_options import BenchmarkOptions, run_methods
from pellucid.cli.options import Settings, parse_settings


def norms(
    *,
    out: Path,
    full: bool = False,
    choose: bool = False,
    set_: Settings = None,
    options: BenchmarkOptions = BenchmarkOptions(),  # noqa: B008
) -> None:
    """Train ISCL with other norms: the paper's rows, and the baseline with one or two of the proposal's norms.

    Instance norm in the discriminators is not included: their last map has one pixel, which it makes zero.
    `pellucid benchmark table OUT --norms` shows the results.

    Parameters
    ----------
    out
        Folder for images, trainings and results; runs that are done there already are not repeated.
    full
        Train every combination of seven norms in generators, discriminators and extractor.
    choose
        At the end choose among them without the truth, as `pellucid benchmark choose` does.
    set_
        Settings for all, as in `--set width=8`.
    """
    from pellucid.benchmark.norms import norm_methods  # here: help needs no torch

    run_methods(norm_methods(full=full, settings=parse_settings(set_)), options, out)
    if choose and not options.dry_run:
        show_choices(out)

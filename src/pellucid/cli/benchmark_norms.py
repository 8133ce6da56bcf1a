"""`pellucid benchmark norms`."""

from __future__ import annotations

from pathlib import Path

from pellucid.cli.options import Settings, parse_settings
from pellucid.cli.protocol import Protocol, run_entries


def norms(*, out: Path, full: bool = False, set_: Settings = None, protocol: Protocol = Protocol()) -> None:  # noqa: B008
    """Train ISCL with other norms: the paper's rows, each norm of the proposal alone on the baseline, and in pairs.

    Instance norm in the discriminators is not among them: their last map has one pixel, which it brings to zero.
    The table of it is `pellucid benchmark table OUT --norms`.

    Parameters
    ----------
    out
        Folder for images, trainings and results; rows that another benchmark has there already are not done again.
    full
        Every combination of seven norms for generators, discriminators and extractor.
    set_
        Settings that differ for all, as in `--set width=8`.
    """
    from pellucid.benchmark.norms import entries  # here: help needs no torch

    run_entries(entries(full=full, settings=parse_settings(set_)), protocol, out)

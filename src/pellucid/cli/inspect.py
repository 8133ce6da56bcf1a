"""`pellucid inspect`."""

from __future__ import annotations

from pellucid.cli.options import Images
from pellucid.data.source import open_usable
from pellucid.errors import IncompleteError, InputError
from pellucid.runs.inventory import show_inventory


def inspect(*, clean: Images | None = None, noisy: Images | None = None) -> None:
    """Show what images contain, and warn of everything that would harm a training. Nothing is trained.

    Parameters
    ----------
    clean
        Clean images, as in `--clean clean/`. Files of a folder or glob that cannot be used are listed at the end.
    noisy
        Noisy images, as in `--noisy noisy/`. One of the two options is enough.
    """
    given = {kind: spec for kind, spec in {"clean": clean, "noisy": noisy}.items() if spec is not None}
    if not given:
        raise InputError("inspect needs --clean, --noisy or both: files, folders or globs")
    sources = {kind: open_usable(spec).of_one_type() for kind, spec in given.items()}
    show_inventory(sources)
    if left_out := [why for source in sources.values() for why in source.left_out]:
        raise IncompleteError(f"not usable, and left out: {'; '.join(left_out)}")

"""`pellucid inspect`."""

from __future__ import annotations

from pellucid.cli.options import Images
from pellucid.data.source import open_usable
from pellucid.errors import IncompleteError, InputError
from pellucid.runs.inventory import show_inventory


def inspect(*, clean: Images | None = None, noisy: Images | None = None) -> None:
    """Show what images hold, and what about them would break learning. Nothing is trained.

    Parameters
    ----------
    clean
        Clean images: files, folders or globs. Files of a folder or glob that cannot be used are named at the end.
    noisy
        Noisy images, likewise; one of both is enough.
    """
    given = {kind: spec for kind, spec in {"clean": clean, "noisy": noisy}.items() if spec is not None}
    if not given:
        raise InputError("inspect needs --clean, --noisy or both: files, folders or globs")
    sources = {kind: open_usable(spec).of_one_type() for kind, spec in given.items()}
    show_inventory(sources)
    if left_out := [why for source in sources.values() for why in source.left_out]:
        raise IncompleteError(f"left out, for they cannot be used: {'; '.join(left_out)}")

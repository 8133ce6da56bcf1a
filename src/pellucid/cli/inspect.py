"""`pellucid inspect`."""

from __future__ import annotations

from collections.abc import Iterable

from pellucid.cli.options import Images
from pellucid.data.source import Source, open_usable
from pellucid.errors import IncompleteError, InputError
from pellucid.io.registry import contents, split
from pellucid.report import terminal
from pellucid.runs.inventory import show_inventory

LISTED = 3
"""Files whose images are listed."""


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
    _show_contents(sources.values())
    if left_out := [why for source in sources.values() for why in source.left_out]:
        raise IncompleteError(f"not usable, and left out: {'; '.join(left_out)}")


def _show_contents(sources: Iterable[Source]) -> None:
    """List what the first files hold, if it is more than one image each."""
    files = list(dict.fromkeys(split(image.path)[0] for source in sources for image in source.images))
    for file in files[:LISTED]:
        if len(listed := contents(file)) > 1:
            terminal.say(f"{file} holds {len(listed)} images: " + "; ".join(listed))

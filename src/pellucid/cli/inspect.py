"""`pellucid inspect`."""

from __future__ import annotations

from pellucid.cli.options import Images
from pellucid.images import open_source
from pellucid.runs.inventory import show_inventory


def inspect(*, clean: Images, noisy: Images) -> None:
    """Show what two sources hold, and what about them would break learning. Nothing is trained.

    Parameters
    ----------
    clean
        Clean images: files, folders or globs.
    noisy
        Noisy images, likewise.
    """
    show_inventory({"clean": open_source(clean), "noisy": open_source(noisy)})

"""`pellucid inspect`."""

from __future__ import annotations

from pellucid.images import open_source
from pellucid.runs.inventory import show_inventory


def inspect(*, clean: list[str], noisy: list[str]) -> None:
    """Show what two sources hold, and what about them would break learning. Nothing is trained.

    Example: `pellucid inspect --clean clean/ --noisy noisy/`

    Parameters
    ----------
    clean
        Clean images: a file, folder or glob; may be given several times.
    noisy
        Noisy images, likewise.
    """
    show_inventory({"clean": open_source(clean), "noisy": open_source(noisy)})

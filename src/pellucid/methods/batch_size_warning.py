"""The warning for batches that are too small for a norm that learns from batch statistics."""

from __future__ import annotations

from pellucid.norms import norm

ENOUGH = 8
"""Number of patches from which batch statistics count as good enough."""


def small_batch_warnings(setting: str, chosen: str, batch: int, instead: str, enough: int = ENOUGH) -> list[str]:
    """Return a warning if the chosen norm learns from batch statistics and a batch has fewer than `enough` patches.

    Args:
        setting: the setting's name.
        chosen: name of a norm (`pellucid.norms.NORMS`).
        batch: patches in a step.
        instead: names of norms that see one image alone and can stand in its place.
        enough: patches that it needs.
    """
    if not norm(chosen).couples_batch or batch >= enough:
        return []
    return [
        f"{setting}={chosen!r} learns from batch statistics, which {batch} patches hardly give: "
        f"use {enough} or more (batch={enough}), or a norm without them ({instead})"
    ]

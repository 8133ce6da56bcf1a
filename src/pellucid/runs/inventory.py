"""What the sources hold, shown before anything is learned from them."""

from __future__ import annotations

from collections.abc import Mapping

from pellucid.images import Inventory, Source, compare, inspect_source
from pellucid.report import terminal

_MOST = 3


def show_inventory(sources: Mapping[str, Source]) -> list[str]:
    """Print what the sources hold side by side; return what breaks learning from "clean" and "noisy" ones, if given.

    Raises:
        InputError: a plane cannot be read, or holds pixels that are not finite.
    """
    found = {kind: inspect_source(source) for kind, source in sources.items()}
    rows = {kind: describe(inventory) for kind, inventory in found.items()}
    terminal.table(
        "images", ["", *rows], ([label, *(row[label] for row in rows.values())] for label in next(iter(rows.values())))
    )
    warnings = compare(found["clean"], found["noisy"]) if {"clean", "noisy"} <= found.keys() else []
    for warning in warnings:
        terminal.warn(warning)
    return warnings


def describe(inventory: Inventory) -> dict[str, str]:
    """An inventory as short texts by what they are about."""
    return {
        "files": f"{len(inventory.files)}",
        "planes": f"{inventory.planes}",
        "megapixels": f"{inventory.pixels / 1e6:.2f}",
        "sizes": _list([f"{height}×{width}" for height, width in inventory.sizes]),
        "type": _list(inventory.dtypes),
        "pixel size": _list([str(size) if size else "not stated" for size in inventory.pixel_sizes]),
        "mean ± std": f"{inventory.mean:.4g} ± {inventory.std:.4g}",
        "smallest, largest": f"{inventory.minimum:.4g}, {inventory.maximum:.4g}",
        "histogram": inventory.histogram_text.rstrip(),
    }


def _list(items: list[str]) -> str:
    more = f" and {len(items) - _MOST} more" if len(items) > _MOST else ""
    return ", ".join(items[:_MOST]) + more

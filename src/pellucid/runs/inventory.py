"""What the sources hold, shown before anything is learned from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pellucid.data.inventory import Inventory, inspect_source
from pellucid.data.source import Source
from pellucid.data.source_checks import Finding, check_source
from pellucid.data.structure_statistics import StructureStatistics
from pellucid.data.unpaired_checks import compare
from pellucid.report import terminal

_MOST = 3


class Shown(NamedTuple):
    """What was found before a training: warnings, and how each source looks that shows anything."""

    warnings: list[str]
    looks: dict[str, StructureStatistics]


def show_inventory(sources: Mapping[str, Source]) -> Shown:
    """Print what the sources hold side by side, and what of it breaks learning.

    Raises:
        InputError: a plane cannot be read, or holds pixels that are not finite.
    """
    found = {kind: inspect_source(source) for kind, source in sources.items()}
    rows = {kind: describe(inventory) for kind, inventory in found.items()}
    terminal.table(
        "images", ["", *rows], ([label, *(row[label] for row in rows.values())] for label in next(iter(rows.values())))
    )
    warnings = [finding.text for finding in findings(found)]
    for warning in warnings:
        terminal.warn(warning)
    return Shown(warnings, {kind: inventory.statistics for kind, inventory in found.items() if inventory.statistics})


def findings(found: Mapping[str, Inventory]) -> list[Finding]:
    """What is wrong with sources: "clean" ones against "noisy" ones where both are there, each alone else.

    Images of "noise" alone are not asked for structure.
    """
    if {"clean", "noisy"} <= found.keys():
        return compare(found["clean"], found["noisy"])
    images = {kind: inventory for kind, inventory in found.items() if kind != "noise"}
    return [finding for kind, inventory in images.items() for finding in check_source(kind, inventory)]


def describe(inventory: Inventory) -> dict[str, str]:
    """An inventory as short texts by what they are about."""
    looks = inventory.statistics
    return {
        "files": f"{len(inventory.files)}",
        "planes": f"{inventory.planes}",
        "megapixels": f"{inventory.pixels / 1e6:.2f}",
        "sizes": _list([f"{height}×{width}" for height, width in inventory.sizes]),
        "type": _list(inventory.dtypes),
        "pixel size": _list([str(size) if size else "not stated" for size in inventory.pixel_sizes]),
        "mean ± std": f"{inventory.mean:.4g} ± {inventory.std:.4g}",
        "smallest, largest": f"{inventory.minimum:.4g}, {inventory.maximum:.4g}",
        "noise σ": f"{looks.noise:.3g}" if looks else "not known",
        "histogram": inventory.histogram_text.rstrip(),
    }


def _list(items: list[str]) -> str:
    more = f" and {len(items) - _MOST} more" if len(items) > _MOST else ""
    return ", ".join(items[:_MOST]) + more

"""A table of what the sources hold, with warnings, shown before a training."""

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
    """What would harm a training, and the structure statistics of each source that shows structure or noise."""

    warnings: list[str]
    structure: dict[str, StructureStatistics]


def show_inventory(sources: Mapping[str, Source]) -> Shown:
    """Print a table of the sources, and a warning for everything in them that would harm a training or is not taken.

    Raises:
        InputError: a plane cannot be read, or has pixels that are not finite.
    """
    found = {kind: inspect_source(source) for kind, source in sources.items()}
    columns = {kind: describe(inventory) for kind, inventory in found.items()}
    labels = next(iter(columns.values()))
    rows = ([label, *(column[label] for column in columns.values())] for label in labels)
    terminal.table("images", ["", *columns], rows)
    warnings = [finding.text for finding in findings(found)]
    for line in dict.fromkeys(line for source in sources.values() for line in source.remarks):
        terminal.say(line)
    passed_over = [line for source in sources.values() for line in source.passed_over]
    for warning in (*passed_over, *warnings):
        terminal.warn(warning)
    return Shown(warnings, {kind: inventory.statistics for kind, inventory in found.items() if inventory.statistics})


def findings(found: Mapping[str, Inventory]) -> list[Finding]:
    """Return what is wrong with sources: "clean" compared with "noisy" if both are given, else each by itself.

    Images of noise alone are not expected to show structure.
    """
    if {"clean", "noisy"} <= found.keys():
        return compare(found["clean"], found["noisy"])
    images = {kind: inventory for kind, inventory in found.items() if kind != "noise"}
    return [finding for kind, inventory in images.items() for finding in check_source(kind, inventory)]


def describe(inventory: Inventory) -> dict[str, str]:
    """Return the column of a source: short texts by the labels of their rows."""
    structure = inventory.statistics
    return {
        "files": f"{len(inventory.files)}",
        "planes": f"{inventory.planes}",
        "megapixels": f"{inventory.pixels / 1e6:.2f}",
        "sizes": _list([f"{height}×{width}" for height, width in inventory.sizes]),
        "type": _list(inventory.dtypes),
        "pixel size": _list([str(size) if size else "not stated" for size in inventory.pixel_sizes]),
        "mean ± std": f"{inventory.mean:.4g} ± {inventory.std:.4g}",
        "smallest, largest": f"{inventory.minimum:.4g}, {inventory.maximum:.4g}",
        "noise σ": f"{structure.noise:.3g}" if structure else "unknown",
        "histogram": inventory.histogram_text.rstrip(),
    }


def _list(items: list[str]) -> str:
    more = f" and {len(items) - _MOST} more" if len(items) > _MOST else ""
    return ", ".join(items[:_MOST]) + more

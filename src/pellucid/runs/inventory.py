"""A table of what the sources hold, with warnings, shown before a training."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from pellucid.data.inventory import Inventory, inspect_source
from pellucid.data.source import Source
from pellucid.data.source_checks import Finding, check_source
from pellucid.data.structure_statistics import StructureStatistics
from pellucid.data.unpaired_checks import compare
from pellucid.report import terminal

_MOST = 3


class Shown(NamedTuple):
    """What the sources hold.

    Attributes:
        warnings: what would harm a training.
        inventories: facts about each source, by kind.
    """

    warnings: list[str]
    inventories: dict[str, Inventory]

    @property
    def structure(self) -> dict[str, StructureStatistics]:
        """The structure statistics of each source that shows structure or noise."""
        return {kind: found.statistics for kind, found in self.inventories.items() if found.statistics}


def show_inventory(sources: Mapping[str, Source]) -> Shown:
    """Print a table of the sources, and a warning for everything in them that would harm a training or is not taken.

    Raises:
        InputError: a plane cannot be read, or has pixels that are not finite.
    """
    follow = {kind: partial(terminal.progress_over, title=f"looking at the {kind} images") for kind in sources}
    found = {kind: inspect_source(source, follow[kind]) for kind, source in sources.items()}
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
    if {"clean", "noisy"} <= found.keys():
        terminal.say(
            "only you can tell whether the clean images show the same kind of specimen: Pellucid cannot check it"
        )
    return Shown(warnings, found)


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


def values_of(inventory: Inventory) -> dict[str, object]:
    """Return the facts of a source as plain values, intensities in the units of its pixels."""
    structure = inventory.statistics
    return {
        "files": inventory.files,
        "planes": inventory.planes,
        "pixels": inventory.pixels,
        "sizes": inventory.sizes,
        "dtypes": inventory.dtypes,
        "pixel_sizes": [{**size.values, "unit": size.unit} if size else None for size in inventory.pixel_sizes],
        **{name: getattr(inventory, name) for name in ("mean", "std", "minimum", "maximum")},
        "noise": structure.noise if structure else None,
        "contrast": structure.contrast if structure else None,
        "size_of_structures": structure.size if structure else None,
        "padding": inventory.padding,
        "constant": inventory.constant,
        "repeated": inventory.repeated,
        "read_all": inventory.complete,
    }


def _list(items: list[str]) -> str:
    more = f" and {len(items) - _MOST} more" if len(items) > _MOST else ""
    return ", ".join(items[:_MOST]) + more

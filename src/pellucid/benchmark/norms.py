"""Which network needs which norm: ISCL with every combination of norms that is worth a training, or with all.

The paper has batch-instance norm in all five networks, four other norms each in all of them, and its proposal. It has
no row in which one network alone changes, so its table cannot say which of the three choices matters. `SWAPS` are
these rows.

Instance norm in the discriminators: their last map has one pixel where a patch has 64, which instance norm brings to
zero, so ISCL's recipe refuses it. "Instance everywhere" therefore leaves the discriminators with the baseline's
batch-instance norm; patches of 80 pixels (patch=80) would do without this, but are another exposure than that of all
other rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any, NamedTuple

from pellucid.benchmark.layout import Column, Layout, Lead, lay_out_all
from pellucid.benchmark.plan import Entry
from pellucid.benchmark.results import Result
from pellucid.benchmark.table import Line, tables
from pellucid.errors import InputError
from pellucid.methods import RECIPES, make_recipe

BASELINE = "batch-instance"
GRID = ("batch", "layer", "group", "instance", "batch-instance", "switchable", "spectral")
"""Norms of the whole grid, for each of the three roles."""

PAPER = ("iscl-batch", "iscl-layer", "iscl-group", "iscl-switchable", "iscl", "proposed")
"""Recipes that are rows of the paper."""


class Variant(NamedTuple):
    """ISCL with a norm for each role."""

    generator: str
    discriminator: str
    extractor: str

    @property
    def settings(self) -> dict[str, str]:
        """What differs from the recipe."""
        return dict(self._asdict())

    @property
    def label(self) -> str:
        """The recipe of the same norms, if there is one: its units are the same trainings; else the three norms."""
        return _NAMED.get(self, f"iscl {self.generator}/{self.discriminator}/{self.extractor}")


def _variant(recipe: str) -> Variant:
    settings: dict[str, Any] = {"generator": "instance", "discriminator": "spectral", "extractor": "switchable"}
    settings |= RECIPES[recipe]
    return Variant(*(settings[role] for role in Variant._fields))


_NAMED: dict[Variant, str] = {_variant(recipe): recipe for recipe in PAPER}

PROPOSED = _variant("proposed")

SWAPS: tuple[Variant, ...] = tuple(
    Variant(*(new if swapped else BASELINE for new, swapped in zip(PROPOSED, chosen, strict=True)))
    for chosen in ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1))
)
"""Each of the proposal's three norms alone on the baseline, then two of them."""

INSTANCE = Variant("instance", BASELINE, "instance")
"""Instance norm wherever it can work."""


def entries(*, full: bool = False, settings: Mapping[str, Any] | None = None) -> list[Entry]:
    """The variants as methods of a benchmark: a recipe of the same norms under its own name.

    Args:
        full: every combination.
        settings: that differ for all.

    Raises:
        InputError: one of the settings is a norm, which is what is varied.
    """
    changed = dict(settings or {})
    if varied := changed.keys() & set(Variant._fields):
        raise InputError(f"--set {min(varied)}=...: that is what is varied here; use pellucid benchmark --methods iscl")
    return [_entry(variant, changed) for variant in variants(full=full)]


def _entry(variant: Variant, settings: Mapping[str, Any]) -> Entry:
    recipe = _NAMED.get(variant)
    return Entry(recipe, recipe, settings) if recipe else Entry(variant.label, "iscl", {**variant.settings, **settings})


def norms_layouts(results: Iterable[Result]) -> list[Layout]:
    """ISCL's variants among some results, as tables with a column for the norm of each network.

    Raises:
        InputError: there are none.
    """
    of_iscl = [result for result in results if result.recipe.get("method") == "iscl"]
    if not of_iscl:
        raise InputError("no variant of ISCL is among the results: run `pellucid benchmark norms` first")
    return lay_out_all(tables(of_iscl), "Norms of ISCL's networks", LEADS)


def variants(*, full: bool = False) -> list[Variant]:
    """The rows of the paper, the swaps and instance norm; or all combinations that can work, these first."""
    chosen = [*_NAMED, *SWAPS, INSTANCE]
    if full:
        chosen += [variant for variant in _grid() if variant not in chosen]
    return chosen


def _grid() -> Iterable[Variant]:
    for norms in product(GRID, repeat=3):
        variant = Variant(*norms)
        if _works(variant):
            yield variant


def _works(variant: Variant) -> bool:
    try:
        make_recipe("iscl", "paper", variant.settings).check()
    except InputError:
        return False
    return True


def _norm_column(role: str, heading: str) -> Lead:
    def norm_of(line: Line) -> str:
        return str(line.settings.get(role, "–"))

    return Column(heading, "norm of", is_text=True), norm_of


def _paper_row(line: Line) -> str:
    return line.name if line.recipe in PAPER else "ISCL"


LEADS: tuple[Lead, ...] = (
    (Column("method", is_text=True), _paper_row),
    _norm_column("generator", "F, G"),
    _norm_column("discriminator", "D"),
    _norm_column("extractor", "H"),
)
"""The left columns of its table."""

"""Which network needs which norm: ISCL with a selection of norms in its networks, or with all combinations.

The paper has batch-instance norm in all five networks, each of four other norms in all of them, and its proposal. It
has no row in which only one network differs, so its table cannot show which of the three choices matters. `SWAPS` are
these rows.

Instance norm in the discriminators does not work: for a patch of 64 pixels their last map has one pixel, which instance
norm makes zero, so ISCL's recipe refuses it. "Instance everywhere" therefore keeps the baseline's batch-instance norm
in the discriminators. Patches of 80 pixels (patch=80) would work, but could not be compared with the other rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any, NamedTuple

from pellucid.benchmark.layout import Column, LeadColumn, TableLayout, lay_out_all
from pellucid.benchmark.method_spec import MethodSpec
from pellucid.benchmark.results import Result
from pellucid.benchmark.table import MethodRow, tables
from pellucid.errors import InputError
from pellucid.methods import RECIPES, make_recipe

BASELINE = "batch-instance"
GRID = ("batch", "layer", "group", "instance", "batch-instance", "switchable", "spectral")
"""The norms of the full grid, for each of the three roles."""

PAPER = ("iscl-batch", "iscl-layer", "iscl-group", "iscl-switchable", "iscl", "proposed")
"""Recipes that are rows of the paper."""


class NormVariant(NamedTuple):
    """A norm for each role in ISCL."""

    generator: str
    discriminator: str
    extractor: str

    @property
    def settings(self) -> dict[str, str]:
        """The norms as settings of the recipe."""
        return dict(self._asdict())

    @property
    def name(self) -> str:
        """The recipe with these norms, if there is one, so that its runs are shared; else the three norms."""
        return _NAMED.get(self, f"iscl {self.generator}/{self.discriminator}/{self.extractor}")


def _variant(recipe: str) -> NormVariant:
    settings: dict[str, Any] = {"generator": "instance", "discriminator": "spectral", "extractor": "switchable"}
    settings |= RECIPES[recipe]
    return NormVariant(*(settings[role] for role in NormVariant._fields))


_NAMED: dict[NormVariant, str] = {_variant(recipe): recipe for recipe in PAPER}

PROPOSED = _variant("proposed")

SWAPS: tuple[NormVariant, ...] = tuple(
    NormVariant(*(new if swapped else BASELINE for new, swapped in zip(PROPOSED, chosen, strict=True)))
    for chosen in ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1))
)
"""The baseline with one of the proposal's three norms, then with two of them."""

INSTANCE = NormVariant("instance", BASELINE, "instance")
"""Instance norm wherever it works."""


def norm_methods(*, full: bool = False, settings: Mapping[str, Any] | None = None) -> list[MethodSpec]:
    """Return the variants as methods of a benchmark; those that are recipes have the recipe's name.

    Args:
        full: whether to return every combination.
        settings: settings for all of them.

    Raises:
        InputError: one of the settings is a norm.
    """
    changed = dict(settings or {})
    if varied := changed.keys() & set(NormVariant._fields):
        raise InputError(
            f"--set {min(varied)}=...: this command varies the norms; use pellucid benchmark --methods iscl"
        )
    return [_method(variant, changed) for variant in variants(full=full)]


def _method(variant: NormVariant, settings: Mapping[str, Any]) -> MethodSpec:
    recipe = _NAMED.get(variant)
    return (
        MethodSpec(recipe, recipe, settings)
        if recipe
        else MethodSpec(variant.name, "iscl", {**variant.settings, **settings})
    )


def norms_layouts(results: Iterable[Result]) -> list[TableLayout]:
    """Return the variants of ISCL among the results as tables with a column for the norm of each network.

    Raises:
        InputError: there is none.
    """
    of_iscl = [result for result in results if result.recipe.get("method") == "iscl"]
    if not of_iscl:
        raise InputError("no variant of ISCL is among the results: run `pellucid benchmark norms` first")
    return lay_out_all(tables(of_iscl), "Norms of ISCL's networks", LEADS)


def variants(*, full: bool = False) -> list[NormVariant]:
    """The rows of the paper, the swaps and instance norm; with `full`, then all other combinations that work."""
    chosen = [*_NAMED, *SWAPS, INSTANCE]
    if full:
        chosen += [variant for variant in _grid() if variant not in chosen]
    return chosen


def _grid() -> Iterable[NormVariant]:
    for norms in product(GRID, repeat=3):
        variant = NormVariant(*norms)
        if _works(variant):
            yield variant


def _works(variant: NormVariant) -> bool:
    try:
        make_recipe("iscl", "paper", variant.settings).check()
    except InputError:
        return False
    return True


def _norm_column(role: str, heading: str) -> LeadColumn:
    def norm_of(row: MethodRow) -> str:
        return str(row.settings.get(role, "–"))

    return Column(heading, "norm of", is_text=True), norm_of


def _paper_name(row: MethodRow) -> str:
    return row.name if row.method in PAPER else "ISCL"


LEADS: tuple[LeadColumn, ...] = (
    (Column("name", is_text=True), _paper_name),
    _norm_column("generator", "F, G"),
    _norm_column("discriminator", "D"),
    _norm_column("extractor", "H"),
)
"""The left columns of the table."""

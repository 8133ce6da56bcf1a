from __future__ import annotations

from pellucid.app.recipe_choice import BASELINES, trained_recipes, untrained_recipes
from pellucid.cli.recipes import DEFAULT, ITSELF, LISTED, NOISY, PAIRED, UNPAIRED


def test_a_page_offers_what_the_command_line_lists():
    wanted = {UNPAIRED: "clean", PAIRED: "pairs", NOISY: ""}
    listed = {name: wanted[of.needs] for name, of in LISTED.items() if of.needs in wanted and name not in BASELINES}
    offered = trained_recipes()
    assert next(iter(offered)) == DEFAULT
    assert {name: choice.second for name, choice in offered.items()} == listed


def test_filters_are_those_that_need_the_image_alone():
    assert untrained_recipes().keys() == {name for name, of in LISTED.items() if of.needs == ITSELF} - {"noisy"}

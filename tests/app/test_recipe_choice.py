from __future__ import annotations

from pellucid.app.recipe_choice import BASELINES, trained_recipes, untrained_recipes
from pellucid.app.recipe_words import WORDS
from pellucid.cli.recipes import DEFAULT, ITSELF, LISTED, NOISY, PAIRED, UNPAIRED


def test_a_page_offers_what_the_command_line_lists():
    wanted = {UNPAIRED: "clean", PAIRED: "pairs", NOISY: ""}
    listed = {name: wanted[of.needs] for name, of in LISTED.items() if of.needs in wanted and name not in BASELINES}
    offered = trained_recipes()
    assert next(iter(offered)) == DEFAULT
    assert {name: choice.second for name, choice in offered.items()} == listed


def test_filters_are_those_that_need_the_image_alone():
    assert untrained_recipes().keys() == {name for name, of in LISTED.items() if of.needs == ITSELF} - {"noisy"}


def test_each_recipe_has_words_that_fit_a_list():
    offered = {**{name: choice.words for name, choice in trained_recipes().items()}, **untrained_recipes()}
    assert offered == WORDS
    assert len({words.title for words in WORDS.values()}) == len(WORDS)
    assert all(len(words.title) <= 25 and len(words.purpose) <= 75 for words in WORDS.values())

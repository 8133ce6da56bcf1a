"""Training must not grow: each recipe in a process of its own, whose resident memory the system counts."""

from __future__ import annotations

import pytest
from _process import alone
from training_memory import memory_after, settings_of

from pellucid.methods import learning_recipes

GROWTH = 1.03
"""How much more may be resident later: what a heap in pieces and caches that fill need. A leak is far beyond it."""
TINY = {"width": 2, "generator_width": 2, "discriminator_width": 2, "blocks": 1, "batch": 1, "patch": 64}
"""As far as a recipe has these settings."""
SPECIAL = {"noise2noise": {"width": 6}, "noise2kernel": {"width": 8}}
"""Where a recipe refuses one of these, or dies of it."""


def after(name, *steps):
    settings = {key: value for key, value in TINY.items() if key in settings_of(name)} | SPECIAL.get(name, {})
    return alone(memory_after, name, "paper", settings, steps)


def assert_does_not_grow(name):
    early, late = after(name, 50, 300)
    assert late.tensors <= early.tensors  # a single one that each step leaves behind is seen here
    assert late.resident < GROWTH * early.resident


@pytest.mark.timeout(1200)  # a minute of computing, and many on a crowded machine
def test_training_does_not_grow():
    """Not marked slow, though it is: nobody can train with a leak."""
    assert_does_not_grow("proposed")


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in learning_recipes() if name != "proposed"])
def test_no_recipe_grows(name):
    assert_does_not_grow(name)

"""The memory of a training must not grow: each recipe in a new process, whose resident memory the system counts."""

from __future__ import annotations

import pytest
from _process import alone
from training_memory import memory_after, settings_of

from pellucid.methods import learning_recipes

GROWTH = 1.03
"""Allowed growth of resident memory, for fragments of the heap and caches that fill. A leak is far beyond it."""
TINY = {"width": 2, "generator_width": 2, "discriminator_width": 2, "blocks": 1, "batch": 1, "patch": 64}
"""Settings, as far as a recipe has them."""
SPECIAL = {"noise2noise": {"width": 6}, "noise2kernel": {"width": 8}}
"""For recipes that refuse one of these settings, or fail with it."""


def after(name, *steps):
    settings = {key: value for key, value in TINY.items() if key in settings_of(name)} | SPECIAL.get(name, {})
    return alone(memory_after, name, "paper", settings, steps)


def assert_does_not_grow(name, *steps):
    early, late = after(name, *steps)
    assert late.tensors <= early.tensors  # detects a single tensor that each step leaves behind
    assert late.resident < GROWTH * early.resident


@pytest.mark.timeout(1200)  # minutes on a busy machine
def test_training_does_not_grow():
    """Not marked slow: nobody can train with a leak. So few steps find a tensor that stays, or 0.2 MB a step."""
    assert_does_not_grow("proposed", 40, 100)


@pytest.mark.slow
@pytest.mark.parametrize("name", learning_recipes())
def test_no_recipe_grows(name):
    assert_does_not_grow(name, 50, 300)

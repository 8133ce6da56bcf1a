from __future__ import annotations

import pytest
import torch

from pellucid.errors import InputError
from pellucid.methods import METHODS, RECIPES, Denoiser, Supervision, build, build_denoiser, make_recipe, method_class

PRESETS = ("paper", "quick")


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_builds_for_every_preset(name, preset):
    recipe = make_recipe(name, preset)
    method = build(recipe)
    assert (method.recipe, recipe.name, recipe.preset) == (recipe, name, preset)
    assert isinstance(method.denoiser, Denoiser)
    assert method.denoiser.halo % method.denoiser.stride == 0
    assert set(method.denoiser.estimate_names)
    alone = build_denoiser(recipe)
    assert not alone.training
    assert shapes(alone) == shapes(method.denoiser)


def shapes(module):
    """The shapes of everything that weights are loaded into."""
    return {name: value.shape for name, value in module.state_dict().items()}


def test_a_denoiser_that_is_built_alone_has_the_weights_of_the_seed():
    recipe = make_recipe("self2self", "quick", {"seed": 3, "width": 3})
    state = torch.get_rng_state()
    torch.testing.assert_close(build_denoiser(recipe).state_dict(), build(recipe).denoiser.state_dict(), rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_papers_preset_is_the_papers():
    recipe = make_recipe("proposed", "paper")
    assert (recipe.generator, recipe.discriminator, recipe.extractor) == ("instance", "spectral", "switchable")
    assert (recipe.width, recipe.batch, recipe.patch, recipe.steps, recipe.lambda_) == (32, 64, 64, 8000, 30)
    assert (recipe.learning_rate, recipe.final_learning_rate, recipe.gamma) == (1e-4, 1e-7, 0.5)
    assert (recipe.pipeline, recipe.objective, recipe.weights) == ("correct", "hinge-published", "last")


def test_the_quick_preset_uses_averaged_weights():
    assert make_recipe("proposed", "quick").weights == "average"


@pytest.mark.parametrize(
    ("name", "norm"),
    [
        ("iscl", "batch-instance"),
        ("iscl-batch", "batch"),
        ("iscl-layer", "layer"),
        ("iscl-group", "group"),
        ("iscl-switchable", "switchable"),
    ],
)
def test_named_recipes_have_one_norm_everywhere(name, norm):
    recipe = make_recipe(name)
    assert recipe.generator == recipe.discriminator == recipe.extractor == norm


def test_settings_win_over_recipe_and_recipe_over_preset():
    recipe = make_recipe("iscl", "quick", {"extractor": "none", "batch": "16"})
    assert (recipe.generator, recipe.extractor, recipe.batch) == ("batch-instance", "none", 16)
    assert recipe.width == type(recipe).presets["quick"]["width"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("propsed",), "unknown recipe 'propsed': did you mean 'proposed'"),
        (("zzzz",), "unknown recipe 'zzzz': known are proposed, iscl"),
        (("iscl", "qick"), "unknown preset 'qick': did you mean 'quick'"),
        (("iscl", "quick", {"lamda_": 3}), "unknown setting 'lamda_': did you mean 'lambda_'"),
    ],
)
def test_unknown_names_get_the_nearest_known_one(arguments, message):
    with pytest.raises(InputError, match=message):
        make_recipe(*arguments)


def test_unknown_method_gets_the_nearest_known_one():
    with pytest.raises(InputError, match="unknown method 'icsl': did you mean 'iscl'"):
        method_class("icsl")


@pytest.mark.parametrize("name", METHODS)
def test_every_method_keeps_its_contract(name):
    found = method_class(name)
    assert isinstance(found.supervision, Supervision)
    assert "paper" in found.recipe_type.presets


def test_weights_come_from_the_recipes_seed_alone():
    def weights(seed):
        return build(make_recipe("proposed", "quick", {"seed": seed, "width": 2})).state_dict()

    first = weights(5)
    torch.randn(7)
    state = torch.get_rng_state()
    torch.testing.assert_close(weights(5), first, rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), state)  # nobody else's random numbers are used up
    assert not torch.equal(weights(6)["denoiser.F.layers.0.conv.weight"], first["denoiser.F.layers.0.conv.weight"])


def test_the_two_discriminators_and_generators_begin_differently():
    method = build(make_recipe("iscl", "quick", {"width": 2}))
    assert not torch.equal(method.F.layers[0].conv.weight, method.G.layers[0].conv.weight)
    assert not torch.equal(method.D_X.layers[0].conv.weight, method.D_Y.layers[0].conv.weight)

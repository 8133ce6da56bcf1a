from __future__ import annotations

import pytest
import torch
from _reference import PlainIscl

from pellucid.methods import RECIPES, build, make_recipe

TINY = {"width": 2, "batch": 3, "steps": 40}
NETWORKS = ("F", "G", "H", "D_X", "D_Y")


def pair(name, dtype=torch.float32, **settings):
    """A method and its plain reference, with the same weights."""
    method = build(make_recipe(name, settings={**TINY, **settings})).to(dtype)
    plain = PlainIscl(method.recipe)
    plain.networks.to(dtype)
    for role in NETWORKS:
        ours = getattr(method, role).state_dict().values()
        theirs = [v for k, v in getattr(plain, role).state_dict().items() if not k.endswith("num_batches_tracked")]
        for target, source in zip(theirs, ours, strict=True):
            target.copy_(source)
    for lookahead in plain.lookaheads.values():
        lookahead.slow = [weight.detach().clone() for weight in lookahead.fast]
    return method, plain


def batch(images=3, dtype=torch.float32):
    noisy, clean = torch.randn(2, images, 1, 64, 64, dtype=dtype).mul(0.4).clamp(-1, 1)
    return {"noisy": noisy, "clean": clean}


@pytest.mark.parametrize("name", [name for name, values in RECIPES.items() if values["method"] == "iscl"])
def test_the_reference_computes_the_same_losses(name):
    method, plain = pair(name)
    given = batch()
    torch.testing.assert_close(plain.step(given, 1), method.step(given, 1), rtol=1e-4, atol=1e-4)


def test_the_reference_takes_the_same_steps():
    # not with spectral norm, where torch improves u before v, and ours, as its authors, v before u;
    # float64, because leaky ReLUs would turn rounding errors of float32 into other steps
    settings = {"discriminator": "layer", "learning_rate": 1e-3, "discriminator_rate": 2.0, "extractor_rate": 3.0}
    method, plain = pair("proposed", torch.float64, width=1, **settings)
    for number in range(1, 8):  # beyond the sixth, when Lookahead goes back, and rectification begins
        given = batch(2, torch.float64)
        ours, theirs = method.step(given, number), plain.step(given, number)
    torch.testing.assert_close(theirs, ours, rtol=1e-9, atol=1e-11)


def test_the_reference_computes_every_pass():
    _, plain = pair("proposed")
    calls = []
    for role in NETWORKS:
        getattr(plain, role).register_forward_hook(lambda *_, role=role: calls.append(role))
    plain.step(batch(), 1)
    assert {role: calls.count(role) for role in NETWORKS} == {"F": 5, "G": 4, "H": 4, "D_X": 4, "D_Y": 4}

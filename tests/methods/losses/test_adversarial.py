from __future__ import annotations

from typing import get_args

import pytest
import torch
from torch import nn

from pellucid.methods import METHODS, build, make_recipe, method_class
from pellucid.methods.losses.adversarial import OBJECTIVES, ObjectiveName, PenalisedWasserstein, objective
from pellucid.methods.optim.optimisers import Descent

J = torch.tensor([[-2.0], [-0.5], [0.25], [3.0]])

WRITTEN_OUT = {
    "hinge-published": (lambda j: max(0, 1 - j), lambda j: max(0, j), lambda j: -j),
    "hinge": (lambda j: max(0, 1 - j), lambda j: max(0, 1 + j), lambda j: -j),
    "lsgan": (lambda j: (j - 1) ** 2, lambda j: j**2, lambda j: (j - 1) ** 2),
    "wgan": (lambda j: -j, lambda j: j, lambda j: -j),
    "wgan-gp": (lambda j: -j, lambda j: j, lambda j: -j),
}


def test_every_objective_has_a_name():
    assert set(get_args(ObjectiveName)) == set(OBJECTIVES) == set(WRITTEN_OUT)


@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_losses_equal_the_formulas(name):
    game = objective(name)
    for ours, formula in zip((game.real, game.fake, game.fool), WRITTEN_OUT[name], strict=True):
        assert float(ours(J)) == pytest.approx(sum(formula(float(j)) for j in J) / 4)


@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_only_wgan_clips(name):
    judge = nn.Linear(4, 4)
    nn.init.constant_(judge.weight, 0.3)
    objective(name).limit([judge])
    assert float(judge.weight.detach().abs().max()) == pytest.approx(0.01 if name == "wgan" else 0.3)


@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_only_wgan_gp_pays_for_a_slope_other_than_1(name):
    real, fake = torch.randn(2, 3, 1, 4, 4)
    steep = 2.5 / 4  # over 16 pixels: a slope of norm 2.5
    penalty = objective(name).penalty(lambda x: steep * x.sum((1, 2, 3)), real, fake)
    assert float(penalty) == pytest.approx(10 * 1.5**2 if name == "wgan-gp" else 0, rel=1e-5)


def test_the_penalty_teaches_the_judge():
    judge = nn.Sequential(nn.Conv2d(1, 4, 3), nn.LeakyReLU(0.2), nn.Conv2d(4, 1, 3))
    real, fake = torch.randn(2, 3, 1, 8, 8)
    objective("wgan-gp").penalty(judge, real, fake).backward()
    assert judge[0].weight.grad.abs().max() > 0


class Tally(PenalisedWasserstein):
    """Answers with numbers of its own, so that the gradient says how often each is counted in a loss."""

    def __init__(self):
        self.terms = {name: torch.zeros((), requires_grad=True) for name in ("real", "fake", "penalty")}

    def real(self, _judgement):
        return self.terms["real"]

    def fake(self, _judgement):
        return self.terms["fake"]

    def penalty(self, _judge, _real, _fake):
        return self.terms["penalty"]


TINY = {
    "iscl": {"width": 2, "patch": 64},
    "cyclegan": {"width": 2, "blocks": 1, "patch": 64},
    "quan": {"width": 2, "patch": 32},
    "uidnet": {"width": 2, "generator_width": 2, "discriminator_width": 2, "patch": 32},
    "adn": {"width": 2, "patch": 64},
    "drgan": {"width": 2, "patch": 64, "judge_every": 1},
    "cagan": {"width": 8, "patch": 32},
}


def test_every_method_with_an_objective_is_looked_at():
    adversarial = {name for name in METHODS if "objective" in method_class(name).recipe_type.model_fields}
    assert set(TINY) == adversarial


@pytest.mark.parametrize("name", TINY)
def test_real_and_made_images_and_the_penalty_weigh_alike_for_wasserstein(name, monkeypatch):
    """Else a constant added to D would change its loss, and the penalty's 10 would not be the same everywhere."""
    method = build(make_recipe(name, settings=TINY[name]))
    method.objective = game = Tally()
    descended = []
    monkeypatch.setattr(Descent, "step", lambda _descent, loss, _number: descended.append(loss))
    side = TINY[name]["patch"]
    method.step({kind: torch.rand(2, 1, side, side) for kind in method.kinds}, 1)
    terms = game.terms.values()
    gradients = [torch.autograd.grad(loss, terms, allow_unused=True) for loss in descended if loss.requires_grad]
    counted = [torch.stack(found) for found in gradients if found[0] is not None]
    assert len(counted) == 1
    torch.testing.assert_close(counted[0], counted[0][:1].expand(3))

from __future__ import annotations

import copy

import pytest
import torch

from pellucid.errors import InputError
from pellucid.methods import build, make_recipe
from pellucid.methods.adn import Adn

TINY = {"width": 2, "batch": 2, "patch": 32, "steps": 40, "learning_rate": 1e-3}


def make(**settings):
    return build(make_recipe("adn", settings={**TINY, **settings})).double()


def batch(seed=0):
    noisy, clean = torch.randn(2, 2, 1, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return {"noisy": noisy.mul(0.4).clamp(-1, 1), "clean": clean.mul(0.4).clamp(-1, 1)}


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def mean_difference(a, b):
    return (a - b).abs().mean()


def without_use(name):
    """Parameters that exist as published and take part in nothing."""
    return name.startswith(("E_art.residuals", "denoiser.D_clean.upsampling.fusions"))


def test_parameter_counts():
    with torch.device("meta"):
        method = Adn(make_recipe("adn"))
    assert sum(count(network) for network in method.generators.networks) == 27_980_418
    assert count(method.D_X) == count(method.D_Y) == 660_929
    assert count(method) == 27_980_418 + 2 * 660_929
    assert count(method.denoiser) == 5_379_584 + 5_748_353 + 172_480


def test_the_decoders_begin_alike_and_learn_apart():
    method = make()
    clean, noisy = method.denoiser.D_clean, method.D_art
    torch.testing.assert_close(clean.state_dict(), noisy.state_dict(), rtol=0, atol=0)
    method.step(batch(), 1)
    assert not torch.equal(clean.residuals[0].layers[0].weight, noisy.residuals[0].layers[0].weight)


def test_losses_are_those_of_the_paper():
    method, given = make(), batch()
    x, y = given["noisy"], given["clean"]
    E_low, E_high, E_art, D_art = method.denoiser.E_low, method.E_high, method.E_art, method.D_art
    D_clean, D_X, D_Y = method.denoiser.D_clean, method.D_X, method.D_Y
    noise = E_art.sides(x)
    ll, lh, hl, hh = D_art(E_low(x), noise), D_clean(E_low(x)), D_art(E_high(y), noise), D_clean(E_high(y))
    four = mean_difference(ll, x) + mean_difference(hh, y) + mean_difference(D_clean(E_low(hl)), y)
    four = four + mean_difference(x - lh, hl - y)
    total = ((D_Y(lh) - 1) ** 2).mean() + ((D_X(hl) - 1) ** 2).mean() + 20 * four
    made = method.generate(x, y)
    torch.testing.assert_close(method.generator_total(method.generator_losses(x, y, made)), total)
    discriminator = method.discriminator_losses(x, y, hl, lh)
    for name, judge, real, fake in (("d_noisy", D_X, x, hl), ("d_clean", D_Y, y, lh)):
        expected = 0.5 * (((judge(real) - 1) ** 2).mean() + (judge(fake) ** 2).mean())
        torch.testing.assert_close(discriminator[name], expected)


def test_a_step_is_adams_on_the_generators_then_on_the_discriminators():
    """The same step by torch's own optimisers; every parameter but those of no use moves."""
    method, given = make(), batch()
    plain = make()
    plain.load_state_dict(method.state_dict())
    x, y = given["noisy"], given["clean"]
    judges = [*plain.D_X.parameters(), *plain.D_Y.parameters()]
    others = [parameter for name, parameter in plain.named_parameters() if not name.startswith(("D_X", "D_Y"))]
    generators, discriminators = (torch.optim.Adam(each, 1e-3, (0.5, 0.999), 1e-8, 1e-4) for each in (others, judges))
    made = plain.generate(x, y)
    plain.generator_total(plain.generator_losses(x, y, made)).backward()
    generators.step()
    discriminators.zero_grad()
    sum(plain.discriminator_losses(x, y, made.hl.detach(), made.lh.detach()).values()).backward()
    discriminators.step()
    before = {name: parameter.detach().clone() for name, parameter in method.named_parameters()}
    method.step(given, 1)
    torch.testing.assert_close(method.state_dict(), plain.state_dict())
    for name, parameter in method.named_parameters():
        assert torch.equal(parameter, before[name]) == without_use(name), name


def test_a_resumed_training_takes_the_same_step():
    method, other = make(), make(seed=9)
    for number in (1, 2):
        method.step(batch(number), number)
    other.load_state_dict(method.state_dict())
    for name, optimiser in other.optimisers.items():
        optimiser.load_state_dict(copy.deepcopy(method.optimisers[name].state_dict()))
    for each in (method, other):
        each.step(batch(3), 3)
    torch.testing.assert_close(other.state_dict(), method.state_dict(), rtol=0, atol=0)


def test_the_denoised_image_is_content_decoded_without_noise():
    method, given = make(), batch()
    torch.testing.assert_close(method.denoiser(given["noisy"]), method.generate(given["noisy"], given["clean"]).lh)


def test_the_clean_image_takes_its_noise_from_the_noisy_one():
    method, given = make(), batch()
    x = given["noisy"].requires_grad_()
    method.generate(x, given["clean"]).hl.sum().backward()
    assert x.grad.abs().sum() > 0
    x.grad = None
    method.generate(x, given["clean"].requires_grad_()).hh.sum().backward()
    assert x.grad is None


def test_patches_that_the_networks_cannot_take_are_refused():
    with pytest.raises(InputError, match="patch=18: the networks need a multiple of 4 from 16 up"):
        make_recipe("adn", settings={"patch": 18}).check()
    assert make_recipe("adn", settings={"patch": 16}).check() == []


@pytest.mark.parametrize("name", ["hinge-published", "hinge", "wgan", "wgan-gp"])
def test_learns_under_every_adversarial_objective(name):
    method = make(objective=name)
    before = [weight.clone() for weight in method.D_Y.parameters()]
    losses = method.step(batch(), 1)
    assert all(loss.isfinite() and not loss.requires_grad for loss in losses.values())
    assert set(method.shown_losses) <= set(losses)
    assert any(not torch.equal(old, new) for old, new in zip(before, method.D_Y.parameters(), strict=True))
    largest = max(float(weight.detach().abs().max()) for weight in method.D_Y.parameters())
    assert (largest <= 0.01) == (name == "wgan")


def test_a_short_training_beats_the_noisy_image_by_3_db(learned):
    before, after = learned("adn", width=8, patch=32, steps=32, learning_rate=2e-3, average=0.9)
    assert after > before + 3

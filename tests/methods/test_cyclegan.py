from __future__ import annotations

import copy

import pytest
import torch

from pellucid.errors import InputError
from pellucid.methods import build, make_recipe

TINY = {"width": 2, "blocks": 1, "batch": 3, "patch": 32, "pool": 4, "steps": 40, "learning_rate": 1e-3}


def make(**settings):
    return build(make_recipe("cyclegan", settings={**TINY, **settings})).double()


def batch(seed=0):
    noisy, clean = torch.randn(2, 3, 1, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return {"noisy": noisy.mul(0.4).clamp(-1, 1), "clean": clean.mul(0.4).clamp(-1, 1)}


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def mean_difference(a, b):
    return (a - b).abs().mean()


def test_parameter_counts():
    method = build(make_recipe("cyclegan", settings={"blocks": 9}))
    assert count(method.G) == count(method.F) == count(method.denoiser) == 11_365_633
    assert count(method.D_X) == count(method.D_Y) == 2_762_689
    assert sum(count(network) for o in method.optimisers.values() for network in o.networks) == count(method)


def test_every_weight_begins_as_normal_0_02():
    method = build(make_recipe("cyclegan", settings={"width": 16}))
    for network in (method.G, method.F, method.D_X, method.D_Y):
        weights = torch.cat([p.flatten() for name, p in network.named_parameters() if name.endswith("weight")])
        assert weights.mean().item() == pytest.approx(0, abs=1e-3)
        assert weights.std().item() == pytest.approx(0.02, rel=0.02)
        assert not any(p.any() for name, p in network.named_parameters() if name.endswith("bias"))


def test_losses_are_those_of_the_paper():
    method, given = make(), batch()
    x, y = given["noisy"], given["clean"]
    G, F, D_X, D_Y = method.G, method.F, method.D_X, method.D_Y
    losses = method.generator_losses(x, y, G(x), F(y))
    total = (
        ((D_Y(G(x)) - 1) ** 2).mean()
        + ((D_X(F(y)) - 1) ** 2).mean()
        + 10 * (mean_difference(F(G(x)), x) + mean_difference(G(F(y)), y))
        + 5 * (mean_difference(G(y), y) + mean_difference(F(x), x))
    )
    torch.testing.assert_close(method.generator_total(losses), total)
    discriminator = method.discriminator_losses(x, y, F(y), G(x))
    torch.testing.assert_close(discriminator["d_noisy"], 0.5 * (((D_X(x) - 1) ** 2).mean() + (D_X(F(y)) ** 2).mean()))
    torch.testing.assert_close(discriminator["d_clean"], 0.5 * (((D_Y(y) - 1) ** 2).mean() + (D_Y(G(x)) ** 2).mean()))


def test_a_step_is_adams_on_the_generators_then_on_the_discriminators():
    """The same step by torch's own optimisers, with a pool that still has room and so hides nothing."""
    method, given = make(pool=3), batch()
    plain = make(pool=3)
    plain.load_state_dict(method.state_dict())
    x, y = given["noisy"], given["clean"]
    rate, betas = 1e-3, (0.5, 0.999)
    generators = torch.optim.Adam([*plain.G.parameters(), *plain.F.parameters()], rate, betas)
    discriminators = torch.optim.Adam([*plain.D_X.parameters(), *plain.D_Y.parameters()], rate, betas)
    clean_fake, noisy_fake = plain.G(x), plain.F(y)
    plain.generator_total(plain.generator_losses(x, y, clean_fake, noisy_fake)).backward()
    generators.step()
    discriminators.zero_grad()
    sum(plain.discriminator_losses(x, y, noisy_fake.detach(), clean_fake.detach()).values()).backward()
    discriminators.step()
    method.step(given, 1)
    for role in ("G", "F", "D_X", "D_Y"):
        torch.testing.assert_close(getattr(method, role).state_dict(), getattr(plain, role).state_dict())


def test_discriminators_meet_what_was_made_before():
    method = make(pool=3)
    method.step(batch(0), 1)
    made = method.clean_pool.images.clone()
    assert int(method.clean_pool.filled) == int(method.noisy_pool.filled) == 3
    shown = []
    method.D_Y.register_forward_hook(lambda _, inputs, __: shown.append(inputs[0]))
    torch.manual_seed(1)
    method.step(batch(1), 2)
    fakes = shown[-1]  # the last that D_Y sees in a step
    assert any(torch.equal(fake, old) for fake in fakes for old in made)


def test_a_resumed_training_takes_the_same_step():
    method, other = make(), make(seed=9)
    for number in (1, 2, 3):
        method.step(batch(number), number)
    other.load_state_dict(method.state_dict())
    for name, optimiser in other.optimisers.items():
        optimiser.load_state_dict(copy.deepcopy(method.optimisers[name].state_dict()))
    for each in (method, other):
        torch.manual_seed(4)
        each.step(batch(4), 4)
    torch.testing.assert_close(other.state_dict(), method.state_dict(), rtol=0, atol=0)


def test_the_rate_falls_to_0_over_the_second_half():
    method = make()
    assert method.generators.schedule(20) == pytest.approx(1e-3)
    assert method.discriminators.schedule(30) == pytest.approx(0.5e-3)
    assert method.generators.schedule(40) == 0


def test_the_denoised_image_is_that_of_G():
    method, x = make(), batch()["noisy"]
    torch.testing.assert_close(method.denoiser(x), method.G(x))
    assert method.denoiser.halo == 20


@pytest.mark.parametrize("patch", [16, 20, 66])
def test_patches_that_the_networks_cannot_take_are_refused(patch):
    with pytest.raises(InputError, match=f"patch={patch}: the networks need a multiple of 4 from 24 up"):
        make_recipe("cyclegan", settings={"patch": patch}).check()
    assert make_recipe("cyclegan", settings={"patch": 24}).check() == []


@pytest.mark.parametrize("name", ["hinge-published", "hinge", "lsgan", "wgan", "wgan-gp"])
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
    before, after = learned("cyclegan", width=8, blocks=1, patch=32, steps=40, learning_rate=2e-3, average=0.9)
    assert after > before + 3

from __future__ import annotations

import copy

import pytest
import torch

from pellucid.errors import InputError
from pellucid.methods import build, make_recipe
from pellucid.simulation.phantom import tissue

TINY = {"width": 2, "batch": 2, "patch": 32, "steps": 40, "learning_rate": 1e-3}


def make(**settings):
    return build(make_recipe("drgan", settings={**TINY, **settings})).double()


def batch(seed=0):
    drawn = torch.randn(3, 2, 1, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return dict(zip(("noisy", "clean", "flat"), drawn.mul(0.4).clamp(-1, 1), strict=True))


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def mean_difference(a, b):
    return (a - b).abs().mean()


def test_parameter_counts():
    method = build(make_recipe("drgan"))
    assert count(method.denoiser.E_C) == 5_379_584
    assert count(method.denoiser.G_C) == 5_920_833
    assert count(method.E_N) == 661_000
    assert count(method.G_N) == 7_041_601
    assert [count(judge) for judge in method.judges] == [2_762_689] * 3
    learning = [parameter for o in method.optimisers.values() for parameter in o.parameters()]
    assert len(learning) == len(set(learning)) == len(list(method.parameters()))  # each once


def test_losses_are_those_of_the_paper():
    method, given = make(), batch()
    x, y, n = given["noisy"], given["clean"], given["flat"]
    encode, G_C, E_N, G_N = method.denoiser.E_C, method.denoiser.G_C, method.E_N, method.G_N

    def clean(image):
        return G_C(encode(image), encode.sides(image))

    def noisy(image, noise):
        return G_N(encode(image), encode.sides(image), E_N(noise))

    x_clear, y_noisy = clean(x), noisy(y, x)
    cycles = mean_difference(noisy(x_clear, y_noisy), x) + mean_difference(clean(y_noisy), y)
    reconstructions = mean_difference(noisy(x, x), x) + mean_difference(clean(y), y)
    fooled = [method.D_C(x_clear), method.D_N(y_noisy), method.D_PN(x - x_clear), method.D_PN(y_noisy - y)]
    total = sum(((judgement - 1) ** 2).mean() for judgement in fooled) + 10 * (cycles + reconstructions)
    made = method.generate(x, y)
    torch.testing.assert_close(method.generator_total(method.generator_losses(x, y, made)), total)

    losses = method.discriminator_losses(given, method.replayed(x, y, made))
    shown = {
        "d_clean": [(method.D_C, y, x_clear)],
        "d_noisy": [(method.D_N, x, y_noisy)],
        "d_noise": [(method.D_PN, n, x - x_clear), (method.D_PN, n, y_noisy - y)],
    }
    for name, games in shown.items():
        expected = sum(0.5 * (((D(real) - 1) ** 2).mean() + (D(fake) ** 2).mean()) for D, real, fake in games)
        torch.testing.assert_close(losses[name], expected)


def test_a_step_is_adams_on_the_generators_then_on_the_discriminators():
    """The same step by torch's own optimisers, with pools that still have room and so hide nothing."""
    method, given = make(), batch()
    plain = make()
    plain.load_state_dict(method.state_dict())
    x, y = given["noisy"], given["clean"]
    judges = [parameter for judge in plain.judges for parameter in judge.parameters()]
    others = [parameter for name, parameter in plain.named_parameters() if not name.startswith("D_")]
    generators, discriminators = (torch.optim.Adam(each, 1e-3, (0.5, 0.999), 1e-8, 1e-4) for each in (others, judges))
    made = plain.generate(x, y)
    plain.generator_total(plain.generator_losses(x, y, made)).backward()
    generators.step()
    discriminators.zero_grad()
    fakes = dict(zip(made._fields, (fake.detach() for fake in made), strict=True))
    fakes |= {"noise_x": x - fakes["clear_x"], "noise_y": fakes["noisy_y"] - y}
    sum(plain.discriminator_losses(given, fakes).values()).backward()
    discriminators.step()
    before = {name: parameter.detach().clone() for name, parameter in method.named_parameters()}
    method.step(given, 1)
    for name, parameter in plain.named_parameters():
        torch.testing.assert_close(method.get_parameter(name), parameter)
        assert not torch.equal(before[name], parameter), name  # everything learns


@pytest.mark.parametrize("preset", ["paper", "quick"])
def test_discriminators_learn_at_every_step(preset):
    """As the published loop has it, whose index is always 0."""
    method, taken = build(make_recipe("drgan", preset, {"width": 2, "batch": 2, "patch": 32})), []
    given = {kind: images.float() for kind, images in batch().items()}
    for name, optimiser in method.optimisers.items():
        optimiser.step = lambda loss, number, name=name: taken.append((name, number))
    for number in (1, 2, 3):
        method.step(given, number)
    assert taken == [(name, number) for number in (1, 2, 3) for name in ("generators", "discriminators")]


def test_discriminators_learn_less_often_if_asked():
    method = make(judge_every=5)
    for number in range(1, 6):
        before = [weight.clone() for judge in method.judges for weight in judge.parameters()]
        losses = method.step(batch(number), number)
        after = [weight for judge in method.judges for weight in judge.parameters()]
        moved = [not torch.equal(old, new) for old, new in zip(before, after, strict=True)]
        assert all(moved) if number == 5 else not any(moved)
        assert ("d_noise" in losses) == (number == 5)
        assert set(method.shown_losses) <= set(losses)


def test_a_resumed_training_takes_the_same_step():
    method, other = make(), make(seed=9)
    for number in (1, 2, 3, 4):
        method.step(batch(number), number)
    assert {int(pool.filled) for pool in method.pools.values()} == {5}
    other.load_state_dict(method.state_dict())
    for name, optimiser in other.optimisers.items():
        optimiser.load_state_dict(copy.deepcopy(method.optimisers[name].state_dict()))
    for each in (method, other):
        torch.manual_seed(5)
        each.step(batch(5), 5)
    torch.testing.assert_close(other.state_dict(), method.state_dict(), rtol=0, atol=0)


def test_the_rate_is_halved_after_each_fifth():
    schedule = make().generators.schedule
    assert [schedule(number) / 1e-3 for number in (8, 9, 16, 17, 25, 33)] == [1, 0.5, 0.5, 0.25, 0.125, 0.0625]


def test_weights_begin_as_kaimings():
    method = build(make_recipe("drgan", settings={"width": 8}))
    first, last = method.denoiser.E_C.residuals[0].layers[0], method.G_N.style[2]
    assert first.weight.std().item() == pytest.approx((2 / (32 * 9)) ** 0.5, rel=0.05)
    assert last.weight.std().item() == pytest.approx((2 / 32) ** 0.5, rel=0.1)
    assert not first.bias.any()


def test_the_denoised_image_is_content_decoded_without_noise():
    method, given = make(), batch()
    torch.testing.assert_close(method.denoiser(given["noisy"]), method.generate(given["noisy"], given["clean"]).clear_x)


def test_patches_that_the_networks_cannot_take_are_refused():
    with pytest.raises(InputError, match="patch=20: the networks need a multiple of 4 from 24 up"):
        make_recipe("drgan", settings={"patch": 20}).check()


@pytest.mark.parametrize("name", ["hinge-published", "hinge", "wgan", "wgan-gp"])
def test_learns_under_every_adversarial_objective(name):
    method = make(objective=name)
    before = [weight.clone() for weight in method.D_PN.parameters()]
    losses = method.step(batch(), 1)
    assert all(loss.isfinite() and not loss.requires_grad for loss in losses.values())
    assert any(not torch.equal(old, new) for old, new in zip(before, method.D_PN.parameters(), strict=True))
    largest = max(float(weight.detach().abs().max()) for judge in method.judges for weight in judge.parameters())
    assert (largest <= 0.01) == (name == "wgan")


def test_a_handful_of_tiles_is_being_learnt():
    tiles = torch.from_numpy(tissue((4, 32, 32), seed=3) / 127.5 - 1).float()[:, None]
    noise = 0.25 * torch.randn(4, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    given = {"clean": tiles[:2], "noisy": (tiles[2:] + noise[:2]).clamp(-1, 1), "flat": noise[2:]}
    method = make(width=4, learning_rate=4e-3, steps=400, judge_every=5).float()
    found = [method.step(given, number) for number in range(1, 21)]
    totals = [float(losses["cycle"] + losses["reconstruction"]) for losses in found]
    assert sum(totals[-3:]) / 3 < 0.7 * totals[0]


@pytest.mark.slow
def test_training_beats_the_noisy_image(learned):
    """Nothing but discriminators make it denoise, which takes a hundred steps to begin with; 1.5 dB were measured."""
    before, after = learned("drgan", noisy_psnr=19, steps=400, average=0.95)
    assert after > before + 1

from __future__ import annotations

import numpy as np
import pytest
import torch

from pellucid.data.patches import Patches, RandomBatches
from pellucid.errors import InputError
from pellucid.evaluation import psnr
from pellucid.methods import build, make_recipe
from pellucid.methods.quan import rate
from pellucid.simulation.phantom import tissue
from pellucid.training import Training, fit

TINY = {"width": 2, "batch": 2, "patch": 32, "steps": 40, "learning_rate": 1e-3}


def make(**settings):
    return build(make_recipe("quan", settings={**TINY, **settings})).double()


def batch(images=2, side=32):
    noisy, clean, noise = torch.rand(3, images, 1, side, side, dtype=torch.float64).mul(1.6).sub(0.8)
    return {"noisy": noisy, "clean": clean, "noise": noise}


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameter_counts():
    method = build(make_recipe("quan"))
    chain = method.denoiser.chain
    assert (count(chain.N), count(chain.L), count(method.I)) == (1_188_497, 1_188_641, 1_188_641)
    assert [count(judge) for judge in method.judges.values()] == [884_352] * 3
    assert sum(len(o.parameters()) for o in method.optimisers.values()) == len(list(method.parameters()))


def test_rates_are_the_published_ones():
    """2e-4, 1e-4, 1e-5, 1e-6 at epochs 0, 100, 200, 300 of 500, of 500 steps each, linear in between."""
    recipe = make_recipe("quan")
    found = [rate(recipe)(500 * epoch) for epoch in (0, 50, 100, 150, 200, 300, 301, 500)]
    assert found == pytest.approx([2e-4, 1.5e-4, 1e-4, 5.5e-5, 1e-5, 1e-6, 1e-6, 1e-6])
    assert recipe.steps == 500 * 500


def test_every_convolution_begins_with_the_published_weights():
    """Truncated normal of variance 2/fan-in; in all, the last ones of 16 channels too."""
    method = build(make_recipe("quan"))
    convolutions = [m for m in method.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.ConvTranspose2d)]
    scaled = torch.cat(
        [(conv.weight * (conv.weight[0].numel() / 2) ** 0.5).detach().flatten() for conv in convolutions]
    )
    assert float(scaled.std()) == pytest.approx(1, rel=2e-3)
    assert scaled.abs().max() <= 2 / 0.8796
    last = method.denoiser.chain.L.last.conv.weight.detach()
    assert float(last.std()) == pytest.approx((2 / 144) ** 0.5, rel=0.2)  # 0.118
    assert not any(conv.bias.any() for conv in convolutions)


def test_the_first_update_is_tensorflows():
    """lr·√(1 − β₂)/(1 − β₁)·m/(√v + ε) with m = (1 − β₁)·g, v = (1 − β₂)·g²: ε 1e-3 next to √v, not to |g|."""
    method, given = make(), batch()
    made = method.chains(given)
    weight = method.denoiser.chain.L.last.conv.weight
    (slope,) = torch.autograd.grad(method.generator_total(method.generator_losses(given, made)), weight)
    before = weight.detach().clone()
    method.step(given, 1)
    lr, v = rate(method.recipe)(1), 0.001 * slope.square()
    expected = lr * 0.001**0.5 * slope / (v.sqrt() + 1e-3)
    torch.testing.assert_close(before - weight.detach(), expected, rtol=1e-6, atol=1e-12)
    assert {name: o.inner.param_groups[0]["betas"] for name, o in method.optimisers.items()} == {
        "generators": (0.5, 0.999),
        "discriminators": (0.5, 0.999),
    }


@pytest.mark.parametrize("skips", [False, True])
def test_skip_connections_are_an_option_of_all_generators(skips):
    method = make(skips=skips)
    chain = method.denoiser.chain
    assert [network.skips for network in (chain.N, chain.L, method.I)] == [skips] * 3
    assert make_recipe("quan").skips is False
    torch.testing.assert_close(make().state_dict(), method.state_dict())  # they have no weights


def plain_losses(method, x, y, n):
    """The terms one by one, as the chains are written down; every network alone on every image."""
    N, L, I = method.denoiser.chain.N, method.denoiser.chain.L, method.I  # noqa: E741

    def on(network, *images):
        return network(torch.cat(images, 1))

    def unit(image):
        return image / 2 + 0.5

    i1 = on(I, n, y)
    n1 = on(N, i1)
    l1 = on(L, n1, i1)
    n2 = on(N, x)
    l2 = on(L, n2, x)
    i2 = on(I, n2, l2)
    kept = [
        (unit(y) - unit(l1)).abs().mean(),
        (unit(n) - unit(n1)).abs().mean(),
        (unit(x) - unit(i2)).abs().mean(),
        (unit(i1) - unit(y) * (unit(n) + 1e-6)).abs().mean(),
        (unit(l1) - unit(i1) / (unit(n1) + 1e-3)).abs().mean(),
    ]
    fooled, judged = [], []
    for kind, real, fakes in (("noisy", x, (i1, i2)), ("clean", y, (l1, l2)), ("noise", n, (n1, n2))):
        judge = method.judges[kind]
        fooled += [(judge(fake) - 1).square().mean() for fake in fakes]
        judged += [((judge(real) - 1).square().mean() + judge(fake).square().mean()) / 2 for fake in fakes]
    generators = torch.stack([*(10 * term for term in kept), *fooled]).mean()
    return generators, torch.stack(judged).mean()


def test_losses_are_those_of_the_two_chains():
    method, given = make(), batch()
    made = method.chains(given)
    generators, discriminators = plain_losses(method, *given.values())
    losses = method.generator_losses(given, made)
    torch.testing.assert_close(method.generator_total(losses), generators)
    shown = {kind: torch.cat(images).detach() for kind, images in made.items()}
    judged = method.discriminator_losses(given, shown)
    torch.testing.assert_close(torch.stack(list(judged.values())).mean(), discriminators)


def test_perfect_networks_would_lose_nothing_but_the_game():
    method, given = make(), batch()
    intensity_range = (given["clean"] + 1) / 2 * (given["noise"] + 1) / 2
    product = 2 * intensity_range - 1
    given["noisy"] = product
    made = {"noisy": (product, product), "clean": (given["clean"],) * 2, "noise": (given["noise"],) * 2}
    losses = method.generator_losses(given, made)
    assert all(losses[name] < 1e-12 for name in ("cycle_clean", "cycle_noise", "cycle_noisy"))
    assert losses["product"] < 1e-6
    assert losses["quotient"] < 1e-2


@pytest.mark.parametrize("darkest", [0.0, 0.5])
def test_dark_noise_is_divided_by_as_if_it_were_no_darker_than_asked(darkest):
    method, given = make(darkest=darkest), batch()
    made = method.chains(given)
    x1, y1, n1 = ((made[kind][0] + 1) / 2 for kind in ("noisy", "clean", "noise"))
    divisor = torch.where(n1 + 1e-3 > darkest, n1 + 1e-3, torch.tensor(darkest, dtype=n1.dtype))
    expected = (y1 - x1 / divisor).abs().mean()
    torch.testing.assert_close(method.generator_losses(given, made)["quotient"], expected)
    assert make_recipe("quan").darkest == 0


def test_each_update_moves_its_own_networks_alone():
    method, given = make(), batch()
    before = {name: weight.clone() for name, weight in method.named_parameters()}
    taken = []
    for name, optimiser in method.optimisers.items():
        plain = optimiser.step

        def step(loss, number, plain=plain, name=name):
            old = {key: weight.clone() for key, weight in method.named_parameters()}
            plain(loss, number)
            moved = {k.split(".")[0] for k, weight in method.named_parameters() if not torch.equal(weight, old[k])}
            taken.append((name, moved))

        optimiser.step = step
    method.step(given, 1)
    assert taken == [("generators", {"denoiser", "I"}), ("discriminators", {"judges"})]
    networks = {
        name.rsplit(".layers", 1)[0] for name, w in method.named_parameters() if not torch.equal(w, before[name])
    }
    assert any("chain.N" in name for name in networks)
    assert any("chain.L" in name for name in networks)


@pytest.mark.parametrize("objective", ["hinge", "wgan", "wgan-gp"])
def test_learns_under_other_objectives(objective):
    method = make(objective=objective)
    for number in (1, 2):
        assert all(loss.isfinite() for loss in method.step(batch(), number).values())


@pytest.mark.parametrize("patch", [16, 40])
def test_patches_that_the_networks_cannot_take_are_refused(patch):
    with pytest.raises(InputError, match=f"patch={patch}: the networks need a multiple of 16 from 32 up"):
        make_recipe("quan", settings={"patch": patch}).check()


@pytest.mark.parametrize("preset", ["paper", "quick"])
def test_the_presets_are_fit_for_use(preset):
    assert make_recipe("quan", preset).check() == []


def trained(steps, **settings):
    """PSNR (dB) of unseen noisy images, of one grey for each, and of the result; noise and tissue are multiplied."""
    recipe = make_recipe("quan", "quick", {"steps": steps, **settings})
    planes = np.stack([tissue((128, 128), seed=1_000_003 + plane) for plane in range(9)])
    clean, hidden, truth = np.split(planes, 3)
    random = np.random.default_rng(0)

    def noise(like):
        return np.clip(random.normal(180, 60, like.shape), 0, 255)

    test = truth * noise(truth) / 255
    images = {"noisy": hidden * noise(hidden) / 255, "clean": clean, "noise": noise(hidden)}
    patches = {kind: Patches(list(planes), to_unit, recipe.patch) for kind, planes in images.items()}
    training = Training(build(recipe), torch.device("cpu"))
    fit(training, batches := RandomBatches(patches, recipe.batch, recipe.seed))
    with torch.no_grad():
        denoised = training.averaged(batches)(torch.from_numpy(to_unit(test))[:, None])[:, 0].numpy()
    greys = np.broadcast_to(truth.mean((1, 2), keepdims=True), truth.shape)
    return [
        np.mean([psnr(one, reference, 255) for one, reference in zip(planes, truth, strict=True)])
        for planes in (test, greys, (denoised.astype(np.float64) + 1) * 127.5)
    ]


def to_unit(image):
    return (image / 127.5 - 1).astype(np.float32)


@pytest.mark.slow
def test_a_short_training_beats_the_noisy_image():
    before, _, after = trained(200, learning_rate=6e-3, average=0.9)
    assert before < 14.5
    assert after > before + 0.5

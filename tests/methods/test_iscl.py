from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from plain_iscl import PlainIscl

from pellucid.errors import InputError
from pellucid.methods import RECIPES, build, make_recipe
from pellucid.norms import feature_norms, running_norms
from pellucid.simulation.phantom import tissue

TINY = {"width": 2, "batch": 3, "steps": 40, "learning_rate": 1e-3}


def make(recipe="proposed", dtype=torch.float64, **settings):
    return build(make_recipe(recipe, settings={**TINY, **settings})).to(dtype)


def batch(images=3, dtype=torch.float64):
    noisy, clean = torch.randn(2, images, 1, 64, 64, dtype=dtype).mul(0.4).clamp(-1, 1)
    return {"noisy": noisy, "clean": clean}


def silence(network):
    """Make a network answer 0 to everything."""
    last = [module for module in network.modules() if isinstance(module, torch.nn.Conv2d)][-1]
    last.weight.data.zero_()
    last.bias.data.zero_()


def all_losses(method, x, y):
    noise = method.H(x).detach()
    clean_fake, noisy_fake = method.F(x), method.G(y)
    discriminator = method.discriminator_losses(x, y, clean_fake.detach(), noisy_fake.detach(), noise)
    generator = method.generator_losses(x, y, clean_fake, noisy_fake, noise)
    return discriminator, generator, method.extractor_losses(x, y)


def test_discriminators_that_answer_0_lose_2():
    method, given = make(discriminator="none"), batch()
    silence(method.D_X)
    silence(method.D_Y)
    discriminator, generator, _ = all_losses(method, given["noisy"], given["clean"])
    assert {name: float(loss.detach()) for name, loss in discriminator.items()} == {
        "d_noisy": 1,
        "d_clean": 1,
        "boosting": 0,
    }
    assert float(generator["g_noisy"].detach()) == float(generator["g_clean"].detach()) == 0


def test_an_extractor_that_finds_nothing_makes_the_bypass_an_identity_loss():
    method, given = make(), batch()
    silence(method.H)
    x, y = given["noisy"], given["clean"]
    _, generator, extractor = all_losses(method, x, y)
    identity = (method.F(x) - x).abs().mean() + (method.F(y) - y).abs().mean()
    torch.testing.assert_close(generator["bypass"], identity)
    torch.testing.assert_close(extractor["pseudo_noise"], (x - method.F(x)).abs().mean().detach())


def test_standard_hinge_has_margin_1_for_fakes():
    published, standard, given = make(), make(objective="hinge"), batch()
    standard.load_state_dict(published.state_dict())
    x, y = given["noisy"], given["clean"]
    for method in (published, standard):
        method.eval()
    judgements = [published.D_X(published.G(y)), published.D_Y(published.F(x))]
    losses = [all_losses(method, x, y)[0] for method in (published, standard)]
    real = torch.relu(1 - published.D_X(x)).mean()
    torch.testing.assert_close(losses[0]["d_noisy"], real + torch.relu(judgements[0]).mean())
    torch.testing.assert_close(losses[1]["d_noisy"], real + torch.relu(1 + judgements[0]).mean())
    for key in ("cycle", "bypass", "g_noisy"):
        torch.testing.assert_close(*(all_losses(method, x, y)[1][key] for method in (published, standard)))


@pytest.mark.parametrize("name", ["wgan", "wgan-gp"])
def test_wasserstein_discriminators_gain_nothing_from_a_constant(name):
    method, given = make(objective=name, discriminator="layer"), batch()
    losses, _, _ = all_losses(method, given["noisy"], given["clean"])
    torch.stack(list(losses.values())).sum().backward()
    for judge in (method.D_X, method.D_Y):
        last = [module for module in judge.modules() if isinstance(module, torch.nn.Conv2d)][-1]
        assert abs(float(last.bias.grad)) < 1e-12  # +1 where both made images count in full


def test_the_penalty_is_the_mean_over_both_made_images_of_a_kind():
    method, given = make(objective="wgan-gp", discriminator="layer"), batch()
    x, y = given["noisy"], given["clean"]
    noise, noisy_fake, clean_fake = method.H(x).detach(), method.G(y).detach(), method.F(x).detach()
    torch.manual_seed(5)
    losses = method.discriminator_losses(x, y, clean_fake, noisy_fake, noise)
    torch.manual_seed(5)
    total = 0.0
    for judge, real, made in (
        *((method.D_X, x, noisy_fake), (method.D_Y, y, clean_fake)),
        *((method.D_X, x, y + noise), (method.D_Y, y, x - noise)),
    ):
        share = torch.rand(3, 1, 1, 1, dtype=torch.float64)
        between = (real + share * (made - real)).requires_grad_()
        (slope,) = torch.autograd.grad(judge(between).sum(), between)
        total += 10 * (slope.square().sum((1, 2, 3)).sqrt() - 1).square().mean() / 2
        total += (judge(made).mean() - judge(real).mean()).detach() / 2
    torch.testing.assert_close(torch.stack(list(losses.values())).sum().detach(), total)


@pytest.mark.parametrize("name", [name for name, values in RECIPES.items() if values["method"] == "iscl"])
def test_updates_equal_those_of_the_plain_step(name):
    method = make(name)
    plain = PlainIscl(method, method.recipe)
    steps = 7 if name == "proposed" else 2  # seven reach rectified Adam and Lookahead, whatever the norms
    for number in range(1, steps + 1):
        given = batch()
        before = {key: value.clone() for key, value in method.state_dict().items()}
        method.step(given, number)
        plain.step(given["noisy"], given["clean"])
    pairs = {"F": plain.F, "G": plain.G, "H": plain.H, "D_X": plain.DX, "D_Y": plain.DY}
    for role, reference in pairs.items():
        torch.testing.assert_close(
            getattr(method, role).state_dict(),
            reference.state_dict(),
            rtol=1e-9,
            atol=1e-11,
        )
    moved = [key for key, value in method.state_dict().items() if not torch.equal(value, before[key])]
    assert {key.split(".")[0] for key in moved} == {"denoiser", "G", "D_X", "D_Y"}


def calls_in(step, networks):
    counted = Counter()
    hooks = [
        network.register_forward_hook(lambda *_, role=role: counted.update([role]))
        for role, network in networks.items()
    ]
    step()
    for hook in hooks:
        hook.remove()
    return counted


PLAIN_CALLS = {"F": 1 + 3 + 1, "G": 1 + 2 + 1, "H": 1 + 1 + 2, "D_X": 3 + 1, "D_Y": 3 + 1}
"""Discriminator step + generator step + extractor step."""
SHARED_CALLS = {"F": 4, "G": 3, "H": 3, "D_X": 4, "D_Y": 4}
"""F(x) and G(y) serve two steps, H(x) too."""
RUNNING_CALLS = {**PLAIN_CALLS, "H": 3}
"""F(x) and G(y) differ between training and evaluation mode: only H(x) serves two steps."""


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ("proposed", SHARED_CALLS),
        ("iscl", SHARED_CALLS),
        ("iscl-batch", RUNNING_CALLS),
        ("iscl-switchable", RUNNING_CALLS),
    ],
)
def test_a_step_computes_nothing_twice_that_stays_the_same(recipe, expected):
    method, given = make(recipe), batch()
    plain = PlainIscl(method, method.recipe)
    roles = {"F": method.F, "G": method.G, "H": method.H, "D_X": method.D_X, "D_Y": method.D_Y}
    assert calls_in(lambda: method.step(given, 1), roles) == expected
    references = dict(zip(("F", "G", "H", "D_X", "D_Y"), plain.networks, strict=True))
    assert calls_in(lambda: plain.step(given["noisy"], given["clean"]), references) == PLAIN_CALLS


def test_rho_stays_between_0_and_1():
    method = make("iscl", learning_rate=0.3)
    rhos = [norm.rho for norm in feature_norms(method).values()]
    for number in range(1, 8):
        method.step(batch(), number)
        assert all(rho.min() >= 0 and rho.max() <= 1 for rho in rhos)
    assert min(float(rho.detach().min()) for rho in rhos) < 0.99  # it does learn


def test_losses_are_named_and_detached():
    losses = make().step(batch(), 1)
    assert list(losses) == [
        *("d_noisy", "d_clean", "boosting", "g_noisy", "g_clean", "cycle", "bypass"),
        *("pseudo_noise", "noise_consistency"),
    ]
    assert not any(loss.requires_grad for loss in losses.values())
    assert set(make().shown_losses) <= set(losses)


def test_only_the_extractors_norms_take_running_values_from_the_proposed_step():
    method = make()
    method.step(batch(), 1)
    assert {name.split(".")[1] for name, _ in method.named_buffers() if "running" in name} == {"H"}


def test_denoised_image_is_the_clipped_mean_of_the_two_estimates():
    method, x = make(gamma=0.25).eval(), batch()["noisy"]
    parts = method.denoiser.estimates(x)
    assert tuple(parts) == tuple(method.denoiser.estimate_names)
    torch.testing.assert_close(parts["F"], method.F(x))
    torch.testing.assert_close(parts["x-H"], x - method.H(x))
    expected = (0.25 * parts["F"] + 0.75 * parts["x-H"]).clamp(-1, 1)
    torch.testing.assert_close(method.denoiser(x), expected)
    method.H.layers[-1].conv.bias.data.fill_(-9)  # x − H far above white
    assert method.denoiser(x).max() == 1
    assert method.denoiser.estimates(x)["x-H"].max() > 1


@pytest.mark.parametrize("part", ["F", "x-H"])
def test_one_estimate_alone_is_that_of_both_and_needs_no_other_network(part):
    denoiser, x = make().eval().denoiser, batch()["noisy"]
    expected = denoiser.estimates(x)[part]
    other = denoiser.H if part == "F" else denoiser.F
    other.forward = None
    alone = denoiser.only(part)
    assert list(alone.estimates(x)) == [part]
    torch.testing.assert_close(alone.estimates(x)[part], expected)
    torch.testing.assert_close(alone(x), expected.clamp(-1, 1))


@pytest.mark.parametrize("norm", ["instance", "instance-plain"])
def test_instance_norm_in_the_discriminators_is_refused(norm):
    with pytest.raises(InputError, match=f"discriminator='{norm}' cannot work: its last map has one pixel"):
        make_recipe("proposed", settings={"discriminator": norm}).check()
    assert make_recipe("proposed", settings={"discriminator": norm, "patch": 96}).check() == []


@pytest.mark.parametrize("patch", [32, 72, 100])
def test_patches_that_the_discriminators_cannot_judge_are_refused(patch):
    with pytest.raises(InputError, match=f"patch={patch}: the discriminators need a multiple of 16 from 64 up"):
        make_recipe("proposed", settings={"patch": patch}).check()


@pytest.mark.parametrize("width", [20, 48, 100])
def test_a_width_that_group_norm_cannot_take_is_refused(width):
    with pytest.raises(InputError, match="32 channels in a group"):
        make_recipe("iscl-group", settings={"width": width}).check()


def test_an_unknown_norm_is_refused():
    with pytest.raises(InputError, match="unknown norm 'swichable': did you mean 'switchable'"):
        make_recipe("proposed", settings={"extractor": "swichable"}).check()


def test_batch_norm_with_a_tiny_batch_is_warned_of():
    warnings = make_recipe("iscl-batch", "quick", {"batch": 4}).check()
    assert [warning.split(" ")[0] for warning in warnings] == [
        "generator='batch'",
        "discriminator='batch'",
        "extractor='batch'",
    ]
    assert all("4 patches hardly give" in warning for warning in warnings)
    assert make_recipe("iscl-batch", "quick", {"batch": 8}).check() == []


@pytest.mark.parametrize(
    ("settings", "roles"),
    [
        ({"generator": "switchable"}, ["generator"]),
        ({"generator": "switchable-frozen", "batch": 7}, ["generator"]),
        ({"generator": "switchable", "batch": 8}, []),
        ({"discriminator": "batch-instance"}, ["discriminator"]),
        ({"extractor": "batch-instance"}, ["extractor"]),
        ({"extractor": "switchable", "batch": 4}, []),
        ({"extractor": "switchable", "batch": 3}, ["extractor"]),
    ],
)
def test_norms_that_mix_batch_statistics_in_are_warned_of_where_a_batch_gives_too_few(settings, roles):
    warnings = make_recipe("proposed", "quick", {"batch": 4, **settings}).check()
    assert [warning.split("=")[0] for warning in warnings] == roles


@pytest.mark.parametrize("role", ["generator", "discriminator", "extractor"])
def test_a_warning_of_a_small_batch_names_remedies_that_work(role):
    settings = {role: "switchable", "batch": 2}
    (warning,) = (text for text in make_recipe("proposed", "quick", settings).check() if text.startswith(role))
    remedies = warning[warning.rindex("(") + 1 : -1].split(", ")
    assert len(remedies) == 2
    for name in remedies:
        assert not [w for w in make_recipe("proposed", "quick", {**settings, role: name}).check() if w.startswith(role)]


@pytest.mark.parametrize("discriminator", ["batch", "batch-instance", "switchable"])
def test_a_norm_that_mixes_images_is_warned_of_where_the_slope_of_each_counts(discriminator):
    settings = {"discriminator": discriminator, "objective": "wgan-gp"}
    assert any(
        "the penalty is on the slope of each image" in text
        for text in make_recipe("proposed", settings=settings).check()
    )
    assert make_recipe("proposed", settings={**settings, "objective": "wgan"}).check() == []


@pytest.mark.parametrize("discriminator", ["spectral", "spectral-project"])
def test_clipping_that_spectral_norm_undoes_is_warned_of(discriminator):
    settings = {"discriminator": discriminator, "objective": "wgan"}
    assert any("binds the biases only" in text for text in make_recipe("proposed", settings=settings).check())
    for other in ({"objective": "wgan-gp"}, {"objective": "hinge"}, {"discriminator": "layer"}):
        assert make_recipe("proposed", settings={**settings, **other}).check() == []


@pytest.mark.parametrize("discriminator", ["spectral", "spectral-project"])
def test_spectral_norm_undoes_whatever_makes_weights_small(discriminator):
    judge, x = make(discriminator=discriminator).D_X, batch()["noisy"]
    for _ in range(50):
        expected = judge(x)  # in training mode, where norms of weights are measured
    for name, parameter in judge.named_parameters():
        if not name.endswith("bias"):
            parameter.data.mul_(1e-3)
    torch.testing.assert_close(judge(x), expected, rtol=1e-3, atol=0)  # as near as power iterations have come


@pytest.mark.parametrize("preset", ["paper", "quick"])
def test_the_default_recipe_is_fit_for_use(preset):
    assert make_recipe("proposed", preset).check() == []


def learn_a_handful_of_tiles(steps, **settings):
    """Cycle and bypass loss before and after training on the same two noisy and two clean tiles."""
    tiles = tissue((4, 64, 64), seed=3) / 127.5 - 1
    noise = np.random.default_rng(0).normal(0, 0.25, (2, 64, 64))
    given = {
        "clean": torch.from_numpy(tiles[:2]).float()[:, None],
        "noisy": torch.from_numpy(tiles[2:] + noise).clamp(-1, 1).float()[:, None],
    }
    method = make(dtype=torch.float32, steps=10 * steps, **settings)
    found = [method.step(given, number) for number in range(1, steps + 1)]
    totals = [float(losses["cycle"] + losses["bypass"]) for losses in found]
    return totals[0], np.mean(totals[-3:])


def test_a_handful_of_tiles_is_being_learnt():
    first, last = learn_a_handful_of_tiles(25, width=4, learning_rate=5e-3)
    assert last < 0.75 * first


@pytest.mark.slow
def test_a_handful_of_tiles_is_learnt_by_more_than_half():
    first, last = learn_a_handful_of_tiles(120, width=8, learning_rate=5e-3)
    assert last < first / 3


def test_running_rate_reaches_every_norm_that_runs():
    method = build(make_recipe("iscl-switchable", "quick", {"width": 4, "batch": 8, "running_rate": 20}))
    assert {round(norm.momentum, 6) for norm in running_norms(method)} == {0.2}
    assert {norm.momentum for norm in running_norms(build(make_recipe("proposed", "paper", {"width": 4})))} == {0.01}


@pytest.mark.parametrize(
    ("name", "discriminator"),
    [
        *((name, "spectral") for name in ("hinge-published", "hinge", "lsgan", "wgan", "wgan-gp")),
        *((name, "batch-instance") for name in ("hinge-published", "wgan-gp")),
    ],
)
def test_learns_under_every_adversarial_objective(name, discriminator):
    method = make(objective=name, discriminator=discriminator)
    before = [weight.clone() for weight in method.D_X.parameters()]
    for number in (1, 2):
        losses = method.step(batch(), number)
        assert all(loss.isfinite() for loss in losses.values())
    assert any(not torch.equal(old, new) for old, new in zip(before, method.D_X.parameters(), strict=True))


@pytest.mark.slow
def test_learns_to_denoise_without_pairs(learned):
    noisy, denoised = learned("proposed", width=8, steps=120)
    assert denoised > noisy + 2

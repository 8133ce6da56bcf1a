from __future__ import annotations

import pytest
import torch

from pellucid.errors import InputError
from pellucid.methods import build, make_recipe
from pellucid.networks.uidnet import sharpen
from pellucid.norms import feature_norms

TINY = {"width": 4, "generator_width": 4, "discriminator_width": 2, "batch": 4, "patch": 32, "steps": 40}


def make(**settings):
    return build(make_recipe("uidnet", settings={**TINY, **settings})).double()


def batch(images=4, side=32):
    noisy, clean = torch.rand(2, images, 1, side, side, dtype=torch.float64).mul(1.6).sub(0.8)
    return {"noisy": noisy, "clean": clean}


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameter_counts_are_the_published_ones():
    method = build(make_recipe("uidnet"))
    assert (count(method.G), count(method.D), count(method.denoiser)) == (466_499, 4_313_153, 557_057)
    assert {(norm.eps, norm.momentum, norm.slope) for norm in feature_norms(method.denoiser).values()} == {
        (1e-3, 0.01, 0.0)
    }
    assert all(layer.bias is not None for layer in method.denoiser.modules() if isinstance(layer, torch.nn.Conv2d))


def plain_penalty(method, between, slope_of):
    between = sharpen(between).detach().requires_grad_()
    (slope,) = torch.autograd.grad(method.D.judge(between).sum(), between)
    return 10 * (slope_of(slope) - 1).square().mean()


def discriminator_loss(method, given, made):
    torch.manual_seed(3)
    loss = method.discriminator_loss(given["noisy"], made).detach()
    torch.manual_seed(3)
    D = method.D
    return loss, (D(made).mean() - D(given["noisy"]).mean()).detach()


def test_the_penalty_is_on_the_slope_of_each_image_at_a_point_of_its_own():
    method, given, made = make(), batch(), batch()["noisy"]
    loss, distance = discriminator_loss(method, given, made)
    share = torch.rand(4, 1, 1, 1, dtype=torch.float64)
    between = given["noisy"] + share * (made - given["noisy"])
    penalty = plain_penalty(method, between, lambda slope: slope.square().sum((1, 2, 3)).sqrt())
    torch.testing.assert_close(loss, distance + penalty)


def test_the_published_penalty_is_on_the_slope_of_each_column_at_one_point_for_all():
    method, given, made = make(gp="official"), batch(), batch()["noisy"]
    loss, distance = discriminator_loss(method, given, made)
    share = torch.rand((), dtype=torch.float64)
    between = share * given["noisy"] + (1 - share) * made
    penalty = plain_penalty(method, between, lambda slope: slope.square().sum(2).sqrt())  # (N, C, rows, columns)
    torch.testing.assert_close(loss, distance + penalty)
    torch.testing.assert_close(make().state_dict(), method.state_dict())  # the same networks, another loss


def test_the_denoiser_loses_half_the_squares_summed_over_pixels():
    method, given = make().eval(), batch()
    made = given["noisy"]
    residual = made - method.denoiser.dnn(made) - given["clean"]
    expected = torch.stack([image.square().sum() / 2 for image in residual]).mean()
    torch.testing.assert_close(method.denoising_loss(made, given["clean"]), expected)


def test_each_update_moves_its_own_network_alone():
    method = make()
    taken = []
    for name, optimiser in method.optimisers.items():
        plain = optimiser.step

        def step(loss, number, plain=plain, name=name):
            old = {key: weight.clone() for key, weight in method.named_parameters()}
            plain(loss, number)
            moved = {key.split(".")[0] for key, w in method.named_parameters() if not torch.equal(w, old[key])}
            taken.append((name, moved))

        optimiser.step = step
    method.step(batch(), 1)
    assert taken == [("discriminator", {"D"}), ("generator", {"G"}), ("dnn", {"denoiser"})]


def test_running_statistics_are_of_made_images_and_follow_faster_if_asked():
    slow, fast, given = make(), make(running_rate=20), batch()
    for method in (slow, fast):
        torch.manual_seed(0)
        method.step(given, 1)
    (first, _), (second, _) = (
        (next(iter(feature_norms(method.denoiser).values())).running_mean, method) for method in (slow, fast)
    )
    torch.testing.assert_close(second, 20 * first)
    assert first.abs().max() > 0


def test_running_statistics_are_of_images_that_were_made_without_dropout():
    """Batch norm of the first made map: 0.01 of its mean and variance, 0.99 of 0 and 1."""
    method, given = make(), batch()
    torch.manual_seed(0)
    method.step(given, 1)
    after = method.state_dict()
    norm = next(iter(feature_norms(method.denoiser).values()))

    again = make()
    torch.manual_seed(0)
    z = torch.empty_like(given["clean"]).uniform_(-1, 1)
    again.G.load_state_dict({name.removeprefix("G."): value for name, value in after.items() if name.startswith("G.")})
    found = []
    first = next(iter(feature_norms(again.denoiser).values()))
    first.register_forward_hook(lambda _, maps, __: found.append(maps[0]))
    with torch.no_grad():
        again.denoiser.estimate(given["clean"] + again.G.eval()(z, given["clean"]))
    variance, mean = torch.var_mean(found[0], (0, 2, 3))
    torch.testing.assert_close(norm.running_mean, 0.01 * mean)
    torch.testing.assert_close(norm.running_var, 0.99 + 0.01 * variance)
    assert all(norm.momentum == 0.01 for norm in feature_norms(method.denoiser).values())


@pytest.mark.parametrize("objective", ["hinge", "lsgan", "wgan"])
def test_learns_under_other_objectives(objective):
    method = make(objective=objective)
    for number in (1, 2):
        assert all(loss.isfinite() for loss in method.step(batch(), number).values())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"patch": 40}, "patch=40: the discriminator needs a multiple of 16"),
        ({"gp": "official", "objective": "hinge"}, "gp='official' is a part of objective='wgan-gp', not of 'hinge'"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        make_recipe("uidnet", settings=settings).check()


def test_a_tiny_batch_is_warned_of():
    assert "2 patches hardly give" in make_recipe("uidnet", settings={"batch": 2}).check()[0]
    assert make_recipe("uidnet", "quick").check() == make_recipe("uidnet", "paper").check() == []


def test_the_denoiser_takes_made_noise_away_again():
    method = make(generator_width=2, patch=16, learning_rate=3e-3, final_learning_rate=3e-3).float()
    given = {kind: patches.float() for kind, patches in batch(side=16).items()}
    losses = [float(method.step(given, number)["denoising"]) for number in range(1, 41)]
    assert sum(losses[-5:]) < sum(losses[:5]) / 4


@pytest.mark.slow
@pytest.mark.xfail(reason="no more like the truth than the noisy image yet: correlation 0.522 and 0.526 at 260 steps")
def test_training_beats_the_noisy_image(learned):
    """GAN and denoiser begin far from the noise: PSNR gains by flattening alone."""
    rate = {"learning_rate": 2e-3, "final_learning_rate": 2e-3}
    widths = {"width": 12, "generator_width": 8, "discriminator_width": 8}
    before, after = learned("uidnet", noisy_psnr=14, steps=260, patch=32, average=0.9, **rate, **widths)
    assert after > before + 0.5

from __future__ import annotations

import pytest
import torch
from learning import SIGMA, gain_on_flat

from pellucid.errors import InputError
from pellucid.methods import Supervision, build, make_recipe
from pellucid.methods.blindspot import stratified_mask
from pellucid.methods.noise2void import MEASURED, Standardise
from pellucid.norms import running_norms

TINY = {"width": 4, "batch": 3, "patch": 32, "masked": 2.0}


def make(**settings):
    return build(make_recipe("noise2void", settings={**TINY, **settings}))


def test_learns_from_noisy_images_alone():
    assert (make().supervision, make().kinds) == (Supervision.NOISY, ("noisy",))


def test_adam_is_keras():
    (group,) = make().adam.inner.param_groups
    assert (group["betas"], group["eps"]) == ((0.9, 0.999), 1e-7)


def test_the_loss_is_that_of_the_masked_pixels_alone():
    method, x = make().eval(), torch.randn(3, 1, 32, 32)
    mask = stratified_mask(x, 2.0)
    hidden = method.hide(x, mask)
    loss = method.loss(x, hidden, mask)
    guess = method.denoiser.guess(hidden)
    torch.testing.assert_close(loss, torch.dist(guess[mask], x[mask]).square() / mask.sum())
    elsewhere = torch.where(mask, x, torch.randn_like(x))
    assert torch.equal(method.loss(elsewhere, hidden, mask), loss)  # unmasked targets do not matter
    assert not torch.equal(method.loss(x + 1, hidden, mask), loss)


def test_what_a_masked_pixel_was_does_not_reach_its_guess():
    method, x = make().eval(), torch.randn(1, 1, 32, 32)
    mask = torch.zeros(1, 1, 32, 32, dtype=torch.bool)
    mask[0, 0, 9, 20] = True
    other = torch.where(mask, x + 5, x)
    torch.manual_seed(3)
    hidden = method.hide(x, mask)
    torch.manual_seed(3)
    assert torch.equal(method.hide(other, mask), hidden)
    assert hidden[mask] != x[mask]


@pytest.mark.parametrize(("shape", "hidden_pixels"), [("rows", 7), ("cross", 13)])
def test_struct_hides_a_streak_but_judges_its_middle(shape, hidden_pixels):
    method, x = make(struct=3, struct_shape=shape), torch.full((1, 1, 32, 32), 9.0)
    mask = torch.zeros(1, 1, 32, 32, dtype=torch.bool)
    mask[0, 0, 10, 12] = True
    changed = method.hide(x, mask) != x
    changed |= mask  # a neighbour's value, 9 like all
    assert int(changed.sum()) == hidden_pixels
    assert changed[0, 0, 10, 9:16].all()
    beside = method.hide(x, mask)[changed & ~mask]
    assert beside.abs().max() <= 2


def test_pixels_are_standardised_by_the_first_batches_and_come_back():
    standard = Standardise()
    batches = [0.1 + 0.01 * number + 0.3 * torch.randn(2, 1, 16, 16) for number in range(MEASURED + 1)]
    for batch in batches:
        standard.observe(batch)
    pixels = torch.cat(batches[:MEASURED])
    torch.testing.assert_close(standard.mean, pixels.mean())
    torch.testing.assert_close(standard.var, pixels.var(correction=0))
    torch.testing.assert_close(standard(pixels), (pixels - pixels.mean()) / pixels.std(correction=0))
    torch.testing.assert_close(standard.undo(standard(pixels)), pixels)


def test_images_of_one_value_are_no_trouble():
    losses = make().step({"noisy": torch.full((3, 1, 32, 32), 0.5)}, 1)
    assert losses["loss"].isfinite()


def test_denoising_hides_nothing_and_does_not_depend_on_brightness_and_contrast_of_the_scale():
    method, x = make().eval(), torch.rand(1, 1, 32, 32) - 0.5
    plain = method.denoiser.estimate(x)
    assert torch.equal(method.denoiser.estimate(x), plain)
    method.denoiser.standard.mean.fill_(0.2)
    method.denoiser.standard.var.fill_(0.25)
    torch.testing.assert_close(method.denoiser.estimate(0.5 * x + 0.2), 0.5 * plain + 0.2)


def test_a_residual_network_that_answers_0_changes_nothing():
    method, x = make(residual=True).eval(), torch.rand(1, 1, 16, 16)
    for parameter in method.denoiser.network.last.parameters():
        parameter.data.zero_()
    torch.testing.assert_close(method.denoiser.estimate(x), x)


def test_every_parameter_and_running_value_moves():
    method = make()
    before = {name: value.clone() for name, value in method.state_dict().items()}
    method.step({"noisy": 0.3 * torch.randn(3, 1, 32, 32)}, 1)
    still = {name for name, value in method.state_dict().items() if torch.equal(value, before[name])}
    assert all(name.endswith("conv.bias") or ".0.bias" in name for name in still)  # a norm follows: no gradient
    assert running_norms(method)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kernel": 4}, "kernel=4: a convolution needs an odd side"),
        ({"masked": 0.05}, "masked=0.05: less than one pixel of a 32×32 patch; choose 0.098 or more"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        make(**settings).recipe.check()
    assert make(batch=8).recipe.check() == []


def test_flattens_a_flat_image():
    assert gain_on_flat("noise2void", width=4, batch=4, patch=32, steps=40, masked=4.0, learning_rate=1e-2) > 6


def streaks(shape, generator):
    """Noise that keeps its value over four pixels of a row; half of a batch is turned, as patches are."""
    count, _, height, width = shape
    runs = SIGMA * torch.randn(count, 1, height, width // 4 + 1, generator=generator)
    noise = runs.repeat_interleave(4, 3)[..., 2 : 2 + width]
    return torch.cat((noise[::2], noise[1::2].mT))


@pytest.mark.parametrize(("struct", "least", "most"), [(0, 0, 5), (4, 8, 99)])
def test_struct_alone_removes_streaks(struct, least, most):
    settings = {"width": 4, "batch": 4, "patch": 32, "masked": 3.0, "learning_rate": 1e-2, "average": 0.95}
    assert least < gain_on_flat("noise2void", streaks, struct=struct, steps=80, **settings) < most


def test_learns_to_denoise_tissue(learned):
    before, after = learned("noise2void", width=8, batch=4, masked=4.0, learning_rate=5e-3, steps=30)
    assert after > before + 6

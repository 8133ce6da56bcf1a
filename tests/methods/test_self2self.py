from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from pellucid.errors import RunError
from pellucid.inference import denoise_plane
from pellucid.methods import build, make_recipe
from pellucid.methods.base import on_round
from pellucid.methods.self2self import crop, hidden_error, random_axes, random_corner

TINY = {"width": 3, "steps": 3, "patch": 32, "passes": 2}
SMALL = {"width": 6, "steps": 60, "patch": 64, "passes": 8}


def make(**settings):
    return build(make_recipe("self2self", "quick", settings))


def psnr(image, truth):
    return float(-10 * ((image - truth) / 2).square().mean().log10())


def test_the_error_is_that_of_hidden_pixels_alone():
    prediction, image = torch.rand(2, 1, 6, 7), torch.rand(2, 1, 6, 7)
    mask = (torch.rand(2, 1, 6, 7) < 0.7).float()
    pairs = zip(prediction.flatten().tolist(), image.flatten().tolist(), mask.flatten().tolist(), strict=True)
    errors = [(p - x) ** 2 for p, x, m in pairs if m == 0]
    everywhere = torch.ones_like(mask)
    error = hidden_error(prediction, image, mask, everywhere)
    assert float(error) == pytest.approx(sum(errors) / len(errors), rel=1e-5)
    kept_changed = torch.where(mask == 1, torch.rand_like(prediction), prediction)
    assert torch.equal(hidden_error(kept_changed, image, mask, everywhere), error)
    assert hidden_error(prediction, image, everywhere, everywhere) == 0
    half = everywhere.clone()
    half[..., 3:] = 0
    inner = hidden_error(*(each[..., :3] for each in (prediction, image, mask, everywhere)))
    torch.testing.assert_close(hidden_error(prediction, image, mask, half), inner)


def test_masks_keep_the_share_that_the_recipe_says():
    for keep in (0.3, 0.7):
        mask = make(keep=keep).denoiser.mask(torch.zeros(1, 1, 200, 200))
        assert set(mask.unique().tolist()) == {0, 1}
        assert float(mask.mean()) == pytest.approx(keep, abs=0.02)


def test_crops_lie_anywhere_and_never_beyond():
    image = torch.arange(64.0 * 96).view(1, 1, 64, 96)
    crops = [crop(image, random_corner(image, 64), 64) for _ in range(40)]
    assert {tuple(each.shape) for each in crops} == {(1, 1, 64, 64)}
    starts = {int(each[0, 0, 0, 0]) for each in crops}
    assert starts <= set(range(33))
    assert len(starts) > 10
    assert torch.equal(crop(image, random_corner(image, 128), 128), image)


def test_an_image_with_a_canvas_is_learned_from_where_it_is_image():
    denoiser = make(steps=2, passes=1, width=3).denoiser.eval()
    noisy = np.random.default_rng(0).uniform(-1, 1, (64, 96)).astype(np.float32)
    noisy[:, :40] = -1
    done = denoise_plane(denoiser, noisy, 1e12)
    assert np.array_equal(done.valid, noisy > -1)
    assert np.isfinite(done.image).all()


def test_crops_show_image_where_there_is_little():
    valid = torch.zeros(1, 1, 96, 320)
    valid[..., :, :160] = 1
    method = make()
    for _ in range(5):
        assert float(method._crops({"noisy": torch.rand_like(valid), "valid": valid})[1].mean()) >= 0.25


def test_flips_are_all_four():
    assert {tuple(random_axes()) for _ in range(60)} == {(), (2,), (3,), (2, 3)}


def test_a_step_descends_on_the_error_of_a_crop():
    method = make(**TINY, dropout=0.0, keep=0.6)
    noisy = torch.rand(1, 1, 32, 32) * 2 - 1
    before = copy.deepcopy(method.denoiser.network)
    torch.manual_seed(5)
    loss = method.step({"noisy": noisy}, 1)["loss"]
    torch.manual_seed(5)
    torch.randint(1, ()), torch.randint(1, ())  # where the crop lies: there is one place
    axes = [axis for axis, number in zip((2, 3), torch.rand(2), strict=True) if number < 0.5]
    image = ((noisy + 1) / 2).flip(axes)
    mask = torch.empty_like(image).bernoulli_(0.6)
    expected = ((before(image, mask) - image)[mask == 0] ** 2).mean()
    torch.testing.assert_close(loss, expected.detach())
    expected.backward()
    for old, new in zip(before.parameters(), method.denoiser.network.parameters(), strict=True):
        moved = old.detach() - new.detach()  # Adam's first step: g/|g| but for TensorFlow's ε beside √(1 − β₂)·|g|
        clear = old.grad.abs() > 1e-5
        slope = old.grad[clear]
        torch.testing.assert_close(moved[clear], 3e-3 * slope / (slope.abs() + 1e-8 / 0.001**0.5), rtol=1e-3, atol=0)


def test_a_training_goes_on_as_if_it_had_never_stopped(one_thread):
    noisy = torch.rand(1, 1, 64, 64) * 2 - 1

    def step(method, number):
        torch.manual_seed(number)
        return method.step({"noisy": noisy}, number)

    first = make(**TINY)
    step(first, 1)
    second = make(**TINY, seed=9)
    second.load_state_dict(first.state_dict())
    second.optimisers["adam"].load_state_dict(copy.deepcopy(first.optimisers["adam"].state_dict()))
    assert torch.equal(step(first, 2)["loss"], step(second, 2)["loss"])
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.fixture
def rounds():
    """The numbers of the rounds that a denoiser told of."""
    found = []
    outside = on_round.set(found.append)
    yield found
    on_round.reset(outside)


def test_denoising_is_reproducible_and_leaves_everything_as_it_was(one_thread, rounds):
    denoiser = make(**TINY).denoiser.eval()
    weights = copy.deepcopy(denoiser.state_dict())
    noisy = np.random.default_rng(0).uniform(-1, 1, (40, 50)).astype(np.float32)
    state = torch.get_rng_state()
    first = denoise_plane(denoiser, noisy, 1e12).image
    assert rounds == [1, 2, 3, 4, 5]
    assert denoiser.rounds == 5
    torch.randn(3)
    assert np.array_equal(denoise_plane(denoiser, noisy, 1e12).image, first)
    other = make(**TINY, seed=1).denoiser.eval()
    assert not np.array_equal(denoise_plane(other, noisy, 1e12).image, first)
    torch.testing.assert_close(denoiser.state_dict(), weights, rtol=0, atol=0)
    torch.set_rng_state(state)
    denoise_plane(denoiser, noisy, 1e12)
    assert torch.equal(torch.get_rng_state(), state)


def test_each_image_of_a_batch_is_learnt_by_itself(one_thread):
    denoiser = make(**TINY).denoiser.eval()
    images = torch.rand(2, 1, 32, 32) * 2 - 1
    with torch.no_grad():
        both = denoiser(images)
        alone = torch.cat([denoiser(image[None]) for image in images])
    assert torch.equal(both, alone)


def test_a_large_image_is_learnt_from_once_and_predicted_in_tiles(one_thread, monkeypatch, rounds):
    """Tiles differ from the whole by the chance of masks and dropout alone: without these they are the same."""
    settings = {**TINY, "dropout": 0.0, "keep": 1 - 1e-9, "passes": 1}
    denoiser = make(**settings).denoiser.eval()
    monkeypatch.setattr("pellucid.methods.self2self.random_axes", list)
    noisy = np.random.default_rng(0).uniform(-1, 1, (32, 768)).astype(np.float32)
    whole = denoise_plane(denoiser, noisy, 1e12).image
    assert rounds == [1, 2, 3, 4]
    rounds.clear()
    tiled = denoise_plane(denoiser, noisy, 0.0).image
    assert rounds[:3] == [1, 2, 3]
    assert len(rounds) > 5
    assert set(rounds[3:]) == {4}
    assert np.abs(whole - tiled).max() < 1e-4
    assert whole.std() > 1e-4


def test_a_loss_that_is_not_finite_is_told():
    denoiser = make(**TINY).denoiser
    with pytest.raises(RunError, match=r"the loss became nan at step 1: lower it by --set learning_rate="):
        denoiser(torch.full((1, 1, 32, 32), float("nan")))


def test_it_learns_a_flat_image():
    noisy = (torch.randn(1, 1, 64, 64) * 50 / 255).clamp(-1, 1)
    with torch.no_grad():
        denoised = make(**SMALL).denoiser(noisy)
    assert psnr(denoised, 0 * noisy) > psnr(noisy, 0 * noisy) + 6


def test_it_learns_tissue_from_one_noisy_image():
    from pellucid.simulation.phantom import tissue

    truth = torch.from_numpy(tissue((128, 128), seed=3) / 127.5 - 1).float()[None, None]
    noisy = (truth + torch.randn_like(truth) * 80 / 255).clamp(-1, 1)
    with torch.no_grad():
        denoised = make(**{**SMALL, "steps": 150}).denoiser(noisy)
    assert psnr(denoised, truth) > psnr(noisy, truth) + 7
    assert psnr(denoised, truth) > psnr(truth.mean(), truth) + 5  # structure, not the mean alone

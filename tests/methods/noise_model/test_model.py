from __future__ import annotations

import copy

import pytest
import torch
from torch.nn.functional import avg_pool2d

from pellucid.methods.noise_model import model as noise_model
from pellucid.methods.noise_model.by_intensity import look_up
from pellucid.methods.noise_model.model import NoiseModel
from pellucid.methods.noise_model.spectrum import RINGS, frequencies, gaussian_field, ring_means, smoothed, spectrum

SIDE = 64


def specimen(count, seed, blur=9):
    """Smooth patches of an unrelated place, well within [−1, 1]."""
    white = torch.randn(count, 1, SIDE + blur - 1, SIDE + blur - 1, generator=torch.Generator().manual_seed(seed))
    return (0.25 * blur * avg_pool2d(white, blur, 1)).clamp(-0.75, 0.75)


def with_noise(patches, sigma=0.15):
    return (patches + sigma * torch.randn_like(patches)).clamp(-1, 1)


def measured(noisy, clean):
    found = NoiseModel(SIDE)
    found.measure_brightness(noisy, clean)
    found.settle_brightness()
    found.settle_shading()
    found.measure_spectrum(noisy, clean)
    found.settle_spectrum()
    return found


def test_noise_on_images_of_the_same_kind_is_measured_and_they_stay_as_they_are():
    clean = specimen(96, 1)
    found = measured(with_noise(specimen(96, 2)), clean)
    assert torch.equal(found.matched(clean), clean)
    assert not found.shading.found
    assert float(found.first_strength) == pytest.approx(0.15, rel=0.15)
    made = found(clean)
    assert made.abs().max() <= 1
    assert float((made - clean).std()) == pytest.approx(0.15, rel=0.15)


@pytest.mark.parametrize("coarse", [0.0, 5.0, 100.0])
def test_coarse_noise_is_bounded_by_finer_noise_of_its_direction(coarse):
    radius = frequencies(SIDE, torch.device("cpu"))
    lines = torch.zeros(SIDE, SIDE)
    lines[:, 0] = 3.0
    for fine in (torch.full((SIDE, SIDE), 3.0), lines):
        found = noise_model._joined(torch.full((SIDE, SIDE), coarse), fine)
        torch.testing.assert_close(found[radius >= noise_model.FINE], fine[radius >= noise_model.FINE])
        along = found[1:3, 0]
        assert (along >= 3).all()
        assert (along <= noise_model.COARSER * 3).all()
        assert torch.equal(found[0, 1:3] > 0, fine[0, 1:3] > 0)


@pytest.mark.parametrize("factor", [0.2, 5.0])
def test_coarse_noise_is_not_corrected_nor_moved_by_corrections_of_finer_noise(factor):
    found = NoiseModel(SIDE)
    found.first_strength.fill_(0.2)
    found.strength.fill_(0.2)
    radius = frequencies(SIDE, torch.device("cpu"))
    coarse = radius < noise_model.FINE
    kept = found.power.clone()
    for statistics, coarser, finer in ((found.real, factor, 2.0), (found.made, 1.0, 1.0)):
        statistics.power.fill_(1.0)
        statistics.power[coarse] = coarser
        statistics.power[radius > 0.4] = finer
        statistics.weight.fill_(1.0)
        statistics.moments.fill_(1000.0)
    for _ in range(10):
        found.correct()
    assert torch.equal(found.power[coarse], kept[coarse])
    torch.testing.assert_close(found.power[~coarse].mean(), kept[~coarse].mean())
    assert float(found.power[radius > 0.42].min()) > 1.2


@pytest.mark.parametrize("factor", [0.85, 1.15])
def test_brightness_becomes_that_of_the_noisy_images(factor):
    clean = specimen(64, 1)
    noisy = (specimen(64, 2) + 1) * factor - 1
    found = measured(with_noise(noisy, 0.05), clean)
    assert float(found.brightness) == pytest.approx(factor, rel=0.03)
    assert float((found.matched(clean) + 1).mean()) == pytest.approx(float((noisy + 1).mean()), rel=0.03)


def test_clean_images_are_filtered_only_to_take_structure_away():
    clean = specimen(16, 1, blur=3)
    found = NoiseModel(SIDE)
    assert torch.equal(found.matched(clean), clean)
    found.structure.copy_(torch.linspace(1, 0.1, len(RINGS) - 1))
    matched = found.matched(clean)
    before, after = (ring_means(spectrum(patches)) for patches in (clean, matched))
    share = after / before
    assert float(share.max()) < 1.05
    torch.testing.assert_close(share[2:], found.structure[2:], rtol=0.25, atol=0.05)
    torch.testing.assert_close(matched.mean((2, 3)), clean.mean((2, 3)), rtol=0, atol=0.05)


def test_the_measured_share_of_structure_is_never_above_1():
    found = measured(with_noise(specimen(48, 2, blur=3)), specimen(48, 1))
    assert float(found.structure.max()) <= 1
    assert float(found.structure.min()) >= 0


def test_noise_is_as_strong_as_the_table_says_at_each_intensity():
    found = NoiseModel(SIDE)
    found.strength.copy_(torch.linspace(0.05, 0.2, len(found.strength)))
    for level in (-0.5, 0.0, 0.5):
        flat = torch.full((32, 1, SIDE, SIDE), level)
        expected = float(look_up(found.strength, torch.tensor(level)))
        assert float((found(flat) - flat).std()) == pytest.approx(expected, rel=0.03)


def blur(noisy):
    """A denoiser that never learns."""
    return avg_pool2d(noisy, 5, 1, 2, count_include_pad=False)


@pytest.mark.parametrize("wrong", [0.7, 1.3])
def test_corrections_find_the_strength_and_the_spectrum_of_the_noise(wrong):
    torch.manual_seed(4)
    fy, fx = torch.fft.fftfreq(SIDE)[:, None], torch.fft.fftfreq(SIDE)[None]
    power = 1 + 0.3 * torch.cos(2 * torch.pi * fx) - 0.1 * torch.cos(2 * torch.pi * fy)
    clean, truth = specimen(64, 1), specimen(64, 2)
    table = torch.linspace(0.1, 0.2, 32)
    found = NoiseModel(SIDE)
    found.first_strength.fill_(0.15 * wrong)
    found.strength.fill_(0.15 * wrong)
    for number in range(240):
        chosen = torch.randint(64, (6,))
        real = (truth[chosen] + look_up(table, truth[chosen]) * gaussian_field(truth[chosen], power)).clamp(-1, 1)
        made = found(clean[chosen])
        found.real.add(real, blur(real))
        found.made.add(made, blur(made))
        if number % 6 == 5:
            found.correct()
    torch.testing.assert_close(found.strength[8:24], table[8:24], rtol=0.12, atol=0)
    removed = torch.hypot(fy, fx) > 0.15  # coarser noise passes this denoiser
    near = (smoothed(found.power) / power - 1).abs() < 0.25
    assert near[removed].float().mean() > 0.9  # structure is stronger than noise along the axes


@pytest.mark.parametrize(("real", "limit"), [(10.0, "STRONGEST"), (0.01, "WEAKEST")])
def test_corrections_have_limits(real, limit):
    found, flat = NoiseModel(SIDE), torch.zeros(8, 1, SIDE, SIDE)
    found.first_strength.fill_(0.05)
    found.strength.fill_(0.05)
    for _ in range(20):
        found.real.add(0.05 * real * torch.randn_like(flat), flat)
        found.made.add(found(flat), flat)
        found.correct()
    seen = found.real.pixels > 0
    torch.testing.assert_close(found.strength[seen] / 0.05, torch.full((1,), getattr(noise_model, limit)))
    assert float(found.power.max() / found.power.min()) < 4.001


def test_few_pixels_change_the_strength_little():
    found, tiny = NoiseModel(32), torch.linspace(-1, 1, 32 * 32).view(1, 1, 32, 32)
    found.first_strength.fill_(0.1)
    found.strength.fill_(0.1)
    found.real.add(tiny + 0.1 * torch.randn_like(tiny), tiny)
    found.made.add(tiny + 0.1 * torch.randn_like(tiny), tiny)
    assert not found.real.pixels.any()
    found.correct()
    torch.testing.assert_close(found.strength, torch.full((32,), 0.1), rtol=0.01, atol=0)


@pytest.mark.parametrize("level", [-1.0, 0.25, 1.0])
def test_constant_images_are_measured_as_no_noise(level):
    flat = torch.full((4, 1, SIDE, SIDE), level)
    found = measured(flat, flat)
    assert all(value.isfinite().all() for value in found.state_dict().values())
    torch.testing.assert_close(found(found.matched(flat)), flat, rtol=0, atol=1e-4)


def test_all_that_was_found_is_in_the_saved_state():
    clean = specimen(24, 1)
    noisy = with_noise((specimen(24, 2) + 1) * 0.8 - 1)
    noisy[::4, :, 20:34] = (noisy[::4, :, 20:34] + 1) * 0.2 - 1
    found = measured(noisy, clean)
    found.real.add(noisy, blur(noisy))
    found.made.add(clean, blur(clean))
    again = NoiseModel(SIDE)
    again.load_state_dict(copy.deepcopy(found.state_dict()))
    for model in (found, again):
        model.correct()
    torch.testing.assert_close(again.state_dict(), found.state_dict(), rtol=0, atol=0)
    noise = []
    for model in (found, again):
        torch.manual_seed(1)
        noise.append(model(model.matched(clean)))
    assert torch.equal(*noise)


def test_it_computes_in_float64_too():
    clean, noisy = specimen(8, 1).double(), with_noise(specimen(8, 2)).double()
    found = NoiseModel(SIDE).double()
    found.measure_brightness(noisy, clean)
    found.settle_brightness()
    found.measure_spectrum(noisy, clean)
    found.settle_spectrum()
    assert found(found.matched(clean)).dtype == torch.float64

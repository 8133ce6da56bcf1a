from __future__ import annotations

import sys

import numpy as np
import pytest
import scipy.ndimage
import torch
from skimage import restoration

from pellucid.errors import InputError
from pellucid.evaluation import psnr
from pellucid.inference import denoise_plane
from pellucid.methods import Supervision, build, make_recipe, method_class
from pellucid.methods.classical.filters import noise_level
from pellucid.simulation.phantom import tissue

FILTERS = ("noisy", "gaussian", "median", "nlm", "tv", "wavelet")
PLENTY, TINY = 1e12, 0.0


def denoiser(name, **settings):
    return build(make_recipe(name, "paper", settings)).denoiser.eval()


def unit(grey):
    return (grey / 127.5 - 1).astype(np.float32)


@pytest.fixture(scope="module")
def clean():
    return tissue((120, 150), seed=4).astype(np.float64)


@pytest.fixture(scope="module")
def noisy(clean):
    """Noise of 20 grey levels, not clipped."""
    return clean + np.random.default_rng(1).normal(0, 20, clean.shape)


@pytest.mark.parametrize("name", FILTERS)
def test_filters_learn_nothing(name):
    method = build(make_recipe(name))
    assert method.supervision is Supervision.NONE
    assert not method.kinds
    assert not list(method.parameters())
    assert not method.state_dict()
    assert method.step({}, 1) == {}
    assert not hasattr(method.recipe, "steps")


@pytest.mark.parametrize(("name", "gain"), [("gaussian", 7), ("median", 5), ("nlm", 7), ("tv", 6.5), ("wavelet", 5.5)])
def test_gain(name, gain, clean, noisy):
    done = (denoise_plane(denoiser(name), unit(noisy), PLENTY).image + 1) * 127.5
    assert psnr(done, clean, 255) > psnr(noisy, clean, 255) + gain


@pytest.mark.parametrize("name", ["noisy", "gaussian", "median", "nlm", "tv"])
def test_tiles_equal_the_whole(name, noisy):
    settings = {"iterations": 20} if name == "tv" else {}
    found = denoiser(name, **settings)
    whole = denoise_plane(found, unit(noisy), PLENTY).image
    core = found.bytes_per_pixel * (40 + 2 * found.halo) ** 2
    tiled = denoise_plane(found, unit(noisy), core).image
    np.testing.assert_allclose(tiled, whole, rtol=0, atol=1e-5)
    assert np.ptp(whole) > 0.5


@pytest.mark.parametrize("name", ["gaussian", "median", "nlm", "tv"])
def test_the_halo_is_no_less_than_what_a_pixel_sees_and_no_far_more(name, noisy):
    settings = {"iterations": 12, "sigma": 20} if name == "tv" else {"sigma": 20} if name == "nlm" else {}
    found = denoiser(name, **settings)
    plane = unit(noisy)
    other = plane.copy()
    other[60, 75] = -other[60, 75] + 0.3
    one, two = (denoise_plane(found, image, PLENTY).image for image in (plane, other))
    rows, columns = np.nonzero(np.abs(one - two) > 1e-6)
    seen = max(np.abs(rows - 60).max(), np.abs(columns - 75).max())
    assert found.halo - 4 <= seen <= found.halo


def test_wavelet_takes_no_tiles(noisy):
    with pytest.raises(InputError, match="takes no tiles"):
        denoise_plane(denoiser("wavelet"), unit(noisy), TINY)


@pytest.mark.parametrize("name", FILTERS)
def test_a_constant_shifts_the_output(name, noisy):
    inner = unit(noisy) / 2
    found = denoiser(name)
    done, shifted = (denoise_plane(found, image, PLENTY).image for image in (inner, inner + np.float32(0.2)))
    np.testing.assert_allclose(shifted, done + 0.2, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["nlm", "tv", "wavelet"])
def test_no_noise_no_change(name, clean):
    plane = unit(clean)
    np.testing.assert_array_equal(denoise_plane(denoiser(name, sigma=0), plane, PLENTY).image, plane)


def test_gaussian_is_scipys(noisy):
    expected = scipy.ndimage.gaussian_filter(unit(noisy), 1.5, mode="nearest", radius=6)
    found = denoise_plane(denoiser("gaussian", sigma=1.5), unit(noisy), PLENTY).image
    np.testing.assert_allclose(found, expected.clip(-1, 1), rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [3, 5])
def test_median_is_scipys(size, noisy):
    expected = scipy.ndimage.median_filter(unit(noisy), size, mode="nearest")
    found = denoise_plane(denoiser("median", size=size), unit(noisy), PLENTY).image
    np.testing.assert_array_equal(found, expected.clip(-1, 1))


def test_noise_level_is_that_of_the_noise_and_about_scikit_images(noisy):
    slope = np.linspace(-50, 300, 400) + np.random.default_rng(5).normal(0, 20, (400, 400))
    for image, tolerance in ((slope, 0.02), (noisy, 0.06)):
        sigma = noise_level(torch.from_numpy(unit(image))[None, None]) * 127.5
        assert sigma == pytest.approx(20, rel=tolerance)
        assert sigma == pytest.approx(restoration.estimate_sigma(image), rel=tolerance)


def test_noise_is_measured_in_each_image_of_a_batch(noisy):
    found = denoiser("nlm")
    images = torch.from_numpy(np.stack([unit(noisy), unit(noisy) / 4]))[:, None]
    together = found(images)
    for number in range(2):
        torch.testing.assert_close(together[number : number + 1], found(images[number : number + 1]), rtol=0, atol=0)


def test_noise_is_measured_once_for_all_tiles(noisy):
    """An image with noise in one half: tiles with a level of their own would differ."""
    half = unit(noisy)
    half[:, :75] = scipy.ndimage.gaussian_filter(half, 3)[:, :75]
    found = denoiser("nlm")
    whole = denoise_plane(found, half, PLENTY).image
    tiled = denoise_plane(found, half, found.bytes_per_pixel * (50 + 2 * found.halo) ** 2).image
    np.testing.assert_allclose(tiled, whole, rtol=0, atol=1e-5)
    assert found.known is None
    with torch.no_grad():
        alone = found(torch.from_numpy(half[:, :90].copy())[None, None])[0, 0, :, :60].numpy()
    assert np.abs(alone - whole[:, :60]).max() > 1e-3


def test_scikit_images_filters_get_the_settings(noisy):
    plane = unit(noisy).astype(np.float64)
    sigma = 20 / 127.5
    expected = {
        "nlm": restoration.denoise_nl_means(plane, 5, 6, h=0.8 * sigma, sigma=sigma, fast_mode=True),
        "tv": restoration.denoise_tv_chambolle(plane, weight=0.8 * sigma, eps=0, max_num_iter=100),
        "wavelet": restoration.denoise_wavelet(plane, sigma=sigma, wavelet="sym4", method="BayesShrink"),
    }
    for name, image in expected.items():
        found = denoise_plane(denoiser(name, sigma=20), unit(noisy), PLENTY).image
        np.testing.assert_allclose(found, image.clip(-1, 1), rtol=0, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("name", ["nlm", "tv", "wavelet"])
@pytest.mark.parametrize("missing", ["skimage", "pywt"])
def test_a_missing_extra_is_told_when_it_is_needed(name, missing, monkeypatch, noisy):
    monkeypatch.setitem(sys.modules, missing, None)
    found = denoiser(name)
    with pytest.raises(InputError, match=r"pip install 'pellucid\[classical\]'"):
        denoise_plane(found, unit(noisy), PLENTY)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("median", {"size": 4}, "setting size=4: value error, should be odd"),
        ("gaussian", {"sigma": 0}, "setting sigma=0: input should be greater than 0"),
        ("nlm", {"sigma": -1}, "setting sigma=-1"),
        ("tv", {"steps": 5}, "unknown setting 'steps'"),
        ("wavelet", {"sigma": "much"}, "setting sigma='much'"),
    ],
)
def test_bad_settings(name, settings, message):
    with pytest.raises(InputError, match=message):
        make_recipe(name, "paper", settings)


@pytest.mark.parametrize("wavelet", ["sym44", "haarr", "morl"])
def test_unknown_wavelet(wavelet, noisy):
    with pytest.raises(InputError, match=f"wavelet='{wavelet}'"):
        denoise_plane(denoiser("wavelet", wavelet=wavelet), unit(noisy), PLENTY)


class TestMeanMatched:
    def batches(self):
        generator = torch.Generator().manual_seed(0)
        return [
            {"noisy": torch.rand(4, 1, 16, 16, generator=generator), "clean": torch.rand(4, 1, 16, 16) / 3}
            for _ in range(5)
        ]

    def test_learns_the_difference_of_the_means(self):
        method = build(make_recipe("mean-matched"))
        batches = self.batches()
        for number, batch in enumerate(batches, 1):
            losses = method.step(batch, number)
        clean, noisy = (torch.cat([batch[kind] for batch in batches]).mean() for kind in ("clean", "noisy"))
        torch.testing.assert_close(method.denoiser.offset, clean - noisy)
        torch.testing.assert_close(losses, {"offset": clean - noisy})
        image = torch.rand(1, 1, 20, 30)
        torch.testing.assert_close(method.denoiser(image), (image + clean - noisy).clamp(-1, 1))

    def test_goes_on_from_its_state(self):
        one, two = (build(make_recipe("mean-matched")) for _ in range(2))
        batches = self.batches()
        for number, batch in enumerate(batches[:3], 1):
            one.step(batch, number)
        two.load_state_dict(one.state_dict())
        assert one.step(batches[3], 4) == two.step(batches[3], 4)

    def test_what_it_needs(self):
        method = method_class("mean-matched")
        assert (method.supervision, method.kinds) == (Supervision.UNPAIRED, ("noisy", "clean"))

    def test_gains_what_brightness_is_worth(self, clean, noisy):
        """Brightness is 400 of the 500 in the mean square: 7 dB."""
        method = build(make_recipe("mean-matched"))
        bright = noisy / 2 + 20
        to_batch = {"noisy": bright, "clean": np.roll(clean, 31, 1) / 2}
        method.step({kind: torch.from_numpy(unit(image))[None, None] for kind, image in to_batch.items()}, 1)
        done = (denoise_plane(method.denoiser, unit(bright), PLENTY).image + 1) * 127.5
        assert psnr(bright, clean / 2, 255) + 6.5 < psnr(done, clean / 2, 255)
        assert psnr(done, clean / 2, 255) == pytest.approx(psnr(noisy / 2, clean / 2, 255), abs=0.1)

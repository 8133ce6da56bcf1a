from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from pellucid.methods.losses.ssim import ssim


def images(seed, shape=(3, 1, 24, 37)):
    return torch.from_numpy(np.random.default_rng(seed).uniform(0, 1, shape))


@pytest.mark.parametrize("k2", [0.02, 0.03])
@pytest.mark.parametrize("noise", [0.05, 1.0])
def test_is_that_of_scikit_image_over_the_windows_within_the_image(noise, k2):
    one = images(0)
    other = (one + noise * (images(1) - 0.4)).clamp(0, 1)
    expected = []
    for pair in zip(one[:, 0].numpy(), other[:, 0].numpy(), strict=True):
        settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "K2": k2}
        _, local = structural_similarity(*pair, data_range=1, full=True, **settings)
        expected.append(local[5:-5, 5:-5].mean())
    assert float(ssim(one, other, k2=k2)) == pytest.approx(np.mean(expected), rel=1e-9)


def test_is_1_for_equal_images_alone_and_symmetric():
    one, other = images(0), images(1)
    assert float(ssim(one, one)) == pytest.approx(1)
    assert float(ssim(one, other)) == pytest.approx(float(ssim(other, one)))
    assert float(ssim(one, other)) < 0.5
    assert float(ssim(one, 1 - one)) < -0.5


def test_its_gradient_is_that_of_finite_differences():
    one, other = images(0, (1, 1, 11, 12)), images(1, (1, 1, 11, 12)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: ssim(one, x), other)

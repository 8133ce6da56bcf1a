from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from pellucid.inference import FrozenDenoiser, View, denoise_plane
from pellucid.inference.tiles import Box
from pellucid.methods import SingleDenoiser, build, make_recipe

PLENTY = 1e12


class Mean(SingleDenoiser):
    """The mean of everything that it is given: what a pixel gets tells which piece it was computed in."""

    stride = 4
    halo = 8
    window = 48
    bytes_per_pixel = 4.0

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.seen = []

    def networks(self):
        return []  # no norms

    def estimate(self, noisy):
        self.seen.append(tuple(noisy.shape[2:]))
        return self.weight * noisy.mean().expand_as(noisy)


@pytest.fixture
def image():
    return np.random.default_rng(0).uniform(-1, 1, (96, 128)).astype(np.float32)


def test_an_image_within_the_window_is_denoised_at_once(image):
    denoiser = Mean()
    denoise_plane(denoiser, image[:48, :45], PLENTY)
    assert denoiser.seen == [(48, 48)]


@pytest.mark.parametrize("shape", [(96, 128), (52, 16), (16, 52), (49, 48)])
def test_a_larger_image_is_read_window_by_window_whatever_the_memory(image, shape):
    denoiser = Mean()
    denoise_plane(denoiser, image[: shape[0], : shape[1]], PLENTY)
    assert len(denoiser.seen) > 1
    assert max(max(sides) for sides in denoiser.seen) <= denoiser.window


def test_the_window_is_used_to_the_full(image):
    denoiser = Mean()
    denoise_plane(denoiser, image, PLENTY)
    assert (48, 48) in denoiser.seen
    assert len(denoiser.seen) == 3 * 4  # cores of 48 − 2·8 pixels


@pytest.mark.parametrize("shape", [(96, 128), (48, 48)])
def test_less_memory_changes_nothing(image, shape):
    image = image[: shape[0], : shape[1]]
    whole, little = (denoise_plane(Mean(), image, memory).image for memory in (PLENTY, 0.0))
    assert np.array_equal(whole, little)


@pytest.mark.parametrize("core", [Box(0, 96, 0, 128), Box(10, 41, 60, 128), Box(31, 33, 31, 33)])
def test_a_box_comes_from_the_same_squares_as_the_whole(image, core):
    denoiser = Mean()
    whole = denoise_plane(denoiser, image, PLENTY).image
    made = FrozenDenoiser(denoiser, 16).denoise(View.of_array(image, denoiser.stride), core)
    assert np.array_equal(made.image, whole[core.slices])


def test_every_pixel_comes_from_the_piece_around_it(image):
    result = denoise_plane(Mean(), image, PLENTY).image
    np.testing.assert_allclose(result[:32, :32], image[:40, :40].mean(), atol=1e-6)
    np.testing.assert_allclose(result[32:64, 32:64], image[24:72, 24:72].mean(), atol=1e-6)
    np.testing.assert_allclose(result[64:, 96:], image[56:, 88:].mean(), atol=1e-6)


def test_channel_attention_weighs_by_the_whole_image_in_every_window(image):
    """With nothing to gather yet (γ = 0) windows give the pixels of the whole image; each on its own would not."""
    denoiser = build(make_recipe("cagan", settings={"width": 4})).denoiser.eval().requires_grad_(False)
    for parameter in denoiser.G1.channels.parameters():
        parameter.normal_()
    denoiser.G1.fuse[-1][0].weight *= 30
    image = torch.from_numpy(image * np.linspace(0.1, 1, 128, dtype=np.float32))[None, None]
    whole, alone = denoiser(image)[0, 0].numpy(), denoiser(image[:, :, :90, :90])[0, 0].numpy()
    denoiser.window = 90
    np.testing.assert_allclose(denoise_plane(denoiser, image[0, 0].numpy(), PLENTY).image, whole, rtol=0, atol=1e-5)
    assert np.abs(alone[:26, :26] - whole[:26, :26]).max() > 1e-3

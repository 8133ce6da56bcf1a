from __future__ import annotations

import pytest
import torch
from torch import nn

from pellucid.errors import InputError
from pellucid.norms import NORMS, norm


@pytest.mark.parametrize(
    ("wrong", "right"), [("instnace", "instance"), ("spectrall", "spectral"), ("batch_instance", "batch-instance")]
)
def test_unknown_norm_names_the_nearest(wrong, right):
    with pytest.raises(InputError, match=f"unknown norm '{wrong}': did you mean '{right}'"):
        norm(wrong)


def test_unlike_any_norm_names_all():
    with pytest.raises(InputError, match="known are none, instance"):
        norm("zzzzzz")


@pytest.mark.parametrize("name", NORMS)
def test_every_norm_makes_a_layer_and_leaves_a_convolution(name):
    entry = norm(name)
    conv = entry.conv(nn.Conv2d(1, 32, 3, padding=1))
    layer = entry.layer(32, 0.2)
    assert layer(conv(torch.randn(2, 1, 8, 8))).shape == (2, 32, 8, 8)


@pytest.mark.parametrize("channels", [33, 48, 80, 100])
def test_group_norm_refuses_channels_that_make_no_groups_of_32(channels):
    with pytest.raises(InputError, match=f"32 channels in a group, and {channels} is not a multiple"):
        norm("group").layer(channels, 0.2)


@pytest.mark.parametrize(("channels", "groups"), [(8, 1), (16, 1), (32, 1), (64, 2), (128, 4), (256, 8), (512, 16)])
def test_group_norm_has_32_channels_a_group(channels, groups):
    assert norm("group").layer(channels, 0.2).groups == groups


def test_none_is_leaky_relu_alone():
    x = torch.randn(2, 3, 4, 4)
    assert torch.equal(norm("none").layer(3, 0.2)(x), nn.functional.leaky_relu(x, 0.2))

from __future__ import annotations

import numpy as np
import pytest
import slices
import torch

from pellucid.networks.student import Student


def test_beyond_the_ends_the_nearest_slice_is_repeated():
    planes = torch.arange(4.0)[:, None, None].expand(4, 2, 2)
    volume = slices.Volume(planes, planes)
    stacks = volume.stacks(np.array([0, 2, 3]), 3)
    assert stacks[:, :, 0, 0].tolist() == [[0, 0, 1], [1, 2, 3], [2, 3, 3]]
    assert volume.stacks(np.array([1]), 1).tolist() == [planes[1:2].tolist()]


def test_of_one_slice_it_is_the_student():
    network, plain = slices.SliceStudent(1, 4), Student(4)
    plain.load_state_dict(network.state_dict())
    x = torch.rand(1, 1, 32, 32)
    torch.testing.assert_close(network(x)[0], plain(x)[0], rtol=0, atol=0)


def test_the_middle_slice_is_denoised():
    network = slices.SliceStudent(3, 4)
    torch.nn.init.zeros_(network.last.weight)
    torch.nn.init.zeros_(network.last.bias)
    x = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(network(x)[0], x[:, 1:2])


def test_flicker_is_the_change_of_the_error():
    truth = np.random.default_rng(0).uniform(50, 200, (5, 32, 32))
    steady = slices.quality(truth + 3, truth)
    assert (steady["flicker"], steady["flicker of the mean"]) == pytest.approx((0, 0))
    jumps = slices.quality(truth + np.array([0, 4, 0, 4, 0])[:, None, None], truth)
    assert (jumps["flicker"], jumps["flicker of the mean"]) == pytest.approx((4, 4))

from __future__ import annotations

import numpy as np
import torch

from pellucid.data.patches import GpuPatches, Patches, Stacks
from pellucid.data.patches.coordinates import ORIENTATIONS, orient

IMAGES = np.random.default_rng(0).normal(size=(4, 20, 24)).astype(np.float32)
AROUND = np.array([[0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 3]])


def made(around=AROUND):
    return Stacks(Patches(list(IMAGES), lambda image: image, 16), around)


def test_slices_are_cut_at_one_place_and_turned_together():
    stacks = made()
    numbers = stacks.draw(np.random.default_rng(1), 40)
    cut = stacks.cut(numbers)
    assert cut.shape == (40, 3, 16, 16)
    places = zip(*(each.tolist() for each in stacks.positions.locate(numbers)), strict=True)
    for stack, (image, y, x, which) in zip(cut.numpy(), places, strict=True):
        expected = [orient(IMAGES[number][y : y + 16, x : x + 16], which) for number in AROUND[image]]
        np.testing.assert_array_equal(stack, expected)
    assert len(set(numbers % ORIENTATIONS)) == ORIENTATIONS


def test_on_a_gpu_they_are_the_same():
    stacks = made()
    numbers = stacks.draw(np.random.default_rng(3), 9)
    gpu = Stacks(GpuPatches(stacks.patches, torch.device("cpu")), AROUND)
    torch.testing.assert_close(gpu.cut(numbers), stacks.cut(numbers), rtol=0, atol=0)


def test_the_middle_is_what_single_patches_show():
    stacks = made()
    numbers = stacks.draw(np.random.default_rng(2), 9)
    torch.testing.assert_close(stacks.cut(numbers)[:, 1:2], stacks.patches.cut(numbers), rtol=0, atol=0)


def test_of_one_slice_a_stack_is_a_patch():
    stacks = made(np.arange(4)[:, None])
    numbers = stacks.draw(np.random.default_rng(2), 9)
    torch.testing.assert_close(stacks.cut(numbers), stacks.patches.cut(numbers), rtol=0, atol=0)
    assert not stacks.mapped

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from pellucid.data.patches import GpuPatches, OfficialBatches, official
from pellucid.data.patches.coordinates import orient
from pellucid.data.patches.official import COPIES, RasterPatches, shuffled
from pellucid.errors import InputError
from pellucid.launch import Share

from .made import numbered, patches_of

GOLDEN = Path(__file__).parents[2] / "golden"

TRANSFORMS = {
    "identity": lambda image: image,
    "transpose": lambda image: image.T,
    "anti-transpose": lambda image: image[::-1, ::-1].T,
    "left-right": lambda image: image[:, ::-1],
    "up-down": lambda image: image[::-1],
    "quarter turn": lambda image: np.rot90(image),
    "half turn": lambda image: np.rot90(image, 2),
    "three quarter turn": lambda image: np.rot90(image, 3),
}


def augmented(images):
    """All images in each of the eight published copies: turned by `turns` quarters and then flipped, but for the first.

    That of image i stands at place i + n·turns + 4·n·axis of 8·n.
    """
    copies = {}
    for i, image in enumerate(images):
        for axis in (0, 1):
            for turns in range(4):
                place = i + len(images) * turns + 4 * len(images) * axis
                copies[place] = np.flip(np.rot90(image, turns), axis) if axis or turns else image
    return [copies[place] for place in range(8 * len(images))]


def ends(side, size):
    """Where the patches along a side end: the last one at the border."""
    return [min(size * count, side) for count in range(1, math.ceil(side / size) + 1)]


def divided(images, size):
    """The patches of each image after those of the one before, row after row."""
    patches = [
        image[bottom - size : bottom, right - size : right]
        for image in images
        for bottom in ends(image.shape[0], size)
        for right in ends(image.shape[1], size)
    ]
    return np.array(patches, np.float32)


def published_patches(images, size=8):
    """What passes through the shuffle buffer, once."""
    return divided(augmented(images), size)


def buffered(stream, buffer, emptied):
    """A shuffle buffer, as one is written when it is written plainly: it gives the slot `emptied`, and fills it."""
    held, rest = list(stream[:buffer]), iter(stream[buffer:])
    for slot in emptied:
        yield held[slot]
        held[slot] = next(rest)


def stack(count, side, start=0):
    return [image + start for image in numbered(*[(side, side)] * count)]


def pixels_of(batch):
    return {patch.numpy().tobytes() for patch in batch}


def test_five_distinct_transforms_with_the_published_multiplicities():
    image = np.arange(9).reshape(3, 3)
    found = Counter(
        name
        for copy in range(8)
        for name, transform in TRANSFORMS.items()
        if np.array_equal(orient(image, COPIES[copy]), transform(image))
    )
    assert found == {"identity": 1, "transpose": 2, "anti-transpose": 2, "left-right": 2, "up-down": 1}


def ordered_patches(images, count):
    """Ours, in their order."""
    patches = patches_of(images)
    coordinates = RasterPatches(len(images), len(images[0]), 8).coordinates(np.arange(count))
    return patches.cut(patches.positions.number(coordinates))[:, 0].numpy()


def test_patches_are_those_of_the_published_code_in_its_order():
    with np.load(GOLDEN / "tiles.npz") as golden:
        images, patches = golden["images"], golden["tiles"]
    assert np.array_equal(ordered_patches(list(images), len(patches)), patches)
    assert np.array_equal(published_patches(images), patches)


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("side", [8, 9, 16, 20])
def test_patches_follow_the_published_augmentation_and_division(count, side):
    images = stack(count, side)
    expected = published_patches(images)
    found = ordered_patches(images, 2 * len(expected))
    assert np.array_equal(found, np.concatenate([expected, expected]))  # they come again and again


def test_every_image_comes_as_it_is_before_any_is_turned():
    corners = ordered_patches(stack(3, 8), 24)[:, 0, 0]
    assert corners[:6].tolist() == [0, 64, 128, 0, 64, 128]  # the second copy transposes, and so keeps this corner


def distinct_pairs(images, patches_per_side, batches):
    """How many copies of images the patches of a batch of 64 come from, on average."""
    copies = shuffled(0, images, 0, 64 * batches) // patches_per_side**2 % (8 * images)
    return np.mean([len(np.unique(batch)) for batch in copies.reshape(batches, 64)])


def test_a_batch_holds_patches_of_few_images():
    assert distinct_pairs(36, 16, 300) == pytest.approx(1.8, abs=0.15)
    assert distinct_pairs(75, 8, 300) == pytest.approx(6.3, abs=0.3)


@settings(max_examples=30)
@given(st.integers(1, 40), st.integers(0, 2**63 - 1), st.integers(0, 300), st.integers(1, 70))
def test_the_order_is_that_of_a_shuffle_buffer(buffer, seed, first, count):
    emptied = official._emptied(seed, buffer, 0, first + count)
    expected = list(buffered(range(1000), buffer, emptied))
    assert shuffled(seed, buffer, first, first + count).tolist() == expected[first:]


def test_an_element_that_waits_for_long_is_found(monkeypatch):
    emptied = np.ones(1000, np.int64)
    emptied[[50, 900]] = 0
    monkeypatch.setattr(official, "_emptied", lambda _seed, _buffer, first, last: emptied[first:last])
    assert shuffled(0, 2, 900, 902).tolist() == [52, 901]


def test_every_slot_is_emptied_equally_often():
    emptied = official._emptied(5, 12, 0, 12_000)
    assert chisquare(np.bincount(emptied, minlength=12)).pvalue > 1e-3
    for first, last in ((0, 1), (3, 17), (4, 8), (1001, 1003)):
        assert np.array_equal(official._emptied(5, 12, first, last), emptied[first:last])


def test_the_stream_meets_every_tile_once_in_a_round():
    found = (shuffled(1, 5, 0, 500) % 50).tolist()
    counts = Counter(found)
    assert set(counts) == set(range(50))
    assert min(counts.values()) >= 9
    assert max(counts.values()) <= 11
    assert found[:50] != list(range(50))
    assert (
        min(place - patch for place, patch in enumerate(found[:45])) >= -5
    )  # none comes earlier than the buffer allows


def test_clean_and_noisy_patch_of_a_slot_come_from_the_same_place():
    clean, noisy = stack(3, 24), stack(3, 24, start=10_000)
    for number in range(1, 8):
        batch = OfficialBatches(patches_of(clean), patches_of(noisy), 4, 0)(number)
        assert batch["clean"].shape == (4, 1, 8, 8)
        assert torch.equal(batch["noisy"] - batch["clean"], torch.full((4, 1, 8, 8), 10_000.0))


def test_a_patch_is_a_tile_of_a_turned_image():
    images = stack(2, 16)
    allowed = {patch.tobytes() for patch in published_patches(images)}
    batches = OfficialBatches(patches_of(images), patches_of(images), 8, 0)
    assert set().union(*(pixels_of(batches(number)["clean"]) for number in range(1, 40))) == allowed


def test_batches_follow_each_other_in_the_stream():
    images = stack(3, 24)
    batches = OfficialBatches(patches_of(images), patches_of(images), 4, seed=3)
    found = torch.cat([batches(number)["clean"] for number in range(1, 61)])[:, 0].numpy()
    stream = np.concatenate([published_patches(images)] * 2)  # 216 patches, and again
    expected = list(buffered(stream, 3, official._emptied(3, 3, 0, 240)))
    assert np.array_equal(found, expected)


def test_shares_put_together_are_the_batch():
    patches = patches_of(stack(4, 24))
    shares = [OfficialBatches(patches, patches, 6, 3, Share(rank, 3))(5) for rank in range(3)]
    for kind, whole in OfficialBatches(patches, patches, 6, 3)(5).items():
        assert torch.equal(torch.cat([share[kind] for share in shares]), whole)
        assert not torch.equal(OfficialBatches(patches, patches, 6, 4)(5)[kind], whole)


def test_images_on_a_device_give_the_same_batches():
    patches = patches_of(stack(4, 24))
    gpu_patches = GpuPatches(patches, torch.device("cpu"))
    for number in (1, 9):
        expected, found = (OfficialBatches(source, source, 6, 3)(number) for source in (patches, gpu_patches))
        assert torch.equal(found["noisy"], expected["noisy"])


@pytest.mark.parametrize(
    ("clean", "noisy"),
    [
        (stack(2, 24), stack(3, 24)),
        (stack(2, 24), stack(2, 32)),
        ([np.zeros((24, 32))], [np.zeros((24, 32))]),
        (stack(2, 6), stack(2, 6)),
    ],
    ids=["counts", "sizes", "not square", "smaller than a patch"],
)
def test_other_images_are_refused(clean, noisy):
    with pytest.raises(InputError, match=r"pipeline=official needs .* use pipeline=correct"):
        OfficialBatches(patches_of(clean), patches_of(noisy), 4, 0)

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from pellucid.errors import InputError
from pellucid.sampling import OfficialBatches, Patches
from pellucid.sampling.official import Tile, augment, shuffled, tiles

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


def patches(images, size=8):
    return Patches(images, lambda pixels: pixels.astype(np.float32), size)


def stack(count, side, start=0):
    return list(np.arange(start, start + count * side * side).reshape(count, side, side))


def test_five_distinct_transforms_with_the_published_multiplicities():
    image = np.arange(9).reshape(3, 3)
    found = Counter(
        name
        for copy in range(8)
        for name, transform in TRANSFORMS.items()
        if np.array_equal(augment(image, copy), transform(image))
    )
    assert found == {"identity": 1, "transpose": 2, "anti-transpose": 2, "left-right": 2, "up-down": 1}


def test_tiles_are_in_raster_order_and_the_last_is_flush():
    found = tiles(2, 20, 8)
    assert len(found) == 2 * 8 * 9
    assert found[:4] == [Tile(0, 0, 0, 0), Tile(0, 0, 0, 8), Tile(0, 0, 0, 12), Tile(0, 0, 8, 0)]
    assert found[9] == Tile(0, 1, 0, 0)
    assert found[72] == Tile(1, 0, 0, 0)
    assert [tile.x for tile in tiles(1, 16, 8)[:2]] == [0, 8]
    assert tiles(1, 8, 8)[:2] == [Tile(0, 0, 0, 0), Tile(0, 1, 0, 0)]


def distinct_pairs(images, tiles_per_side, batches):
    stream = shuffled(tiles(images, 8 * tiles_per_side, 8), images, seed=0)
    return np.mean([len({next(stream)[:2] for _ in range(64)}) for _ in range(batches)])


def test_a_batch_holds_tiles_of_few_images():
    assert distinct_pairs(36, 16, 300) == pytest.approx(1.8, abs=0.15)
    assert distinct_pairs(75, 8, 300) == pytest.approx(6.3, abs=0.3)


def test_the_stream_meets_every_tile_once_in_a_round():
    stream = shuffled(range(50), 5, seed=1)
    found = [next(stream) for _ in range(500)]
    counts = Counter(found)
    assert set(counts) == set(range(50))
    assert min(counts.values()) >= 9
    assert max(counts.values()) <= 11
    assert found[:50] != list(range(50))
    assert min(place - tile for place, tile in enumerate(found[:45])) >= -5  # none comes earlier than the buffer allows


def test_clean_and_noisy_patch_of_a_slot_come_from_the_same_place():
    clean, noisy = stack(3, 24), stack(3, 24, start=10_000)
    for number in range(1, 8):
        batch = OfficialBatches(patches(clean), patches(noisy), 4, 0)(number)
        assert batch["clean"].shape == (4, 1, 8, 8)
        assert torch.equal(batch["noisy"] - batch["clean"], torch.full((4, 1, 8, 8), 10_000.0))


def test_a_patch_is_a_tile_of_a_turned_image():
    images = stack(2, 16)
    allowed = {
        np.ascontiguousarray(augment(image, copy)[y : y + 8, x : x + 8], np.float32).tobytes()
        for image in images
        for copy in range(8)
        for y in (0, 8)
        for x in (0, 8)
    }
    batches = OfficialBatches(patches(images), patches(images), 8, 0)
    found = {patch.numpy().tobytes() for number in range(1, 40) for patch in batches(number)["clean"]}
    assert found == allowed


def test_the_stream_can_be_entered_anywhere_and_again():
    images = stack(4, 24)

    def make(seed=3):
        return OfficialBatches(patches(images), patches(images), 5, seed)

    one_by_one = make()
    expected = [one_by_one(number) for number in range(1, 8)]
    torch.testing.assert_close(make()(6), expected[5], rtol=0, atol=0)
    torch.testing.assert_close(one_by_one(7), expected[6], rtol=0, atol=0)
    torch.testing.assert_close(one_by_one(2), expected[1], rtol=0, atol=0)
    torch.testing.assert_close(one_by_one(3), expected[2], rtol=0, atol=0)
    assert not torch.equal(make(4)(6)["clean"], expected[5]["clean"])


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
        OfficialBatches(patches(clean), patches(noisy), 4, 0)

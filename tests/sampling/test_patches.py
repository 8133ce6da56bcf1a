from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from pellucid.sampling import Flattest, Patches, RandomBatches
from pellucid.sampling.patches import fill, orient


def as_they_are(pixels):
    return pixels.astype(np.float32)


def numbered(*shapes):
    """Images of which every pixel has a number of its own."""
    start, images = 0, []
    for shape in shapes:
        images.append(np.arange(start, start + np.prod(shape)).reshape(shape))
        start += int(np.prod(shape))
    return images


def unpaired(batch=4, seed=7, size=8):
    patches = Patches(numbered((40, 30)), as_they_are, size)
    return RandomBatches({"clean": patches, "noisy": patches}, batch, seed)


def draw(patches, count, seed=0):
    random = np.random.default_rng(seed)
    return [patches.draw(random) for _ in range(count)]


def test_batch_has_both_kinds_with_a_channel():
    batch = unpaired()(1)
    assert set(batch) == {"clean", "noisy"}
    for patches in batch.values():
        assert patches.shape == (4, 1, 8, 8)
        assert patches.dtype == torch.float32


def test_patches_depend_on_seed_step_and_slot_alone():
    first, second = unpaired(), unpaired()
    later = second(9)
    for number in (1, 2, 9):
        found = first(number)
    torch.testing.assert_close(found, later, rtol=0, atol=0)
    assert not torch.equal(unpaired(seed=8)(9)["clean"], later["clean"])
    everything = torch.cat([first(number)["clean"] for number in range(1, 9)]).flatten(1)
    assert len(torch.unique(everything, dim=0)) == 32


def test_global_random_states_are_neither_read_nor_changed():
    before = unpaired()(3)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    state = torch.get_rng_state()
    torch.testing.assert_close(unpaired()(3), before, rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), state)


def test_clean_and_noisy_are_drawn_independently():
    corners = {kind: [] for kind in ("clean", "noisy")}
    batches = unpaired(batch=50)
    for number in range(1, 21):
        for kind, patches in batches(number).items():
            corners[kind].append(patches.flatten(1).min(1).values)
    clean, noisy = (torch.cat(corners[kind]) for kind in ("clean", "noisy"))
    places = 33 * 23
    assert (clean == noisy).float().mean() < 5 / places + 0.005  # equal by chance only
    for coordinate in (lambda corner: corner // 30, lambda corner: corner % 30):
        correlation = np.corrcoef(coordinate(clean), coordinate(noisy))[0, 1]
        assert abs(correlation) < 4 / np.sqrt(1000)


def test_positions_are_drawn_by_area():
    patches = Patches(numbered((9, 12), (24, 30)), as_they_are, 8)
    corners = np.array([int(patch.min()) for patch in draw(patches, 4000)])
    places = np.array([2 * 5, 17 * 23])
    small = np.count_nonzero(corners < 9 * 12)
    assert chisquare([small, 4000 - small], 4000 * places / places.sum()).pvalue > 1e-3


def test_every_position_occurs_equally_often():
    patches = Patches(numbered((10, 11)), as_they_are, 8)
    corners, counts = np.unique([int(patch.min()) for patch in draw(patches, 2400)], return_counts=True)
    assert set(corners) == {11 * y + x for y in range(3) for x in range(4)}
    assert chisquare(counts).pvalue > 1e-3


def test_all_eight_orientations_occur_equally_often():
    image = numbered((8, 8))[0]
    expected = {orient(image, which).tobytes() for which in range(8)}
    assert len(expected) == 8
    found = [patch.astype(image.dtype).tobytes() for patch in draw(Patches([image], as_they_are, 8), 1600)]
    assert set(found) == expected
    assert chisquare([found.count(which) for which in expected]).pvalue > 1e-3


@settings(max_examples=30)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 10), st.integers(0, 99))
def test_patch_is_a_piece_of_the_mirrored_image(height, width, size, seed):
    image = numbered((height, width))[0]
    missing = [(0, max(0, size - height)), (0, max(0, size - width))]
    mirrored = np.pad(image, missing, mode="symmetric")
    pieces = np.lib.stride_tricks.sliding_window_view(mirrored, (size, size)).reshape(-1, size, size)
    allowed = {np.ascontiguousarray(orient(piece, which)).tobytes() for piece in pieces for which in range(8)}
    (patch,) = draw(Patches([image], as_they_are, size), 1, seed)
    assert patch.astype(image.dtype).tobytes() in allowed


def test_small_pieces_are_mirrored_at_the_end():
    assert fill(np.array([[1, 2], [3, 4]]), 3).tolist() == [[1, 2, 2], [3, 4, 4], [3, 4, 4]]
    enough = np.ones((3, 3))
    assert fill(enough, 3) is enough


def test_pixels_are_brought_to_units_after_cutting():
    seen = []

    def to_unit(pixels):
        seen.append(pixels.shape)
        return pixels.astype(np.float32) / 127.5 - 1

    image = np.full((500, 500), 255, np.uint8)
    (patch,) = draw(Patches([image], to_unit, 16), 1)
    assert seen == [(16, 16)]  # not the whole image
    assert (patch == 1).all()


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_images_mapped_from_disk(tmp_path, dtype):
    image = np.random.default_rng(0).integers(0, 256, (50, 60)).astype(dtype)
    np.save(tmp_path / "image.npy", image)
    mapped = np.load(tmp_path / "image.npy", mmap_mode="r")

    def identity(pixels):
        return pixels if pixels.dtype == np.float32 else pixels.astype(np.float32)

    batches = [RandomBatches({"clean": Patches([source], identity, 16)}, 3, 0) for source in (image, mapped)]
    torch.testing.assert_close(batches[0](5), batches[1](5), rtol=0, atol=0)
    batches[1](5)["clean"].mul_(2)  # a copy: the file stays as it is
    assert np.array_equal(np.load(tmp_path / "image.npy"), image)


def test_partners_are_cut_where_their_images_are():
    images = numbered((40, 30), (25, 33))
    noisy, pairs = Patches(images, as_they_are, 8), Patches([image + 10_000 for image in images], as_they_are, 8)
    batch = RandomBatches({"noisy": noisy, "pairs": pairs}, 5, seed=1)(3)
    assert torch.equal(batch["pairs"] - batch["noisy"], torch.full((5, 1, 8, 8), 10_000.0))


def test_noise_is_drawn_independently_of_what_it_is_put_on():
    patches = Patches(numbered((40, 30)), as_they_are, 8)
    batch = RandomBatches(dict.fromkeys(("noisy", "clean", "noise"), patches), 5, seed=1)(3)
    assert not any(torch.equal(batch["noise"], batch[kind]) for kind in ("noisy", "clean"))


def test_the_flattest_of_many_patches_is_taken_and_has_mean_0():
    image = np.random.default_rng(0).normal(5, 1, (64, 64)).astype(np.float32)
    image[16:40, 16:40] = 3 + 0.01 * image[16:40, 16:40]
    source = Flattest(Patches([image], as_they_are, 8), candidates=64)
    drawn = draw(source, 20)
    assert max(patch.std() for patch in drawn) < 0.1
    assert max(abs(patch.mean()) for patch in drawn) < 1e-5

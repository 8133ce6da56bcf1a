from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.data.patches import Flattest, OfficialBatches, RandomBatches
from pellucid.launch import WHOLE, Share

from .made import numbered, patches_of


def unpaired(batch=4, seed=7, share=WHOLE):
    patches = patches_of(numbered((40, 30)))
    return RandomBatches({"clean": patches, "noisy": patches}, batch, seed, share)


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
    positions = 33 * 23
    assert (clean == noisy).float().mean() < 5 / positions + 0.005  # equal by chance only
    for coordinate in (lambda corner: corner // 30, lambda corner: corner % 30):
        correlation = np.corrcoef(coordinate(clean), coordinate(noisy))[0, 1]
        assert abs(correlation) < 4 / np.sqrt(1000)


def test_steps_are_drawn_independently():
    batches = unpaired(batch=2)
    corners = np.array([batches(number)["clean"].flatten(1).min(1).values.numpy() for number in range(1, 801)])
    for first, second in ((corners[1:, 0], corners[:-1, 0]), (corners[:, 0], corners[:, 1])):
        assert abs(np.corrcoef(first, second)[0, 1]) < 4 / np.sqrt(800)


@settings(max_examples=25)
@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 2**63 - 1), st.integers(1, 10**6))
def test_shares_put_together_are_the_batch(each, processes, seed, number):
    noisy = patches_of(numbered((20, 30), (9, 50), (5, 12)))

    def batch_of(share):
        sources = {"noisy": noisy, "clean": patches_of(numbered((31, 17))), "flat": Flattest(noisy, candidates=3)}
        return RandomBatches(sources, each * processes, seed, share)(number)

    shares = [batch_of(Share(rank, processes)) for rank in range(processes)]
    for kind, whole in batch_of(WHOLE).items():
        assert all(len(share[kind]) == each for share in shares)
        assert torch.equal(torch.cat([share[kind] for share in shares]), whole)


def test_a_process_cuts_its_own_patches_only(monkeypatch):
    batches = unpaired(batch=6, share=Share(1, 3))
    cut = []
    monkeypatch.setattr("pellucid.data.patches.Patches.cut", lambda _, numbers: cut.append(len(numbers)))
    batches(1)
    assert cut == [2, 2]


def test_partners_are_cut_where_their_images_are():
    images = numbered((40, 30), (25, 33))
    noisy, pairs = patches_of(images), patches_of([image + 10_000 for image in images])
    batch = RandomBatches({"noisy": noisy, "pairs": pairs}, 5, seed=1)(3)
    assert torch.equal(batch["pairs"] - batch["noisy"], torch.full((5, 1, 8, 8), 10_000.0))


def test_noise_is_drawn_independently_of_what_it_is_put_on():
    patches = patches_of(numbered((40, 30)))
    batch = RandomBatches(dict.fromkeys(("noisy", "clean", "noise"), patches), 5, seed=1)(3)
    assert not any(torch.equal(batch["noise"], batch[kind]) for kind in ("noisy", "clean"))


def test_upright_kinds_are_flipped_but_never_transposed():
    patches = patches_of(numbered((40, 30)))
    sources = {"noisy": patches, "pairs": patches, "clean": patches}
    free, upright = (RandomBatches(sources, 64, 1, upright=kinds)(1) for kinds in ((), ("noisy", "pairs")))

    def along_x(batch, kind):
        return (batch[kind][:, 0, 0, 1] - batch[kind][:, 0, 0, 0]).abs() == 1

    assert along_x(upright, "noisy").all()
    assert 0 < along_x(upright, "clean").sum() < 64
    assert torch.equal(upright["pairs"], upright["noisy"])
    assert torch.equal(upright["clean"], free["clean"])
    kept = along_x(free, "noisy")
    assert torch.equal(upright["noisy"][kept], free["noisy"][kept])
    corners = upright["noisy"][:, 0].flatten(1)
    assert set((corners - corners.min(1, keepdim=True).values).argmin(1).tolist()) == {0, 7, 56, 63}  # all four flips


def test_the_flattest_of_many_patches_is_taken_and_has_mean_0():
    image = np.random.default_rng(0).normal(5, 1, (64, 64)).astype(np.float32)
    image[16:40, 16:40] = 3 + 0.01 * image[16:40, 16:40]
    flattest = Flattest(patches_of([image]), candidates=64)
    drawn = flattest.cut(flattest.draw(np.random.default_rng(0), 20))
    assert drawn.shape == (20, 1, 8, 8)
    assert drawn.std((1, 2, 3)).max() < 0.1
    assert drawn.mean((1, 2, 3)).abs().max() < 1e-5


def test_the_flattest_is_one_of_its_own_candidates():
    image = np.random.default_rng(0).normal(5, 1, (64, 64)).astype(np.float32)
    flattest = Flattest(patches_of([image]), candidates=5)
    numbers = flattest.draw(np.random.default_rng(0), 6)
    for row, found in zip(numbers, flattest.cut(numbers), strict=True):
        candidates = flattest.patches.cut(row)
        least = min(candidates, key=lambda patch: float(patch.var()))
        torch.testing.assert_close(found, least - least.mean())


@pytest.mark.parametrize("make", [RandomBatches, OfficialBatches], ids=["correct", "official"])
def test_a_batch_is_the_same_wherever_a_run_begins(make):
    patches = patches_of(numbered((24, 24), (24, 24), (24, 24)))

    def begin():
        if make is OfficialBatches:
            return OfficialBatches(patches, patches, 4, seed=3)
        return RandomBatches({"clean": patches, "noisy": patches}, 4, seed=3)

    running = begin()
    expected = [running(number) for number in range(1, 9)]
    for number in (8, 3, 5):
        torch.testing.assert_close(begin()(number), expected[number - 1], rtol=0, atol=0)

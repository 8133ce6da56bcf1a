from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from pellucid.inference import (
    ActivationCache,
    FrozenDenoiser,
    Sample,
    View,
    exact_statistics,
    is_out_of_memory,
    sample_statistics,
)
from pellucid.inference.tiles import Box
from pellucid.methods.iscl import ExtractorAlone, GeneratorAlone
from pellucid.norms import freeze

BOXES = [Box(0, 160, 0, 208), Box(0, 1, 0, 1), Box(37, 102, 51, 163), Box(140, 160, 190, 208), Box(63, 65, 0, 208)]


def statistics_of(denoiser, noisy):
    with ActivationCache(math.inf) as cache:
        return exact_statistics(denoiser, View.of_array(noisy, denoiser.stride), 64, cache)


def frozen(denoiser, statistics, side, on_smaller=lambda _: None):
    made = FrozenDenoiser(denoiser, side, on_smaller)
    made.use(statistics)
    return made


@pytest.mark.parametrize("side", [16, 64, 72, 1000])
def test_any_box_is_that_part_of_the_whole(side, denoiser, noisy):
    noisy = noisy[:157, :206]  # no multiples of the stride
    view = View.of_array(noisy, denoiser.stride)
    statistics = statistics_of(denoiser, noisy)
    with torch.no_grad(), freeze(denoiser.F, statistics[0]), freeze(denoiser.H, statistics[1]):
        whole = denoiser(view(view.whole))[0, 0, :157, :206].numpy()
    made = frozen(denoiser, statistics, side)
    for box in BOXES if side > 16 else BOXES[1:4]:
        core = Box(box.top, min(box.bottom, 157), box.left, min(box.right, 206))
        done = made.denoise(view, core)
        assert done.image.shape == core.shape
        np.testing.assert_allclose(done.image, whole[core.slices], rtol=0, atol=1e-5)
        mean = np.clip((done.estimates["F"] + done.estimates["x-H"]) / 2, -1, 1)
        np.testing.assert_allclose(done.image, mean, rtol=0, atol=1e-6)


def test_tiles_of_padding_alone_are_not_computed(denoiser, noisy, monkeypatch):
    padded = np.pad(noisy[:64, :64], ((0, 0), (128, 0)), constant_values=-1)
    view = View.of_array(padded, denoiser.stride)
    made = frozen(denoiser, statistics_of(denoiser, padded), 32)
    computed = []
    monkeypatch.setattr(made._denoiser, "combine", lambda parts: computed.append(1) or parts["F"])
    done = made.denoise(view, Box(0, 64, 0, 192))
    assert len(computed) == 4  # of twelve
    assert set(done.estimates) == set(denoiser.estimate_names)
    assert not done.valid[:, :128].any()
    assert done.valid[:, 128:].all()


def test_other_statistics_give_another_result_and_the_denoiser_is_as_it_was(denoiser, noisy):
    view = View.of_array(noisy, denoiser.stride)
    before = denoiser(view(view.whole))
    made = frozen(denoiser, statistics_of(denoiser, noisy), 64)
    first = made.denoise(view, BOXES[2]).image
    made.use(statistics_of(denoiser, noisy * np.float32(0.5)))
    assert np.abs(made.denoise(view, BOXES[2]).image - first).max() > 1e-3
    made.use(statistics_of(denoiser, noisy))
    assert np.array_equal(made.denoise(view, BOXES[2]).image, first)
    assert torch.equal(denoiser(view(view.whole)), before)


@pytest.mark.parametrize(("part", "network"), [("F", 0), ("x-H", 1)])
def test_one_estimate_alone_is_that_part_of_both(part, network, denoiser, noisy):
    noisy = noisy[:150, :203]
    view = View.of_array(noisy, denoiser.stride)
    statistics = statistics_of(denoiser, noisy)
    both = frozen(denoiser, statistics, 64).denoise(view, BOXES[2])
    alone = frozen(denoiser.only(part), [statistics[network]], 64).denoise(view, BOXES[2])
    assert np.array_equal(alone.estimates[part], both.estimates[part])
    assert np.array_equal(alone.image, both.estimates[part].clip(-1, 1))


def test_each_network_reads_no_more_around_a_tile_than_it_sees(denoiser, large, monkeypatch):
    seen = {}
    for alone in (GeneratorAlone, ExtractorAlone):

        def estimate(self, piece, alone=alone):
            seen[alone] = tuple(piece.shape[2:])
            return piece

        monkeypatch.setattr(alone, "estimate", estimate)
    FrozenDenoiser(denoiser, 64).denoise(View.of_array(large, denoiser.stride), Box(128, 192, 128, 192))
    assert seen == {GeneratorAlone: (144, 144), ExtractorAlone: (104, 104)}


def test_in_bfloat16_the_result_is_almost_the_same_and_float32(denoiser, noisy):
    view = View.of_array(noisy, denoiser.stride)
    statistics = statistics_of(denoiser, noisy)
    exact = frozen(denoiser, statistics, 64).denoise(view, BOXES[2]).image
    made = FrozenDenoiser(denoiser, 64, amp=True)
    made.use(statistics)
    fast = made.denoise(view, BOXES[2]).image
    assert fast.dtype == np.float32
    assert 0 < np.abs(fast - exact).mean() < 0.01


CPU = "[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."
PROBLEMS = [torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), RuntimeError(CPU), MemoryError()]


@pytest.mark.parametrize("problem", PROBLEMS, ids=["gpu", "cpu", "python"])
def test_when_memory_runs_out_tiles_become_smaller_once_for_all(problem, denoiser, noisy, monkeypatch):
    view = View.of_array(noisy, denoiser.stride)
    statistics = statistics_of(denoiser, noisy)
    core = Box(0, 160, 3, 207)
    expected = frozen(denoiser, statistics, 64).denoise(view, core)
    estimate, seen, told = GeneratorAlone.estimate, [], []

    def small_machine(self, piece):
        seen.append(piece.shape[2] * piece.shape[3])
        if seen[-1] > 115**2:
            raise problem
        return estimate(self, piece)

    monkeypatch.setattr(GeneratorAlone, "estimate", small_machine)
    made = frozen(denoiser, statistics, 128, told.append)
    done = made.denoise(view, core)
    assert told == [64, 32]
    assert made.side == 32
    assert sum(pixels > 115**2 for pixels in seen) == 2
    np.testing.assert_allclose(done.image, expected.image, rtol=0, atol=1e-5)
    np.testing.assert_allclose(done.estimates["F"], expected.estimates["F"], rtol=0, atol=1e-5)


def test_memory_that_suffices_for_nothing_is_an_error(denoiser, noisy, monkeypatch):
    def full(self, piece):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(ExtractorAlone, "estimate", full)
    told = []
    made = FrozenDenoiser(denoiser, 64, told.append)
    with pytest.raises(torch.OutOfMemoryError):
        made.denoise(View.of_array(noisy, denoiser.stride), BOXES[2])
    assert told == [32, 16]


def test_other_errors_are_not_taken_for_a_lack_of_memory():
    assert all(is_out_of_memory(problem) for problem in PROBLEMS)
    for problem in (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), ValueError("out of memory"), OSError()):
        assert not is_out_of_memory(problem)


# seams


def steps(image, side):
    """Mean absolute steps across tile borders, and elsewhere."""
    found = ([], [])
    for plane in (image, image.T):
        change = np.abs(np.diff(plane, axis=0)).mean(1)
        border = np.arange(1, len(plane)) % side == 0
        found[0].append(change[border].mean())
        found[1].append(change[~border].mean())
    return np.mean(found[0]), np.mean(found[1])


def seam_ratio(image, side):
    at_borders, elsewhere = steps(image, side)
    return at_borders / elsewhere


@pytest.mark.parametrize("how", ["exact", "sampled", "elsewhere"])
def test_no_seams(how, denoiser, noisy, large):
    """Whichever statistics: those of another image are as good as the training's."""
    view = View.of_array(large, denoiser.stride)
    with ActivationCache(math.inf) as cache:
        if how == "sampled":
            sample = sample_statistics(denoiser, [view], 0, cache)
            assert isinstance(sample, Sample)
            statistics = sample.statistics
        else:
            measured = view if how == "exact" else View.of_array(noisy, denoiser.stride)
            statistics = exact_statistics(denoiser, measured, 64, cache)
    whole = Box(0, 396, 0, 404)
    tiled = frozen(denoiser, statistics, 64).denoise(view, whole).image
    once = frozen(denoiser, statistics, 1000).denoise(view, whole).image
    assert seam_ratio(tiled, 64) / seam_ratio(once, 64) == pytest.approx(1, abs=0.03)


def test_the_seam_ratio_finds_the_seams_of_tiles_with_statistics_of_their_own(denoiser, large):
    once = frozen(denoiser, statistics_of(denoiser, large), 1000).denoise(
        View.of_array(large, denoiser.stride), Box(0, 396, 0, 404)
    )
    tiled = np.empty_like(large)
    for core in Box(0, 396, 0, 404).cut(64):
        around = np.ascontiguousarray(large[core.slices])
        with torch.no_grad():
            tiled[core.slices] = denoiser(torch.from_numpy(around)[None, None])[0, 0].numpy()
    assert seam_ratio(tiled, 64) / seam_ratio(once.image, 64) > 1.03

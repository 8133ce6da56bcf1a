from __future__ import annotations

import numpy as np
import pytest
import torch

from pellucid.inference import View, is_out_of_memory, probe
from pellucid.methods import build, make_recipe


@pytest.mark.parametrize(
    "problem",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory: you tried ..."),
        RuntimeError("MPS backend out of memory"),
    ],
)
def test_running_out_of_memory_is_known_by_its_words(problem):
    assert is_out_of_memory(problem)


@pytest.mark.parametrize(
    "problem", [RuntimeError("shapes do not fit"), ValueError("out of memory"), OSError(28, "full")]
)
def test_other_errors_are_not_taken_for_it(problem):
    assert not is_out_of_memory(problem)


def test_a_tile_takes_time_and_at_least_the_memory_that_is_stated():
    denoiser = build(make_recipe("proposed", settings={"width": 4})).denoiser.eval()
    cost = probe(denoiser, View.of_array(np.zeros((80, 96), np.float32), denoiser.stride), 64)
    assert cost.seconds > 0
    assert cost.bytes >= denoiser.bytes_per_pixel

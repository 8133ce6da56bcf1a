from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.data.intensity_range import IntensityRange
from pellucid.data.patches import Flattest, GpuPatches, Patches, RandomBatches, on_gpu
from pellucid.io.image import DTYPES

CPU = torch.device("cpu")
SIDES = st.integers(1, 30)


def random_images(shapes, dtypes, seed=0):
    random = np.random.default_rng(seed)
    images = []
    for number, shape in enumerate(shapes):
        dtype = np.dtype(dtypes[number % len(dtypes)])
        limits = (np.iinfo(dtype).min, np.iinfo(dtype).max) if dtype.kind in "iu" else (-1e3, 1e3)
        images.append(random.uniform(*limits, shape).astype(dtype))
    return images


def both(images, size=8, limits=(-3.7, 1234.5)):
    patches = Patches(images, IntensityRange.from_limits(*limits).normalize, size)
    return patches, GpuPatches(patches, CPU)


@pytest.mark.parametrize(
    "dtypes", [*((name,) for name in DTYPES), (">u2",), (">f4",), ("float16", ">f4", "float64")], ids=str
)
def test_patches_are_those_from_main_memory_to_the_bit(dtypes):
    images = random_images([(30, 21), (5, 40), (17, 3), (8, 8)], dtypes)
    patches, gpu_patches = both(images)
    numbers = np.arange(8 * (23 * 14 + 33 + 10 + 1))  # every place there is
    assert torch.equal(gpu_patches.cut(numbers), patches.cut(numbers))


def test_small_integers_keep_their_size():
    for dtype, bytes_ in {"uint8": 1, "int16": 2, "uint16": 2, "uint32": 4, "float64": 4}.items():
        assert both(random_images([(30, 30)], [dtype]))[1]._pixels.itemsize == bytes_


@settings(max_examples=30)
@given(st.lists(st.tuples(SIDES, SIDES), min_size=1, max_size=4), st.integers(1, 20), st.sampled_from(DTYPES))
def test_images_of_any_size(shapes, size, dtype):
    patches, gpu_patches = both(random_images(shapes, [dtype]), size)
    random = np.random.default_rng(0)
    numbers = patches.draw(random, 40)
    assert torch.equal(gpu_patches.cut(numbers), patches.cut(numbers))
    assert gpu_patches.positions == patches.positions


def test_batches_are_those_from_main_memory():
    sources = [
        {"noisy": source, "clean": source, "flat": Flattest(source)}
        for source in both(random_images([(60, 50), (33, 40)], ["uint16"]))
    ]
    for number in (1, 7):
        expected, found = (RandomBatches(each, 5, seed=3)(number) for each in sources)
        assert all(torch.equal(expected[kind], found[kind]) for kind in expected)


def test_only_what_fits_goes_to_a_gpu(monkeypatch):
    monkeypatch.setattr("pellucid.data.patches.gpu_patches.GpuPatches", lambda _, device: device)
    patches = both(random_images([(30, 30), (4, 100)], ["uint16"]))[0]
    needed, gpu = 2 * (30 * 30 + 8 * 100), torch.device("cuda")
    assert on_gpu(patches, CPU, needed) is patches
    assert on_gpu(patches, gpu, needed - 1) is patches
    assert on_gpu(patches, gpu, needed) == gpu

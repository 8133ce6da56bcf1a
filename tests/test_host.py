"""Pellucid as a library changes nothing in its host, and models in threads of one process do not feel each other."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
import torch

from pellucid.inference import denoise_plane
from pellucid.methods import build, build_denoiser, make_recipe
from pellucid.training import Callback, Training, fit

CPU = torch.device("cpu")
SMALL = {"width": 4, "batch": 2, "steps": 3}
PLENTY, TINY = 1e9, 1.0
"""Memory in which an image is denoised whole, and in tiles."""

pytestmark = pytest.mark.usefixtures("one_thread")


def at_once(*functions):
    """The results of functions that begin together, each in a thread of its own."""
    start = threading.Barrier(len(functions))

    def begin(function):
        start.wait(10)
        return function()

    with ThreadPoolExecutor(len(functions)) as pool:
        return list(pool.map(begin, functions))


def denoised(denoiser, noisy, memory):
    result = denoise_plane(denoiser, noisy, memory)
    return [result.image, *result.estimates.values()]


def noisy_plane(seed, canvas=False):
    noisy = np.random.default_rng(seed).normal(0, 0.3, (64, 72)).astype(np.float32)
    if canvas:
        noisy[:, :20] = np.nan  # padding: norms measure the rest alone
    return noisy


def model(recipe, **settings):
    return build_denoiser(make_recipe(recipe, settings={"width": 4, **settings} if recipe == "proposed" else settings))


@pytest.mark.parametrize(
    "work",
    [
        [(model("proposed"), 1, TINY, False), (model("proposed", generator="layer", extractor="group"), 2, TINY, True)],
        [(both := model("proposed", extractor="batch-instance"), 1, TINY, False), (both, 2, PLENTY, True)],
        [(both := model("nlm"), 1, TINY, False), (both, 2, TINY, True)],
        [
            (model("self2self", width=3, steps=2, passes=2, patch=32), 1, PLENTY, False),
            (model("self2self", width=3, steps=3, passes=2, patch=32, seed=1), 2, PLENTY, False),
        ],
    ],
    ids=["two models", "one model", "one filter", "two that learn from the image"],
)
def test_denoising_in_threads_gives_what_each_gives_alone(work):
    tasks = [partial(denoised, model, noisy_plane(seed, canvas), memory) for model, seed, memory, canvas in work]
    alone = [task() for task in tasks]
    for _ in range(2):
        for found, expected in zip(at_once(*tasks), alone, strict=True):
            for one, other in zip(found, expected, strict=True):
                np.testing.assert_array_equal(one, other)


def trained(name, settings):
    """Losses and weights after a few steps."""
    training = Training(build(make_recipe(name, settings={**SMALL, **settings})), CPU)
    losses = []

    class Note(Callback):
        def after_step(self, training, found):
            losses.append(found)

    def batches(number):
        generator = torch.Generator().manual_seed(number)
        shape = (len(training.method.kinds), 2, 1, training.method.recipe.patch, training.method.recipe.patch)
        return dict(zip(training.method.kinds, torch.rand(shape, generator=generator) * 2 - 1, strict=True))

    fit(training, batches, [Note()])
    return losses, training.state()["method"]


def test_training_in_threads_gives_what_each_gives_alone():
    tasks = [
        partial(trained, "proposed", {"objective": "wgan-gp", "discriminator": "layer"}),  # torch alone, in its penalty
        partial(trained, "uidnet", {"generator_width": 2, "discriminator_width": 2, "patch": 32}),  # draws dropout
        partial(trained, "noise2void", {"patch": 16}),  # draws masks
    ]
    alone = [task() for task in tasks]
    for (losses, weights), (expected, expected_weights) in zip(at_once(*tasks), alone, strict=True):
        assert losses == expected
        torch.testing.assert_close(weights, expected_weights, rtol=0, atol=0)


def state_of_the_host():
    return {
        "environment": dict(os.environ),
        "threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "Python's random numbers": str(random.getstate()),
        "torch's random numbers": torch.get_rng_state().tolist(),
        "NumPy's random numbers": str(np.random.get_state()),  # noqa: NPY002
        "warnings": list(warnings.filters),
        "error handling": np.geterr(),
        "precision": (torch.get_default_dtype(), torch.get_float32_matmul_precision()),
        "cuDNN": torch.backends.cudnn.benchmark,
        "recursion": sys.getrecursionlimit(),
    }


def test_a_library_call_leaves_its_host_as_it_was():
    before = state_of_the_host()
    denoised(model("proposed"), noisy_plane(0), TINY)
    trained("uidnet", {"generator_width": 2, "discriminator_width": 2, "patch": 32})
    after = state_of_the_host()
    assert {name: after[name] for name in after if after[name] != before[name]} == {}


def test_an_import_leaves_its_host_as_it_was():
    program = """
import scipy.special, sympy  # which add filters for warnings of their own; torch imports the one, formats the other
import tests.test_host as here
before = here.state_of_the_host()
import pellucid
for name in pellucid.__all__:
    getattr(pellucid, name)
import pellucid.demo, pellucid.benchmark.runner
after = here.state_of_the_host()
print([name for name in after if after[name] != before[name]])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "[]\n"

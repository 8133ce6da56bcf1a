"""A small denoiser, runs with it, and a process that is killed within one."""

from __future__ import annotations

import functools
import math
import os
import signal
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from pellucid.blockwise import outputs
from pellucid.blockwise.failures import Failures
from pellucid.blockwise.plan import DenoiseOptions, DenoiserSpec
from pellucid.blockwise.run import denoise_source
from pellucid.blockwise.worker import BlockWorker
from pellucid.data.intensity_range import IntensityRange
from pellucid.data.source import open_source
from pellucid.inference import ActivationCache, View, exact_statistics
from pellucid.io import pyramid
from pellucid.io.registry import open_image
from pellucid.methods import SingleDenoiser
from pellucid.norms import norm
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue
from tests.processes import dies, start

PLENTY = 1 << 30
COARSEST = 64
"""Sides of the coarsest level, where runs are killed."""
LITTLE = 60_000
"""Bytes: planes of more than 1500 pixels need tiles."""


class Small(SingleDenoiser):
    """Two convolutions with instance norms, at half the resolution in between."""

    stride = 2
    halo = 8
    bytes_per_pixel = 40.0
    estimate_names = ("denoised", "twice")

    def __init__(self, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.network = nn.Sequential(
            nn.Conv2d(1, 4, 4, 2, 1),
            norm("instance").layer(4, 0.2),
            nn.Conv2d(4, 4, 3, 1, 1),
            norm("instance").layer(4, 0.2),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(4, 1, 3, 1, 1),
        )

    def networks(self):
        return [self.network]

    def estimate(self, noisy):
        return 0.8 * noisy + 0.2 * self.network(noisy)

    def estimates(self, noisy):
        done = self.estimate(noisy)
        return {"denoised": done, "twice": done / 2}


@functools.cache
def denoiser(seed=0):
    return Small(seed).eval().requires_grad_(False)


@functools.cache
def trained():
    """Statistics of another image than those that are denoised."""
    plane = (simulate(tissue((64, 64), seed=9), "film", seed=1) / 127.5 - 1).astype(np.float32)
    with ActivationCache(math.inf) as cache:
        return exact_statistics(denoiser(), View.of_array(plane, 2), 64, cache)


def spec(memory=PLENTY, seed=0):
    return DenoiserSpec(denoiser(seed), IntensityRange.from_limits(0, 255), f"seed {seed}", memory, trained())


@functools.cache
def stack(shape, seed=0):
    """Noisy tissue, uint8."""
    planes = tissue((math.prod(shape[:-2]), *shape[-2:]), seed=seed).reshape(-1, *shape[-2:])
    return np.stack([simulate(plane, "film", seed=seed) for plane in planes]).reshape(shape)


def run(source, output, memory=PLENTY, **options):
    """Denoise files; what is known of each."""
    given = [str(each) for each in source] if isinstance(source, list) else str(source)
    return denoise_source(open_source(given), Path(output), spec(memory), DenoiseOptions(**options))


def read(path):
    image = open_image(path)
    return np.stack([plane.read() for plane in image.planes]).reshape(image.shape)


def snapshot(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def kill_at(home, name, when, number):
    """Have this process killed before or after a call of a function."""
    whole, calls = getattr(home, name), []

    def counting(*arguments, **options):
        calls.append(name)
        if when == "before" and len(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        given = whole(*arguments, **options)
        if when == "after" and len(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return given

    setattr(home, name, counting)


PLACES = {
    "statistics": (BlockWorker, "compute", "before"),
    "block": (BlockWorker, "_write_block", "before"),
    "level": (BlockWorker, "_write_level", "before"),
    "finish": (outputs.Outputs, "finish", "before"),
    "move": (outputs, "put_in_place", "before"),
    "moved": (outputs, "put_in_place", "after"),
    "end": (Failures, "refuse", "before"),
}


def _run_and_die(place, number, arguments, options):
    torch.set_num_threads(1)
    pyramid.COARSEST = COARSEST
    kill_at(*PLACES[place], number)
    run(*arguments, **options)


def killed(place, number, *arguments, **options):
    """Whether a process of its own that denoised files was killed there, the so manieth time that it came by."""
    return dies(_run_and_die, place, number, arguments, options)


def _run_alone(arguments, options):
    torch.set_num_threads(1)
    run(*arguments, **options)


def killed_after(seconds, begun, *arguments, **options):
    """Whether a process of its own that denoised files was killed so long after a path had come to be."""
    process = start(_run_alone, arguments, options)
    while process.is_alive() and not begun.exists():
        time.sleep(0.001)
    process.join(seconds)
    process.kill()
    process.join()
    assert process.exitcode in (-signal.SIGKILL, 0), process.exitcode
    return process.exitcode == -signal.SIGKILL

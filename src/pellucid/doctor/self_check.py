"""Denoises and trains a little, and compares with numbers that every processor must give, but for rounding."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.assessment.denoising import denoise_with
from pellucid.box import DEFAULT
from pellucid.methods import build, build_denoiser, make_recipe
from pellucid.methods.digest import short
from pellucid.model import Model
from pellucid.ops.kernels import plain
from pellucid.recipe import LearningRecipe
from pellucid.training import Training

SIDE, PATCH, STEPS = 128, 64, 4
"""Side of the image that is denoised and of the patches that are learnt from, in pixels; number of training steps."""

DIGEST = "f1d26abf4985"
"""The first digits of the digest of the model in the box."""

# python -c "from pellucid.doctor import self_check as s; print(s.denoised_numbers(), s.trained_losses())"
DENOISED = (
    *(126.3135, 125.0842, 137.7806, 131.3300),
    *(131.7564, 135.3777, 127.7810, 128.4198),
    *(117.9309, 129.4175, 122.1104, 134.0188),
    *(124.4910, 126.7127, 127.3362, 129.2257),
    53.9789,
)
TRAINED = (0.452122, 0.435485, 0.452036, 0.431843, 0.451987, 0.429686, 0.451973, 0.429051)

DENOISED_TOLERANCE = 0.01
"""Grey levels, of 255."""
TRAINED_TOLERANCE = 1e-3
"""Relative to a loss."""
KERNELS_TOLERANCE = 1e-4
"""In units of [−1, 1]."""


class Check(NamedTuple):
    """One comparison.

    Attributes:
        name: what was compared.
        passed: whether it is as it must be.
        detail: numbers, in words.
        seconds: that it took.
    """

    name: str
    passed: bool
    detail: str
    seconds: float


def run_checks(devices: Sequence[str] = ()) -> list[Check]:
    """Compute and compare; about ten seconds.

    Args:
        devices: others than the CPU, such as "cuda", which must denoise like it.
    """
    return [_check_box(), _check_denoising(), *map(_check_device, devices), _check_kernels(), _check_training()]


def picture(seed: int) -> NDArray[np.float32]:
    """An image (128, 128) of rings with noise, 0 to 255, by arithmetic alone: no random numbers of a library."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.int64)
    distance = np.hypot(y - 40 - 9 * seed, x - 52 + 7 * seed)
    rings = 128 + 60 * np.tanh(3 * np.sin(distance / 5))
    mixed = (x * 73_856_093) ^ (y * 19_349_663) ^ ((seed + 1) * 83_492_791)
    grains = ((mixed * mixed // 1024) % 65_521 + (mixed * 31 // 64) % 65_521) % 65_521
    image: NDArray[np.float32] = (rings + grains * (80 / 65_521) - 40).astype(np.float32)
    return image


def denoised_numbers(device: str = "cpu") -> NDArray[np.float64]:
    """Means of 4×4 parts of what the model in the box makes of an image, and its standard deviation; grey levels."""
    image = picture(0)[None] / np.float32(127.5) - 1
    result = (denoise_with(Model.load(DEFAULT, device=device), image)[0].astype(np.float64) + 1) * 127.5
    parts = result.reshape(4, SIDE // 4, 4, SIDE // 4).mean(axis=(1, 3))
    return np.array([*parts.ravel(), result.std()])


def trained_losses() -> NDArray[np.float64]:
    """The losses of each of a few steps of a small student, which learns a picture from another."""
    recipe = make_recipe("student", "quick", {"width": 8, "batch": 1, "steps": STEPS, "patch": PATCH})
    assert isinstance(recipe, LearningRecipe)
    training = Training(build(recipe), torch.device("cpu"))
    batch = {"noisy": _patch(0), "pairs": _patch(1)}
    return np.array([list(training.step(batch).values()) for _ in range(STEPS)]).ravel()


def _patch(seed: int) -> Tensor:
    """A patch (1, 1, 64, 64) in [−1, 1]."""
    return torch.from_numpy(picture(seed)[None, None, :PATCH, :PATCH] / np.float32(127.5) - 1)


def _check_box() -> Check:
    began = time.monotonic()
    found = Model.load(DEFAULT, device="cpu").digest
    detail = f"{short(found)}, as it must be" if found.startswith(DIGEST) else f"{short(found)}, not {DIGEST}"
    return Check(f"digest of the model {DEFAULT}", found.startswith(DIGEST), detail, time.monotonic() - began)


def _check_denoising() -> Check:
    began = time.monotonic()
    return _compared("denoising", denoised_numbers(), np.array(DENOISED), began)


def _check_device(device: str) -> Check:
    began = time.monotonic()
    return _compared(f"denoising on {device}", denoised_numbers(device), denoised_numbers(), began)


def _compared(name: str, found: NDArray[np.float64], expected: NDArray[np.float64], began: float) -> Check:
    off = float(np.abs(found - expected).max())
    detail = f"off by {off:.1e} of 255 grey levels (at most {DENOISED_TOLERANCE:g})"
    return Check(name, off <= DENOISED_TOLERANCE, detail, time.monotonic() - began)


def _check_kernels() -> Check:
    began = time.monotonic()
    denoiser = build_denoiser(make_recipe("proposed", "quick", {"width": 8})).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    with torch.inference_mode():
        fast = denoiser(_patch(0))
        with plain():
            slow = denoiser(_patch(0))
    off = float((fast - slow).abs().max())
    detail = f"off by {off:.1e} from torch (at most {KERNELS_TOLERANCE:g})"
    return Check("norms by the kernels", off <= KERNELS_TOLERANCE, detail, time.monotonic() - began)


def _check_training() -> Check:
    began = time.monotonic()
    off = float(np.abs(trained_losses() / np.array(TRAINED) - 1).max())
    detail = f"losses off by {off:.1e} of themselves (at most {TRAINED_TOLERANCE:g})"
    return Check("training", off <= TRAINED_TOLERANCE, detail, time.monotonic() - began)

"""The C kernels (`kernels.c`) that compute what `moments.py` and `affine.py` define.

They take maps of the types and layouts that `fit` accepts. They are built when Pellucid is installed, if there is a C
compiler; everything works without them. They are called by address and depend neither on Python nor on the version of
torch.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import torch
from torch import Tensor

_VERSION = 1


def _load() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(str(Path(__file__).with_name("libpellucid.so")))
    except OSError:  # not built, or for another machine
        return None
    return library if library.pellucid_kernels_version() == _VERSION else None


_LIBRARY = _load()
_wanted: ContextVar[bool] = ContextVar("whether fast code may run", default=not os.environ.get("PELLUCID_PLAIN"))


@contextmanager
def plain() -> Iterator[None]:
    """Within the block, in this thread, torch alone computes: slower, but it can be differentiated twice."""
    outside = _wanted.set(False)
    try:
        yield
    finally:
        _wanted.reset(outside)


def wanted() -> bool:
    """Whether fast code may run at all: not within `plain()`, nor while torch compiles."""
    return not torch.compiler.is_compiling() and _wanted.get()


def built() -> bool:
    """Whether the kernels were built."""
    return _LIBRARY is not None


def fit(x: Tensor) -> bool:
    """Whether the kernels take these maps: float32 on the CPU, channels last, or a crop of such."""
    return (
        wanted()
        and _LIBRARY is not None
        and x.dtype is torch.float32
        and x.device.type == "cpu"
        and (x.stride(1) == 1 or x.shape[1] == 1)
        and (x.stride(3) == x.shape[1] or x.shape[3] == 1)
        and x.numel() > 0
    )


class _Shape(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_long) for name in ("images", "height", "width", "channels", "image", "row"))


def measure(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance (N, C) of maps (N, C, H, W) that fit."""
    mean, var = x.new_empty(x.shape[:2]), x.new_empty(x.shape[:2])
    _call("pellucid_measure", _shape(x), x, mean, var)
    return mean, var


def apply(x: Tensor, scale: Tensor, shift: Tensor, slope: float) -> Tensor:
    """`leaky_relu(scale · x + shift)`; scale and shift (N, C) or (1, C)."""
    result = _like(x)
    _call("pellucid_apply", _shape(x), x, *_constants(scale, shift), ctypes.c_float(slope), result)
    return result


def sum_gradients(grad: Tensor, x: Tensor, scale: Tensor, shift: Tensor, slope: float) -> tuple[Tensor, Tensor]:
    """Gradients (N, C) of scale and shift."""
    grad_scale, grad_shift = x.new_empty(x.shape[:2]), x.new_empty(x.shape[:2])
    arguments = (*_constants(scale, shift), ctypes.c_float(slope), grad_scale, grad_shift)
    _call("pellucid_sum_gradients", _shape(x), x, _dense(grad), *arguments)
    return grad_scale, grad_shift


def gradient(
    grad: Tensor, x: Tensor, scale: Tensor, shift: Tensor, slope: float, through_moments: tuple[Tensor, Tensor]
) -> Tensor:
    """Gradient of x: `scale · t + offset + slant · x` with t the gradient behind the leaky ReLU.

    `through_moments` are offset and slant, (N, C) each.
    """
    result = _like(x)
    offset, slant = (given.contiguous() for given in through_moments)
    arguments = (*_constants(scale, shift), ctypes.c_float(slope), offset, slant, result)
    _call("pellucid_gradient", _shape(x), x, _dense(grad), *arguments)
    return result


def _shape(x: Tensor) -> _Shape:
    images, channels, height, width = x.shape
    return _Shape(images, height, width, channels, x.stride(0), x.stride(2))


def _like(x: Tensor) -> Tensor:
    return torch.empty(x.shape, memory_format=torch.channels_last)


def _dense(grad: Tensor) -> Tensor:
    return grad.contiguous(memory_format=torch.channels_last)


def _constants(scale: Tensor, shift: Tensor) -> tuple[Tensor, Tensor, ctypes.c_long]:
    rows = max(len(scale), len(shift))
    return scale.expand(rows, -1).contiguous(), shift.expand(rows, -1).contiguous(), ctypes.c_long(rows > 1)


def _call(name: str, shape: _Shape, *arguments: Tensor | ctypes._SimpleCData[int] | ctypes._SimpleCData[float]) -> None:
    pointers = [ctypes.c_void_p(a.data_ptr()) if isinstance(a, Tensor) else a for a in arguments]
    if getattr(_LIBRARY, name)(shape, *pointers):
        raise MemoryError(f"out of memory in a sum over maps of {shape.height}×{shape.width} pixels")

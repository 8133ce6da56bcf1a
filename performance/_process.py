"""Memory, measured in a new process, so that earlier measurements do not affect it."""

from __future__ import annotations

import resource
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import ParamSpec, TypeVar

import torch
from _common import wait

P = ParamSpec("P")
T = TypeVar("T")

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def alone(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function of a module in a new process; return its result."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *args, **kwargs).result()


def peak_of(run: Callable[[], object], device: str = "cpu") -> float:
    """Peak memory of a call in MiB, beyond what the process had before.

    On the CPU this is resident memory as the system counts it, whatever it is used for: tensors, scratch space
    of kernels, memory that the C library keeps. On a GPU it is what torch's allocator has handed out.
    """
    if torch.device(device).type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        run()
        return float(torch.cuda.max_memory_allocated(device) - before) / 2**20
    before = resident()
    run()
    wait()
    return (peak() - before) / 2**20


def resident() -> int:
    """Resident bytes now; the peak is reset if the system allows it."""
    if not STATUS.exists():
        return peak()
    with suppress(OSError):  # not allowed in every container; what was loaded before the call is far below its peak
        RESET.write_text("5", encoding="ascii")
    return _kibibytes("VmRSS") * 1024


def peak() -> int:
    """Peak of resident bytes.

    Not `ru_maxrss` on Linux, where a new process inherits it from the process that started it.
    """
    if STATUS.exists():
        return _kibibytes("VmHWM") * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


def _kibibytes(field: str) -> int:
    line = next(line for line in STATUS.read_text(encoding="ascii").splitlines() if line.startswith(field))
    return int(line.split()[1])

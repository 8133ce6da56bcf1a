"""Fair timing on a busy machine, and what the machine can do at best.

Results are shown, written and compared by `_results.py`.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from _results import parser, publish, show

__all__ = ["Machine", "copying", "matrix_product", "medians", "medians_and_machine", "parser", "publish", "show"]

Program = Callable[[], object]

SIDES = {"cpu": (512, 1024, 2048), "cuda": (2048, 4096, 8192)}
"""Sides of the matrices in the matrix products, for each kind of device."""


def medians(programs: Mapping[str, Program], seconds: float) -> dict[str, float]:
    """Median seconds of each program, after one run to warm up.

    The programs take turns, so that other work on the machine slows all of them alike: their ratios are reliable even
    if the seconds are not.

    Args:
        programs: what to time, by name.
        seconds: approximate time for all of them together; each runs at least three times.
    """
    for run in programs.values():
        run()
    wait()
    times: dict[str, list[float]] = {name: [] for name in programs}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(min(times.values(), key=len)) < 3:
        for name, run in programs.items():
            start = time.perf_counter()
            run()
            wait()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(measured) for name, measured in times.items()}


def wait() -> None:
    """Wait until a GPU, if one is in use, has finished its work."""
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()


class Machine(NamedTuple):
    """The best rates of the machine during a measurement.

    Attributes:
        operations: floating-point operations a second, of the float32 matrix product that was fastest of three sizes.
        bytes: read and written a second, of a copy far larger than any cache.
    """

    operations: float
    bytes: float


def medians_and_machine(
    programs: Mapping[str, Program], seconds: float, device: str = "cpu"
) -> tuple[dict[str, float], Machine]:
    """Median seconds of each program, and the machine's best, measured in turns with them.

    Which size of matrix is multiplied fastest depends on caches and threads: the best median is the machine's rate.
    """
    products = {f"product of {side}": matrix_product(side, device) for side in SIDES[torch.device(device).type]}
    yardsticks = products | {"copy": copying(device)}
    times = medians({**programs, **{name: run for name, (run, _) in yardsticks.items()}}, seconds)
    rates = {name: amount / times[name] for name, (_, amount) in yardsticks.items()}
    return {name: times[name] for name in programs}, Machine(max(rates[name] for name in products), rates["copy"])


def matrix_product(side: int = 1024, device: str = "cpu") -> tuple[Program, float]:
    """A float32 matrix product, the fastest arithmetic of a machine, and its number of operations."""
    generator = torch.Generator().manual_seed(0)
    a, b, c = (torch.randn(side, side, generator=generator).to(device) for _ in range(3))
    return lambda: torch.mm(a, b, out=c), 2.0 * side**3


def copying(device: str = "cpu", size: int = 1 << 28) -> tuple[Program, float]:
    """A copy in memory, and the number of bytes that it reads and writes."""
    source, target = (torch.ones(size // 4, device=device) for _ in range(2))
    return lambda: target.copy_(source), 2.0 * size

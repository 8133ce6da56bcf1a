"""What the benchmarks share: fair timing on a machine that is not quiet, and the way results are printed."""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch


def medians(programs: Mapping[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """Median seconds of each program, each run once to warm up.

    The programs take turns, so that whatever else the machine does slows all of them alike: their ratios
    can be trusted where the seconds cannot.

    Args:
        programs: what to time, by name.
        seconds: time for all of them together, about; each runs three times at least.
    """
    for run in programs.values():
        run()
    times: dict[str, list[float]] = {name: [] for name in programs}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(min(times.values(), key=len)) < 3:
        for name, run in programs.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(measured) for name, measured in times.items()}


def matrix_product(side: int = 1024) -> tuple[Callable[[], object], float]:
    """A float32 matrix product, the fastest arithmetic of a machine, and its number of operations."""
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(side, side, generator=generator) for _ in range(2))
    return lambda: a @ b, 2.0 * side**3


def show(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows as a table, and then all in one line of JSON with the machine they were measured on."""
    cells = [list(rows[0])] + [[_text(value) for value in row.values()] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    print(title)
    for line in cells:
        first, *others = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join([first.strip().ljust(widths[0]), *others]))
    machine = {"cpu": platform.processor() or platform.machine(), "threads": torch.get_num_threads()}
    print(json.dumps({"title": title, "rows": list(rows), "torch": torch.__version__, **machine}))


def _text(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)

"""Processes, threads, time limit and share of the runs of one call of a benchmark."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch

from pellucid.benchmark.run_spec import RunSpec
from pellucid.device import choose_device
from pellucid.errors import InputError

MOST_PROCESSES = 4
"""On a CPU, unless more are asked for."""


@dataclass(frozen=True)
class Resources:
    """What one call of a benchmark may use.

    Attributes:
        processes: processes at once.
        threads: threads of each process.
        shard: (number from 1, count): only this share of the runs.
        seconds: time limit; runs that are left are for the next call. None: no limit.
        gpus: number of GPUs, which the processes share evenly.
    """

    processes: int = 1
    threads: int = 1
    shard: tuple[int, int] | None = None
    seconds: float | None = None
    gpus: int = 0

    @classmethod
    def of_machine(
        cls, processes: int | None, shard: tuple[int, int] | None, seconds: float | None, device: str = "auto"
    ) -> Self:
        """What this machine allows: by default one process a GPU, or one a core up to four, which share the cores.

        Raises:
            InputError: no processes, or a device that is not available.
        """
        if processes is not None and processes < 1:
            raise InputError(f"--processes {processes}: give at least one process")
        chosen = choose_device(device).torch
        gpus = torch.cuda.device_count() if device == "auto" and chosen.type == "cuda" else 0
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        processes = processes or gpus or (min(cores, MOST_PROCESSES) if chosen.type == "cpu" else 1)
        threads = os.environ.get("OMP_NUM_THREADS", "")
        return cls(processes, int(threads) if threads.isdigit() else max(1, cores // processes), shard, seconds, gpus)

    def share(self, specs: Sequence[RunSpec]) -> list[RunSpec]:
        """The runs of this shard."""
        return list(specs[self.shard[0] - 1 :: self.shard[1]] if self.shard else specs)

"""How many processes work on a benchmark, for how long, and on which share of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch

from pellucid.benchmark.task import Task
from pellucid.device import choose_device
from pellucid.errors import InputError

MOST_JOBS = 4


@dataclass(frozen=True)
class Effort:
    """How the work is done.

    Attributes:
        jobs: processes at once.
        threads: of each.
        shard: (number from 1, count): only this share of the units.
        seconds: after so long the rest is left for the next call; None: all is done.
        gpus: how many there are; processes share them evenly.
    """

    jobs: int = 1
    threads: int = 1
    shard: tuple[int, int] | None = None
    seconds: float | None = None
    gpus: int = 0

    @classmethod
    def of_machine(
        cls, jobs: int | None, shard: tuple[int, int] | None, seconds: float | None, device: str = "auto"
    ) -> Self:
        """What this machine can do: one process a GPU, or one a core up to four; the cores shared among them.

        Raises:
            InputError: no processes at all, or a device that is not there.
        """
        if jobs is not None and jobs < 1:
            raise InputError(f"--jobs {jobs}: give at least one process")
        chosen = choose_device(device).torch
        gpus = torch.cuda.device_count() if device == "auto" and chosen.type == "cuda" else 0
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        jobs = jobs or gpus or (min(cores, MOST_JOBS) if chosen.type == "cpu" else 1)
        threads = os.environ.get("OMP_NUM_THREADS", "")
        return cls(jobs, int(threads) if threads.isdigit() else max(1, cores // jobs), shard, seconds, gpus)

    def share(self, tasks: Sequence[Task]) -> list[Task]:
        """The tasks of this shard."""
        return list(tasks[self.shard[0] - 1 :: self.shard[1]] if self.shard else tasks)

"""Clusters: worker processes on this machine, or those of a Dask scheduler that is running somewhere."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from pellucid.blockwise.plan import DenoiserSpec, Opener
from pellucid.blockwise.serial import Executor
from pellucid.errors import InputError

if TYPE_CHECKING:
    from distributed import SpecCluster

PATIENCE = 300.0
"""Seconds in which a lost scheduler must come back."""
_FIRST_PATIENCE = 10.0
"""Seconds in which a scheduler must answer at first."""


@dataclass(frozen=True)
class Cluster:
    """Where a run is done, if not in this process alone.

    Args:
        where: "local:4", four processes on this machine, or "tcp://host:port", a running scheduler.
        opener: opens the denoiser in each of them.

    Raises:
        InputError: `where` is neither, or Dask is not installed.
    """

    where: str
    opener: Opener

    def __post_init__(self) -> None:
        kind, _, rest = self.where.partition(":")
        if not (kind == "local" and rest.isdecimal() and int(rest)) and kind not in ("tcp", "tls"):
            raise InputError(f"cluster {self.where!r}: give local:N, N processes here, or tcp://HOST:PORT, a scheduler")
        try:
            import cryptography  # noqa: F401
            import distributed  # noqa: F401
        except ImportError:
            raise InputError("a cluster needs the extra package: pip install 'pellucid[cluster]'") from None

    @property
    def processes(self) -> int | None:
        """The number of processes on this machine; None for those of a scheduler."""
        kind, _, rest = self.where.partition(":")
        return int(rest) if kind == "local" else None

    def sharing(self, spec: DenoiserSpec) -> DenoiserSpec:
        """The denoiser of each process: those on this machine share the memory, those of a scheduler have it each."""
        return replace(spec, memory=spec.memory // (self.processes or 1))

    @contextmanager
    def runner(self, folder: Path, spec: DenoiserSpec, retries: int) -> Iterator[Executor]:
        """The executor of the tasks of a run, for the length of the block.

        Args:
            folder: of the run.
            spec: the denoiser that the opener must give, with the memory of each process.
            retries: how often a failing task is tried again.

        Raises:
            InputError: there is no scheduler at the address.
        """
        from distributed import Client
        from distributed.utils import silence_logging_cmgr

        from pellucid.blockwise.dask_executor import DaskExecutor
        from pellucid.blockwise.dask_worker import BlockPlugin

        threads = max(1, torch.get_num_threads() // self.processes) if self.processes else None
        plugin = BlockPlugin(folder, self.opener, spec, threads)
        with ExitStack() as stack:
            stack.enter_context(silence_logging_cmgr(logging.CRITICAL))  # the executor says what matters
            scheduler = stack.enter_context(_local(self.processes)) if self.processes else self.where
            try:
                Client(scheduler, timeout=_FIRST_PATIENCE, set_as_default=False).close()
            except (OSError, TimeoutError, ValueError) as problem:
                raise InputError(
                    f"{self.where}: no scheduler answers there ({problem}); start `dask scheduler`"
                ) from None
            client = stack.enter_context(Client(scheduler, timeout=PATIENCE, set_as_default=False))
            executor = DaskExecutor(client, plugin, retries)
            stack.callback(executor.close)
            yield executor


@contextmanager
def _local(processes: int) -> Iterator[SpecCluster]:
    """Private workers on this machine, stopped at the end of the `with` block."""
    import dask
    from distributed import Nanny, SpecCluster
    from distributed.security import Security

    from pellucid.blockwise import dask_worker
    from pellucid.blockwise.dask_without_http import SchedulerWithoutHttp, WorkerWithoutHttp

    security = Security.temporary()
    here = {"host": "127.0.0.1", "protocol": "tls://", "security": security, "dashboard": False}
    settings = {"distributed.worker.profile.enabled": False}  # it takes memory for an hour
    with tempfile.TemporaryDirectory(prefix="pellucid-") as scratch, dask.config.set(settings):
        alike = {
            **here,
            "worker_class": WorkerWithoutHttp,
            "nthreads": 1,
            "memory_limit": 0,  # they keep to the memory of the run
            "preload": dask_worker.__name__,
            "local_directory": scratch,
            "silence_logs": logging.CRITICAL,
        }
        workers = {
            number: {"cls": Nanny, "options": {**alike, "env": _environment(number, torch.cuda.device_count())}}
            for number in range(processes)
        }
        scheduler = {"cls": SchedulerWithoutHttp, "options": here}
        with SpecCluster(workers, scheduler, security=security, silence_logs=logging.CRITICAL) as cluster:
            yield cluster


def _environment(number: int, gpus: int) -> dict[str, str]:
    """With several GPUs each worker sees one of them."""
    if gpus < 2:
        return {}
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(gpus)))).split(",")
    return {"CUDA_VISIBLE_DEVICES": visible[number % gpus]}

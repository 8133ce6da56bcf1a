"""Clusters: worker processes on this machine, or those of a Dask scheduler that runs somewhere."""

from __future__ import annotations

import logging
import os
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from pellucid.blockwise import dask_worker
from pellucid.blockwise.dask_executor import Dispatcher
from pellucid.blockwise.dask_worker import Assignment
from pellucid.blockwise.lock import Claims
from pellucid.blockwise.plan import DenoiserSpec, Opener
from pellucid.blockwise.serial import Executor
from pellucid.errors import InputError, RunError
from pellucid.report import terminal

if TYPE_CHECKING:
    from distributed import Client
    from distributed.security import Security

PATIENCE = 300.0
"""Seconds in which a scheduler that was lost must come back."""
_FIRST_PATIENCE = 10.0
"""Seconds in which a scheduler must answer at first."""
_LOGGERS = ("distributed", "tornado.application", "asyncio")


@dataclass(frozen=True)
class Cluster:
    """Where a job is done, if not in this process alone.

    Args:
        where: "local:4", so many processes on this machine, or "tcp://host:port", a scheduler that runs.
        opener: gives what denoises to each of them.

    Raises:
        InputError: this is neither, or Dask is not installed.
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
        """How many processes there are to be on this machine; None if they are a scheduler's."""
        kind, _, rest = self.where.partition(":")
        return int(rest) if kind == "local" else None

    def sharing(self, cleaner: DenoiserSpec) -> DenoiserSpec:
        """What each process denoises with: this machine's share the memory, a scheduler's have so much each."""
        return replace(cleaner, memory=cleaner.memory // (self.processes or 1))

    @contextmanager
    def runner(self, folder: Path, cleaner: DenoiserSpec, retries: int) -> Iterator[Executor]:
        """Who does the tasks of a job, for the length of the block.

        Args:
            folder: of the job.
            cleaner: what the workers' openers must give, with the memory of each.
            retries: how often a failing task is tried again.

        Raises:
            InputError: there is no scheduler at the address.
        """
        if not Claims(folder / "claims").work:
            terminal.warn(f"{folder}: its file system has no locks: let no other process work on the same job")
        assignment = Assignment(
            folder=folder.absolute(),
            start=Path.cwd(),
            opener=self.opener,
            digest=cleaner.digest,
            memory=cleaner.memory,
            threads=max(1, torch.get_num_threads() // self.processes) if self.processes else None,
            retries=retries,
            number=uuid.uuid4().hex,
        )
        with ExitStack() as stack:
            stack.enter_context(_quiet())
            address, security = stack.enter_context(_local(self.processes)) if self.processes else (self.where, None)
            yield Dispatcher(stack.enter_context(_Connection(address, security)), assignment)


class _Connection:
    """A client of a scheduler, used in a `with` block; without `security`, Dask's configuration decides."""

    def __init__(self, address: str, security: Security | None = None) -> None:
        self._address = address
        self._security = security
        try:
            self.client = self._connected(_FIRST_PATIENCE)
        except (OSError, TimeoutError, ValueError) as problem:
            raise InputError(f"{address}: no scheduler answers there ({problem}); start `dask scheduler`") from None

    def __enter__(self) -> _Connection:
        return self

    def __exit__(self, *error: object) -> None:
        self.client.close()

    def renew(self) -> None:
        """Connect anew, as soon as the scheduler is back.

        Raises:
            RunError: it does not come back.
        """
        terminal.warn(f"{self._address}: the scheduler is gone; waiting for it for {PATIENCE:.0f} s")
        self.client.close()
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                self.client = self._connected(1.0)
            except (OSError, TimeoutError):
                time.sleep(0.5)
            else:
                terminal.say(f"{self._address}: the scheduler is back")
                return
        raise RunError(
            f"{self._address}: the scheduler has not come back; start one, and the same command goes on with the job"
        )

    def _connected(self, patience: float) -> Client:
        from distributed import Client

        return Client(self._address, timeout=patience, set_as_default=False, security=self._security)


@contextmanager
def _local(processes: int) -> Iterator[tuple[str, Security]]:
    """Private workers on this machine, stopped at the end of the `with` block.

    Yields the scheduler's address and the credentials that a client needs.
    """
    import dask
    from distributed import Nanny, SpecCluster

    from pellucid.blockwise.security import SchedulerWithoutHttp, WorkerWithoutHttp, temporary_security

    gpus = torch.cuda.device_count()
    security = temporary_security()
    here = {"host": "127.0.0.1", "protocol": "tls://", "security": security, "dashboard": False}
    settings = {"distributed.worker.profile.enabled": False, "distributed.scheduler.allowed-failures": 2}
    with tempfile.TemporaryDirectory(prefix="pellucid-") as scratch, dask.config.set(settings):
        alike = {
            **here,
            "worker_class": WorkerWithoutHttp,
            "nthreads": 1,
            "memory_limit": 0,  # they keep to what the job allows
            "preload": dask_worker.__name__,
            "local_directory": scratch,
            "silence_logs": logging.CRITICAL,
        }
        workers = {
            number: {"cls": Nanny, "options": {**alike, "env": _environment(number, gpus)}}
            for number in range(processes)
        }
        scheduler = {"cls": SchedulerWithoutHttp, "options": here}
        with SpecCluster(workers, scheduler, security=security, silence_logs=logging.CRITICAL) as cluster:
            yield cluster.scheduler_address, security


def _environment(number: int, gpus: int) -> dict[str, str]:
    """With several GPUs each worker sees one of them."""
    if gpus < 2:
        return {}
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(gpus)))).split(",")
    return {"CUDA_VISIBLE_DEVICES": visible[number % gpus]}


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing is printed by Dask's loggers: what a person needs to know, is said by those who need it."""
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] == "distributed"]
    loggers = [logging.getLogger(name) for name in {*_LOGGERS, *names}]
    before = [(logger, logger.level) for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in before:
            logger.setLevel(level)

"""What runs in the processes of a cluster: the tasks of a run, one at a time, with a model that each process opens."""

from __future__ import annotations

import signal
import socket
import threading
import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, cast

import torch
from distributed import Worker, WorkerPlugin, get_worker

from pellucid.allocator import keep_freed_memory
from pellucid.blockwise.ledger import Outcome, Task
from pellucid.blockwise.lock import fencing_token, refuse_fenced
from pellucid.blockwise.plan import PLAN, BlockwisePlan, DenoiserSpec, Opener
from pellucid.blockwise.serial import LASTING
from pellucid.blockwise.worker import BlockWorker
from pellucid.errors import PellucidError, RunError
from pellucid.version import __version__

_SAME = "all machines need the same files under the same paths"


class UnfitError(PellucidError):
    """A process that can do no task of the run: it lacks the files, or has another model or version."""


class Report(NamedTuple):
    """The result of a task.

    Attributes:
        outcome: of the task, or an error that trying again cannot fix.
        seconds: taken by the task.
        address: of the process, as Dask names it.
    """

    outcome: Outcome | PellucidError
    seconds: float
    address: str


class BlockPlugin(WorkerPlugin):
    """A run in a process of the cluster. Dask sends it to each, and drops it with its model when the run ends.

    Args:
        folder: of the run.
        opener: opens the denoiser.
        spec: the denoiser that the opener must give, with the memory of each process.
        threads: of the CPU, for each process; those of Dask's worker if None.
    """

    idempotent = True

    def __init__(self, folder: Path, opener: Opener, spec: DenoiserSpec, threads: int | None) -> None:
        self.name = f"pellucid-{uuid.uuid4().hex}"
        self._folder = folder.absolute()
        self._start = Path.cwd()
        self._token = fencing_token(folder)
        self._opener = opener
        self._fingerprint = spec.fingerprint
        self._memory = spec.memory
        self._threads = threads
        self._version = __version__

    def setup(self, worker: Worker) -> None:
        """Called by Dask in each process; the model is opened by the first task."""
        self._process = worker
        self._one_at_a_time = threading.Lock()
        self._worker: BlockWorker | None = None

    def do(self, task: Task) -> Report:
        """Do a task."""
        with self._one_at_a_time:  # a process may have several threads: they are for the networks
            begin = time.monotonic()
            torch.set_num_threads(self._threads or self._process.state.nthreads)
            try:
                self._worker = self._worker or self._open()
                outcome: Outcome | PellucidError = self._worker.do(task)
            except (RunError, UnfitError, *LASTING) as problem:
                outcome = problem
            return Report(outcome, time.monotonic() - begin, self._process.address)

    def _open(self) -> BlockWorker:
        if self._version != __version__:
            raise _unfit(f"has Pellucid {__version__}, not {self._version}: install the same on all machines")
        try:
            refuse_fenced(self._folder, self._token)
            plan = BlockwisePlan.model_validate_json((self._folder / PLAN).read_text(encoding="utf-8"))
        except (OSError, ValueError, RunError) as problem:
            raise _unfit(f"does not see {self._folder} ({problem}): {_SAME}") from None
        try:
            spec = replace(self._opener(), memory=self._memory)
            worker = BlockWorker.opened(self._folder, _from_root(plan, self._start), spec)
        except Exception as problem:
            raise _unfit(f"cannot begin ({problem}): {_SAME}") from None
        if spec.fingerprint != self._fingerprint:
            raise _unfit("has another model under the same path: copy the run's folder again")
        return worker


def do_task(run: str, task: Task) -> Report:
    """Do a task of the run whose plugin has this name."""
    plugin = cast("BlockPlugin", get_worker().plugins[run])
    return plugin.do(task)


def dask_setup(worker: object) -> None:
    """Called by Dask first in a worker of this machine: Ctrl-C is for the leading process, which ends the others."""
    del worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_freed_memory()


def _from_root(plan: BlockwisePlan, start: Path) -> BlockwisePlan:
    """The plan with absolute paths."""
    volumes = [
        volume.model_copy(
            update={
                "source": str(start / volume.source),
                "results": {name: str(start / path) for name, path in volume.results.items()},
            }
        )
        for volume in plan.volumes
    ]
    return plan.model_copy(update={"volumes": volumes})


def _unfit(why: str) -> UnfitError:
    return UnfitError(f"the worker on {socket.gethostname()} {' '.join(why.split())}")

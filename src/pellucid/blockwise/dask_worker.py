"""What runs in the processes of a cluster: a worker of the job, made once in each, that does one task at a time."""

from __future__ import annotations

import pickle
import signal
import socket
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch

from pellucid.allocator import keep_freed_memory
from pellucid.blockwise.ledger import Outcome, Task
from pellucid.blockwise.plan import PLAN, BlockwisePlan, Opener
from pellucid.blockwise.serial import persistently
from pellucid.blockwise.worker import BlockWorker
from pellucid.errors import PellucidError
from pellucid.version import __version__

_SAME = "all machines need the same files under the same paths"
_KEPT = 2
"""Jobs whose workers a process keeps: their models take memory."""


@dataclass(frozen=True)
class Assignment:
    """All that a process must be told of a job; the rest stands in the job's folder.

    Attributes:
        folder: of the job, from the root on.
        start: the folder that relative paths in the plan begin at.
        opener: gives what denoises.
        digest: of what denoises, so that all have the same.
        memory: bytes that each process may use.
        threads: of the CPU that each process uses; those of the cluster's worker if None.
        retries: how often a failing task is tried again.
        number: tells this call of the job from all others.
        version: of Pellucid, which all must have.
    """

    folder: Path
    start: Path
    opener: Opener
    digest: str
    memory: int
    threads: int | None
    retries: int
    number: str
    version: str = __version__


class Report(NamedTuple):
    """What has come of a task.

    Attributes:
        outcome: what there is to say of it, or why it could not be done.
        seconds: that it took.
        address: of the process, as the cluster calls it.
    """

    outcome: Outcome | Exception
    seconds: float
    address: str


class UnfitError(PellucidError):
    """A process that can do no task of the job: it lacks the files, or the right model."""


_workers: dict[str, BlockWorker] = {}
_one_at_a_time = threading.Lock()


def dask_setup(worker: object) -> None:
    """What Dask does first in a worker that we start: Ctrl-C is for the process that leads, which ends the others."""
    del worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_freed_memory()


def do(assignment: Assignment, task: Task) -> Report:
    """Do a task in a worker process of the cluster; an exception is reported, not raised."""
    from distributed import get_worker

    here = get_worker()
    with _one_at_a_time:  # a process may be given several threads: they are for the networks
        begin = time.monotonic()
        torch.set_num_threads(assignment.threads or here.state.nthreads)
        try:
            outcome: Outcome | Exception = persistently(_worker(assignment), task, assignment.retries)
        except PellucidError as problem:
            outcome = problem
        return Report(_sendable(outcome), time.monotonic() - begin, here.address)


def _worker(assignment: Assignment) -> BlockWorker:
    """The worker of this process, made at its first task of the job."""
    if assignment.number not in _workers:
        while len(_workers) >= _KEPT:
            _workers.pop(next(iter(_workers))).close()
        _workers[assignment.number] = _made(assignment)
    return _workers[assignment.number]


def _made(assignment: Assignment) -> BlockWorker:
    if assignment.version != __version__:
        raise _unfit(f"has Pellucid {__version__}, not {assignment.version}: install the same on all machines")
    try:
        plan = BlockwisePlan.model_validate_json((assignment.folder / PLAN).read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise _unfit(f"does not see {assignment.folder} ({problem}): {_SAME}") from None
    try:
        cleaner = assignment.opener()
        worker = BlockWorker.opened(
            assignment.folder, _from_root(plan, assignment.start), replace(cleaner, memory=assignment.memory)
        )
    except Exception as problem:
        raise _unfit(f"cannot begin ({problem}): {_SAME}") from None
    if cleaner.digest != assignment.digest:
        raise _unfit("has another model under the same path: copy the run's folder again")
    return worker


def _from_root(plan: BlockwisePlan, start: Path) -> BlockwisePlan:
    """The plan with paths that hold in any folder."""
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


def _sendable(outcome: Outcome | Exception) -> Outcome | Exception:
    """The same, or what it says: not every library's exceptions can be sent."""
    try:
        pickle.loads(pickle.dumps(outcome))
    except Exception:
        return RuntimeError(f"{type(outcome).__name__}: {outcome}")
    return outcome

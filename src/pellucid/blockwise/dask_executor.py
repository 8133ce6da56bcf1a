"""The leading process of a run on a cluster: it keeps the workers busy, and outlives the end of any of them.

Dask does what it can: tries a failing task again, gives the tasks of a lost worker to others, gives up a task that
kills its workers, restarts a worker without a heartbeat, and connects again to a scheduler that is back. A few tasks
for each worker are under way at a time, so a run of a million blocks takes no more memory than one of a hundred.
"""

from __future__ import annotations

import time
from collections.abc import Container, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TypeAlias

from dask.typing import Key
from distributed import Client, Future, KilledWorker, Scheduler

from pellucid.blockwise.dask_worker import BlockPlugin, Report, UnfitError, do_task
from pellucid.blockwise.ledger import Task
from pellucid.blockwise.serial import Finished
from pellucid.errors import RunError
from pellucid.report import terminal

AHEAD = 3
"""Tasks under way for each worker: one at work, the others at hand."""
TICK = 1.0
"""Seconds between looks at the workers."""
LONGEST = 300.0
"""Seconds after which a task is taken for hung ..."""
SLOWER = 20
"""... but at least so many times those of the slowest task so far."""
_PATIENCE = 30.0
"""Seconds to fetch the report of a finished task, or to restart a worker."""

Running: TypeAlias = "Mapping[str, Mapping[Key, float]]"
"""Seconds for which tasks have been running, by the address of the worker and the key of the task."""


class DaskExecutor:
    """A `Executor` whose tasks are done by the workers of a cluster.

    Args:
        client: of the cluster's scheduler.
        plugin: what the workers need for the run.
        retries: how often a failing task is tried again.
    """

    def __init__(self, client: Client, plugin: BlockPlugin, retries: int) -> None:
        self._client = client
        self._plugin = plugin
        self._retries = retries
        self._under_way: dict[Key, Task] = {}
        self._ended: SimpleQueue[Future[Report]] = SimpleQueue()
        self._workers = -1
        self._next_look = 0.0
        self._slowest: float | None = None
        self._proven = False

    def run(self, tasks: Iterable[Task]) -> Iterator[Finished]:
        """See `Executor.run`; a task that kills its workers is given up."""
        self._slowest = None  # tasks of another stage say nothing of how long these take
        suspects = []
        for task, outcome in self._all(iter(tasks)):
            if isinstance(outcome, KilledWorker):
                suspects.append(task)
            else:
                yield task, outcome
        for suspect in suspects:  # again, each alone: another task on the same worker may have killed it
            for task, outcome in self._all(iter([suspect])):
                killed = isinstance(outcome, KilledWorker)
                yield task, RunError("its workers died again and again; out of memory?") if killed else outcome

    def close(self) -> None:
        """Have the workers drop the model."""
        if self._client.status == "running":
            with suppress(OSError, ValueError):
                self._client.unregister_worker_plugin(self._plugin.name)

    def _all(self, tasks: Iterator[Task]) -> Iterator[Finished]:
        self._prepare()
        while True:
            self._look_after_workers()
            while len(self._under_way) < AHEAD * max(1, self._workers) and (task := next(tasks, None)):
                self._submit(task)
            if not self._under_way:
                return
            with suppress(Empty):
                future = self._ended.get(timeout=TICK)
                if future.key in self._under_way:
                    yield from self._received(future)

    def _submit(self, task: Task) -> None:
        future = self._client.submit(do_task, self._plugin.name, task, pure=False, retries=self._retries)
        self._under_way[future.key] = task
        self._await(future)

    def _await(self, future: Future[Report]) -> None:
        future.add_done_callback(self._ended.put)

    def _received(self, future: Future[Report]) -> Iterator[Finished]:
        if future.status == "cancelled":
            self._recover()
            return
        if future.status == "error":
            yield self._under_way.pop(future.key), future.exception()
            return
        try:
            report = future.result(timeout=_PATIENCE)
        except (OSError, TimeoutError, CancelledError):  # lost with its worker or the scheduler: Dask makes it anew
            self._await(future)
            return
        task = self._under_way.pop(future.key)
        if isinstance(report.outcome, RunError):
            raise report.outcome
        if isinstance(report.outcome, UnfitError):
            self._send_away(report)
            self._submit(task)
            return
        self._slowest, self._proven = max(self._slowest or 0.0, report.seconds), True
        yield task, report.outcome

    def _send_away(self, report: Report) -> None:
        """Retire a worker that can do nothing; before any has done something, all are expected to be like it."""
        if not self._proven:
            raise RunError(str(report.outcome))
        terminal.warn(f"{report.outcome}; the run goes on without it")
        self._client.retire_workers([report.address])

    # the scheduler

    def _prepare(self) -> None:
        """Wait until the scheduler is there, and let it send the plugin to its workers."""
        while self._client.status == "connecting":
            time.sleep(0.1)
        if self._client.status != "running":
            raise RunError("the scheduler has not come back; start one, and the same command resumes the run")
        try:
            self._client.register_plugin(self._plugin)
        except Exception as problem:
            raise RunError(f"the cluster can do no task ({problem}): are all its parts installed alike?") from None

    def _recover(self) -> None:
        """Send again what was under way when the scheduler was lost."""
        terminal.warn("the scheduler is gone; waiting for it")
        self._prepare()
        terminal.say("the scheduler is back")
        tasks = list(self._under_way.values())
        self._under_way.clear()
        for task in tasks:
            self._submit(task)

    # the workers

    def _look_after_workers(self) -> None:
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + TICK
        try:
            running = self._client.run_on_scheduler(seconds_running)
        except OSError:  # the scheduler is gone, which the futures will tell
            return
        if len(running) != self._workers:
            self._workers = len(running)
            terminal.say(f"workers: {self._workers}" if running else "waiting for workers: there is none")
        if hung := hung_workers(running, self._under_way, self._slowest):
            terminal.warn(f"no news from {', '.join(hung)} for long: started anew, and their blocks with them")
            self._client.restart_workers(hung, timeout=_PATIENCE, raise_for_error=False)


def hung_workers(running: Running, keys: Container[Key], slowest: float | None) -> list[str]:
    """Addresses of workers that have been at a task far longer than any other has taken.

    Args:
        running: all tasks that are running.
        keys: of the tasks that count.
        slowest: seconds of the slowest finished task. Before one is finished, no worker is taken for hung: some methods
            take hours for a block.
    """
    if slowest is None:
        return []
    limit = max(LONGEST, SLOWER * slowest)
    return [
        address
        for address, tasks in running.items()
        if any(seconds > limit for key, seconds in tasks.items() if key in keys)
    ]


def seconds_running(dask_scheduler: Scheduler) -> Running:
    """All tasks that are running, as Dask's scheduler knows them."""
    return {
        address: {task.key: seconds for task, seconds in worker.executing.items()}
        for address, worker in dask_scheduler.workers.items()
    }

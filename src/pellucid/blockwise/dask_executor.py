"""The leading process of a job on many: it keeps every worker busy, and outlives the end of any of them.

A few tasks for each worker are under way, and no other is sent before its turn: a job of a million blocks takes no more
memory here, nor in the cluster's scheduler, than one of a hundred.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Protocol

from pellucid.blockwise.dask_worker import Assignment, Report, UnfitError, do
from pellucid.blockwise.ledger import Task
from pellucid.blockwise.lock import BusyError
from pellucid.blockwise.serial import Finished
from pellucid.errors import RunError
from pellucid.report import terminal

if TYPE_CHECKING:
    from distributed import Client, Future

AHEAD = 3
"""Tasks under way for each worker: one at work, the others at hand."""
TICK = 1.0
"""Seconds between looks at the workers, and before a task that is in other hands is tried again."""
LONGEST = 300.0
"""Seconds that nothing may come from a worker at work before it is taken for hung ..."""
SLOWER = 20
"""... but at least so many times those of the slowest task so far."""
_FETCH = 30.0
"""Seconds to fetch the little that a finished task has to say."""


class Link(Protocol):
    """A connection to a cluster."""

    @property
    def client(self) -> Client: ...  # noqa: D102

    def renew(self) -> None:
        """Connect anew.

        Raises:
            RunError: the cluster does not come back.
        """


class Dispatcher:
    """A `Executor` whose tasks are done by the workers of a cluster.

    Args:
        link: to the cluster.
        assignment: what the workers must know.
    """

    def __init__(self, link: Link, assignment: Assignment) -> None:
        self._link = link
        self._assignment = assignment
        self._numbers = count()
        self._under_way: dict[str, tuple[Task, Future[Report]]] = {}
        self._ended: SimpleQueue[str] = SimpleQueue()
        self._later: deque[tuple[float, Task]] = deque()
        self._busy_since: dict[Task, float] = {}
        self._watch = Watch()
        self._workers = -1
        self._looked = 0.0
        self._proven = False

    def run(self, tasks: Iterable[Task]) -> Iterator[Finished]:
        """See `Executor.run`; a task that ends its workers is given up."""
        from distributed import KilledWorker

        self._watch = Watch()
        suspects = []
        for task, outcome in self._all(iter(tasks)):
            if isinstance(outcome, KilledWorker):
                suspects.append(task)
            else:
                yield task, outcome
        for suspect in suspects:  # again, each alone: it may have been a neighbour's fault
            for task, outcome in self._all(iter([suspect])):
                killed = isinstance(outcome, KilledWorker)
                yield task, RunError("its workers died again and again; out of memory?") if killed else outcome

    def _all(self, tasks: Iterator[Task]) -> Iterator[Finished]:
        while True:
            if time.monotonic() > self._looked + TICK:
                self._look()
            self._send(tasks)
            if not self._under_way and not self._later:
                return
            try:
                key = self._ended.get(timeout=TICK)
            except Empty:
                continue
            if key in self._under_way:
                yield from self._received(*self._under_way.pop(key))

    # sending

    def _send(self, tasks: Iterator[Task]) -> None:
        while self._later and self._later[0][0] <= time.monotonic():
            self._submit(self._later.popleft()[1])
        while len(self._under_way) + len(self._later) < AHEAD * max(1, self._workers):
            task = next(tasks, None)
            if task is None:
                return
            self._submit(task)

    def _submit(self, task: Task) -> None:
        key = f"{task.stage}-{self._assignment.number}-{next(self._numbers)}"
        future = self._link.client.submit(do, self._assignment, task, key=key, pure=False)
        self._under_way[key] = task, future
        future.add_done_callback(lambda _: self._ended.put(key))

    # receiving

    def _received(self, task: Task, future: Future[Report]) -> Iterator[Finished]:
        if future.status == "error":
            yield task, _death(future)
            return
        try:
            if future.status != "finished":
                raise ConnectionError
            report = future.result(timeout=_FETCH)
        except (OSError, TimeoutError):  # the scheduler is gone, or the worker with its result
            self._recover(task)
            return
        match report.outcome:
            case RunError():
                raise report.outcome
            case UnfitError():
                self._send_away(report)
                self._submit(task)
            case BusyError() if not self._too_long(task):
                self._later.append((time.monotonic() + TICK, task))
            case _:
                self._proven = True
                self._busy_since.pop(task, None)
                self._watch.slowest = max(self._watch.slowest or 0.0, report.seconds)
                yield task, report.outcome

    def _too_long(self, task: Task) -> bool:
        """Whether a task has been in other hands for so long that whoever holds it must be hung."""
        since = self._busy_since.setdefault(task, time.monotonic())
        return time.monotonic() - since > max(LONGEST, SLOWER * (self._watch.slowest or 0.0))

    def _send_away(self, report: Report) -> None:
        """Let go of a worker that can do nothing; before any has done something, all are expected to be like it."""
        if not self._proven:
            raise RunError(str(report.outcome))
        terminal.warn(f"{report.outcome}; the job goes on without it")
        self._link.client.retire_workers([report.address])

    def _recover(self, *lost: Task) -> None:
        """Send again what was under way when the scheduler, or a result, was lost."""
        tasks = [*lost]
        if self._link.client.status != "running":
            tasks += [task for task, _ in self._under_way.values()]
            self._under_way.clear()
            self._link.renew()
        for task in tasks:
            self._submit(task)

    # looking after the workers

    def _look(self) -> None:
        self._looked = time.monotonic()
        try:
            processing = self._link.client.processing()
        except OSError:
            self._recover()
            return
        if len(processing) != self._workers:
            self._workers = len(processing)
            terminal.say(f"workers: {self._workers}" if processing else "waiting for workers: there is none")
        ours = {address: [key for key in keys if key in self._under_way] for address, keys in processing.items()}
        hung = self._watch.hung(ours, time.monotonic())
        if hung:
            terminal.warn(f"no news from {', '.join(hung)} for long: started anew, and their blocks with them")
            self._link.client.restart_workers(hung, raise_for_error=False)


class Watch:
    """Which workers hang: those at work from which nothing has come for far longer than any task takes.

    Nobody is judged before a first task is done: some methods take hours for one. (A worker that stands still
    altogether is missed by the cluster's scheduler itself.)
    """

    def __init__(self) -> None:
        self.slowest: float | None = None
        """Seconds of the slowest task so far."""
        self._news: dict[str, tuple[frozenset[str], float]] = {}

    def hung(self, tasks: Mapping[str, Iterable[str]], now: float) -> list[str]:
        """Workers that hang.

        Args:
            tasks: that each worker has been given and has not finished.
            now: in seconds.
        """
        news = {}
        for worker, keys in tasks.items():
            given = frozenset(keys)
            known, since = self._news.get(worker, (frozenset(), now))
            if given:
                news[worker] = given, since if known and known <= given else now
        self._news = news
        if self.slowest is None:
            return []
        limit = max(LONGEST, SLOWER * self.slowest)
        return [worker for worker, (_, since) in news.items() if now - since > limit]


def _death(future: Future[Report]) -> Exception:
    """That a task ended its workers; anything else that a task itself has not reported is the cluster's fault."""
    from distributed import KilledWorker

    problem = future.exception()
    if isinstance(problem, KilledWorker):
        return problem
    raise RunError(f"the cluster can do no task ({problem}): are all its parts installed alike?")

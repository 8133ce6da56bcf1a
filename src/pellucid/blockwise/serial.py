"""The serial executor: while a block is computed in this process, the next is read and the one before is written."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeAlias

from pellucid.blockwise.ledger import Outcome, Task
from pellucid.blockwise.worker import BlockWorker
from pellucid.errors import ModelError, RunError
from pellucid.io.manifest import ChangedError

Finished: TypeAlias = "tuple[Task, Outcome | Exception]"
"""A task with its outcome, or with the error because of which it was given up."""

LASTING = (ChangedError, ModelError)
"""Errors that a retry cannot fix."""
_PAUSE = 0.5
"""Seconds before a failed task is tried again; longer each time."""


class Executor(Protocol):
    """Does the tasks of a run."""

    def run(self, tasks: Iterable[Task]) -> Iterator[Finished]:
        """Do tasks in any order, and yield each when it is done or given up.

        Raises:
            RunError: no task can be done any more, for instance because the disk is full.
        """


class SerialExecutor:
    """Reads, computes and writes in a thread each; at most three blocks are in memory.

    Args:
        worker: of the run.
        retries: number of further attempts at a failing task.
    """

    def __init__(self, worker: BlockWorker, retries: int) -> None:
        self._worker = worker
        self._retries = retries

    def run(self, tasks: Iterable[Task]) -> Iterator[Finished]:
        """See `Executor.run`; in order, except for those that are tried again."""
        writing: deque[tuple[Task, Future[Outcome]]] = deque()
        with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
            for task, reading in _ahead(reader, self._worker.read, tasks):
                try:
                    result = self._worker.compute(task, reading.result())
                except Exception as problem:
                    yield task, self._again(task, problem)
                    continue
                writing.append((task, writer.submit(self._worker.write, task, result)))
                del result
                if len(writing) > 1:
                    yield self._written(*writing.popleft())
            while writing:
                yield self._written(*writing.popleft())

    def _written(self, task: Task, written: Future[Outcome]) -> Finished:
        try:
            return task, written.result()
        except Exception as problem:
            return task, self._again(task, problem)

    def _again(self, task: Task, problem: Exception) -> Outcome | Exception:
        return persistently(self._worker, task, self._retries, problem)


def persistently(
    worker: BlockWorker, task: Task, retries: int, problem: Exception | None = None
) -> Outcome | Exception:
    """Do a task, and again if it fails; return its outcome or its last error.

    Args:
        worker: of the run.
        task: to do.
        retries: number of further attempts if it fails.
        problem: the error of a first attempt that was made elsewhere.

    Raises:
        RunError: no task can be done any more.
    """
    tries = 0 if problem is None else 1
    while True:
        if isinstance(problem, RunError):
            raise problem
        if problem is not None and (tries > retries or isinstance(problem, LASTING)):
            return problem
        time.sleep(_PAUSE * max(0, tries - 1))
        try:
            return worker.do(task)
        except Exception as again:
            problem = again
        tries += 1


def _ahead(
    pool: ThreadPoolExecutor, read: Callable[[Task], Any], tasks: Iterable[Task]
) -> Iterator[tuple[Task, Future[Any]]]:
    """Tasks with what is read for them, one task ahead."""
    waiting: deque[tuple[Task, Future[Any]]] = deque()
    for task in tasks:
        waiting.append((task, pool.submit(read, task)))
        if len(waiting) > 1:
            yield waiting.popleft()
    while waiting:
        yield waiting.popleft()

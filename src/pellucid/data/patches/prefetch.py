"""Prefetching: batches are drawn in threads during earlier steps, because reading from a disk is mostly waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Batch = TypeVar("Batch")

STEPS = 4
"""Batches that are drawn at once; a disk reads faster with several requests."""


@contextmanager
def prefetch(batches: Callable[[int], Batch]) -> Iterator[Callable[[int], Batch]]:
    """Within the block, return the same batches for consecutive steps, drawn in advance."""
    pending: dict[int, Future[Batch]] = {}
    threads = ThreadPoolExecutor(STEPS, thread_name_prefix="batches")

    def batch_of(number: int) -> Batch:
        for later in range(number, number + STEPS + 1):
            if later not in pending:
                pending[later] = threads.submit(batches, later)
        return pending.pop(number).result()

    try:
        yield batch_of
    finally:
        threads.shutdown(cancel_futures=True)

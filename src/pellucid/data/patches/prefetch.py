"""Batches drawn while the steps before them are taken: reading pieces of images from a disk is mostly waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Batch = TypeVar("Batch")

STEPS = 4
"""How many batches are on their way at once: a disk reads faster where several ask it."""


@contextmanager
def prefetch(batches: Callable[[int], Batch]) -> Iterator[Callable[[int], Batch]]:
    """Within the block the same batches, from step to step without waiting, in so far as the disk keeps up."""
    coming: dict[int, Future[Batch]] = {}
    threads = ThreadPoolExecutor(STEPS, thread_name_prefix="batches")

    def batch_of(number: int) -> Batch:
        for later in range(number, number + STEPS + 1):
            if later not in coming:
                coming[later] = threads.submit(batches, later)
        return coming.pop(number).result()

    try:
        yield batch_of
    finally:
        threads.shutdown(cancel_futures=True)

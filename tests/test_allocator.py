from __future__ import annotations

import ctypes
import multiprocessing
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from pellucid import allocator
from pellucid.allocator import holding, trim

LARGE = 48 << 20
"""Bytes that glibc always takes from the system anew, and gives back at once."""

glibc = pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallopt"), reason="another C library"
)


def faults():
    """How often the system gave this process memory so far."""
    return int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[7])


def faults_of_a_second_use():
    np.ones(LARGE, np.uint8)
    before = faults()
    np.ones(LARGE, np.uint8)
    return faults() - before


@glibc
def test_memory_that_was_freed_is_used_again_within_the_block_only():
    # in a fresh process, whose heap has no room left by others
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        pool.submit(check_that_memory_is_used_again).result()


def check_that_memory_is_used_again():
    pages = LARGE >> 22  # fewer than there are, be they of 4 KiB or of 2 MiB
    assert faults_of_a_second_use() > pages
    with holding():
        assert faults_of_a_second_use() < pages // 2
        with holding():
            pass
        assert faults_of_a_second_use() < pages // 2
    assert faults_of_a_second_use() > pages


@glibc
def test_what_was_held_goes_back_behind_the_block():
    def resident():
        return 4096 * int(Path("/proc/self/statm").read_text().split()[1])

    with holding():
        np.ones(LARGE, np.uint8)
        held = resident()
    assert held - resident() > LARGE // 2


def test_holders_in_several_threads_and_failing_ones_are_counted(monkeypatch):
    told = []
    monkeypatch.setattr(allocator, "_set", told.append)

    def hold():
        with holding():
            inside.wait(5)
            leave.wait(5)

    inside, leave = threading.Barrier(3), threading.Event()
    threads = [threading.Thread(target=hold) for _ in range(2)]
    for thread in threads:
        thread.start()
    inside.wait(5)
    with pytest.raises(ZeroDivisionError), holding():
        _ = 1 / 0
    assert told == [allocator._HOLDING]
    leave.set()
    for thread in threads:
        thread.join(5)
    assert told == [allocator._HOLDING, allocator._USUAL]


def test_other_systems_do_without(monkeypatch):
    def nothing(*_):
        raise TypeError("LoadLibrary() argument 1 must be str, not None")

    monkeypatch.setattr(ctypes, "CDLL", nothing)
    with holding():
        trim()


def test_trimming_may_be_done_at_any_time():
    kept = np.ones(1 << 16)
    trim()
    assert kept.sum() == 1 << 16
